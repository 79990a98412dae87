"""What a stack's machines take of the account's quotas, for people."""

from collections.abc import Mapping, Sequence

from infra.catalogue.quotas import Quota
from ops.cost.quota import QuotaUse

Quotas = tuple[Sequence[QuotaUse], Sequence[QuotaUse]]
"""At the base and at the head."""


def lines(quotas: Quotas) -> list[str]:
    """Return a line a quota; none where there are no machines."""
    before, after = ({use.quota: use for use in uses} for uses in quotas)
    return [_line(quota, before, after) for quota in sorted({*before, *after}, key=_name)]


def _name(quota: Quota) -> str:
    return quota.name


def _line(quota: Quota, before: Mapping[Quota, QuotaUse], after: Mapping[Quota, QuotaUse]) -> str:
    old, new = (found[quota].most if quota in found else 0 for found in (before, after))
    step = f"{new}" if old == new else f"{old} -> {new}"
    return (
        f"quota {quota.name} ({quota.code}): {step} vCPUs with every machine that scaling allows;"
        " a refresh takes as many again as its colour runs"
    )
