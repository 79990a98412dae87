"""What a change costs a month."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ops.cost import Difference, Estimate, difference, estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthlyCost:
    """The step from one monthly bill to another, as far as being there costs.

    Attributes:
        difference: both sums in US dollars, and the items they disagree on.
        added: (resource, what) of items that the base does not have.
        removed: of those that the head does not have.
        not_included: sentences: what depends on use, of the head.
    """

    difference: Difference
    added: frozenset[tuple[str, str]] = frozenset()
    removed: frozenset[tuple[str, str]] = frozenset()
    not_included: tuple[str, ...] = ()


def monthly_cost(base: Mapping[str, Any], head: Mapping[str, Any]) -> MonthlyCost:
    """Price two recordings by the same table, the one of this code.

    Args:
        base: `Recording.as_document` before.
        head: the same afterwards.
    """
    before, after = estimate(base["resources"]), estimate(head["resources"])
    old, new = _items(before), _items(after)
    return MonthlyCost(
        difference=difference(before, after),
        added=new - old,
        removed=old - new,
        not_included=after.not_included,
    )


def _items(found: Estimate) -> frozenset[tuple[str, str]]:
    return frozenset((line.resource, line.what) for line in found.lines)
