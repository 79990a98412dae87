"""How many vCPUs of which quota a stack's machines take, from what its program registers."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.catalogue.gpu import MACHINES
from infra.catalogue.quotas import Quota, quota_of
from ops.cost.rules import GROUP


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaUse:
    """What a stack takes of one quota.

    Attributes:
        quota: The quota.
        first: vCPUs of the machines that start with the stack, of the types tried first.
        most: vCPUs of every machine that scaling allows, of the largest types.
    """

    quota: Quota
    first: int
    most: int


def quota_uses(resources: Iterable[Mapping[str, Any]]) -> tuple[QuotaUse, ...]:
    """Return what the groups of a recording take, by quota.

    A group with an instance type that nobody knows here, or with a number that is not known yet, is
    left out. A refresh of a group takes as many again as it runs, since new machines come before
    old ones go.

    Args:
        resources: as in `Recording.as_document()["resources"]`.
    """
    first: dict[Quota, int] = {}
    most: dict[Quota, int] = {}
    for resource in resources:
        if resource["type"] == GROUP and not resource.get("read"):
            for quota, begins, ends in _group(resource["inputs"]):
                first[quota] = first.get(quota, 0) + begins
                most[quota] = most.get(quota, 0) + ends
    return tuple(
        QuotaUse(quota=quota, first=first[quota], most=vcpus)
        for quota, vcpus in sorted(most.items(), key=lambda item: item[0].name)
        if vcpus
    )


def _group(inputs: Mapping[str, Any]) -> Iterator[tuple[Quota, int, int]]:
    policy = inputs.get("mixedInstancesPolicy", {})
    overrides = policy.get("launchTemplate", {}).get("overrides", ())
    kinds = [item.get("instanceType") for item in overrides]
    shares = policy.get("instancesDistribution", {})
    base = shares.get("onDemandBaseCapacity", 0)
    percent = shares.get("onDemandPercentageAboveBaseCapacity", 100)
    counts = [inputs.get(key, 0) for key in ("minSize", "desiredCapacity", "maxSize")]
    if not kinds or any(kind not in MACHINES for kind in kinds):
        return
    if not all(isinstance(number, int) for number in (*counts, base, percent)):
        return
    begins, ends = max(counts[0], counts[1]), counts[2]
    for spot in (False, True):
        first, most = (_machines(number, base, percent, spot=spot) for number in (begins, ends))
        if first or most:
            largest = max(MACHINES[kind].vcpus for kind in kinds)
            yield (
                quota_of(kinds[0], spot=spot),
                first * MACHINES[kinds[0]].vcpus,
                most * largest,
            )


def _machines(number: int, base: int, percent: int, *, spot: bool) -> int:
    """Return how many of a group's machines are spot ones, or are not, at the most."""
    above = max(number - base, 0)
    on_demand = above * percent / 100
    return above - math.floor(on_demand) if spot else number - above + math.ceil(on_demand)
