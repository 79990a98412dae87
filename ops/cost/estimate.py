"""Adds up what recorded resources cost a month, and how two such sums differ."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from ops.cost.prices import Prices, load
from ops.cost.rules import BY_USE, FREE, PRICED, Document, Line, PricingContext

DEFAULT_REGION = "us-east-1"
"""Where a resource without a provider of its own is."""

_PROVIDER = "pulumi:providers:aws"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What resources cost a month by being there; their use is not in it.

    Attributes:
        as_of: day since which every price is known to be this one.
        lines: one item each, in the order of the resources.
        not_priced: sentences: what would cost something, but nobody here knows how much.
        not_included: sentences: what depends on use.
    """

    as_of: date
    lines: tuple[Line, ...]
    not_priced: tuple[str, ...]
    not_included: tuple[str, ...]

    @property
    def monthly_usd(self) -> Decimal | None:
        """Dollars a month of all that is priced; None where something is there and nothing is.

        With anything in `not_priced` it is a lower bound.
        """
        known = [line.monthly_usd for line in self.lines if line.monthly_usd is not None]
        if not known and self.not_priced:
            return None
        return sum(known, Decimal("0.00"))


@dataclass(frozen=True, slots=True, kw_only=True)
class LineDifference:
    """One item that two estimates disagree on; None where it is absent or not priced."""

    resource: str
    what: str
    before_usd: Decimal | None
    after_usd: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The step from one estimate to another.

    Attributes:
        as_of: the older day of both.
        before_usd: the sum before; None where nothing could be priced.
        after_usd: the sum after.
        lines: items whose dollars differ, sorted by resource.
        not_priced: sentences of both.
    """

    as_of: date
    before_usd: Decimal | None
    after_usd: Decimal | None
    lines: tuple[LineDifference, ...]
    not_priced: tuple[str, ...]

    @property
    def monthly_usd(self) -> Decimal | None:
        """Dollars a month more, or less when negative; None where a sum is not known."""
        if self.before_usd is None or self.after_usd is None:
            return None
        return self.after_usd - self.before_usd


def estimate(
    resources: Iterable[Document], *, at_most: bool = False, prices: Prices | None = None
) -> Estimate:
    """Price recorded resources. Nothing is asked of anybody.

    Args:
        resources: as in `Recording.as_document()["resources"]`: `urn`, `type`, `name`, `inputs`,
            `provider`, `propertyDependencies`. Components and what exists already are skipped.
        at_most: every machine that scaling allows, all the time, instead of the usual number.
        prices: another table than the committed one.
    """
    table = prices or load()
    documents = {resource["urn"]: resource for resource in resources}
    regions = {
        urn: str(resource["inputs"].get("region", DEFAULT_REGION))
        for urn, resource in documents.items()
        if resource["type"] == _PROVIDER
    }
    lines: list[Line] = []
    unknown: dict[str, None] = {}
    used: dict[str, None] = {}
    for resource in documents.values():
        kind = resource["type"]
        if not kind.startswith("aws:") or resource.get("read"):
            continue
        region = regions.get(resource.get("provider", ""), DEFAULT_REGION)
        if kind in PRICED:
            around = PricingContext(
                prices=table, region=region, resources=documents, at_most=at_most
            )
            found = list(PRICED[kind](resource, around))
            if not found:
                continue
            lines += found
            unknown |= dict.fromkeys(_missing(line, region) for line in found if _open(line))
        elif kind not in FREE and kind not in BY_USE:
            unknown[f"{resource['name']}: no rule for the type {kind}"] = None
        if kind in BY_USE:
            used[BY_USE[kind]] = None
    return Estimate(
        as_of=table.as_of,
        lines=tuple(lines),
        not_priced=tuple(unknown),
        not_included=tuple(used),
    )


def difference(before: Estimate, after: Estimate) -> Difference:
    """Compare two estimates item by item."""
    old, new = _sums(before), _sums(after)
    return Difference(
        as_of=min(before.as_of, after.as_of),
        before_usd=before.monthly_usd,
        after_usd=after.monthly_usd,
        lines=tuple(
            LineDifference(
                resource=key[0], what=key[1], before_usd=old.get(key), after_usd=new.get(key)
            )
            for key in sorted(old.keys() | new.keys())
            if old.get(key) != new.get(key)
        ),
        not_priced=tuple(dict.fromkeys((*before.not_priced, *after.not_priced))),
    )


def _sums(found: Estimate) -> Mapping[tuple[str, str], Decimal | None]:
    return {(line.resource, line.what): line.monthly_usd for line in found.lines}


def _open(line: Line) -> bool:
    """Return whether dollars are missing: none of something unknown still costs nothing."""
    return line.monthly_usd is None and line.quantity != 0


def _missing(line: Line, region: str) -> str:
    if line.quantity is None:
        return f"{line.resource}: how much of {line.what} is not known"
    return f"{line.resource}: no price of {line.what} in {region}"
