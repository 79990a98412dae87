"""The table of a run: a row an attack."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from tests.support.report import Report

if TYPE_CHECKING:
    from tests.abuse.observations import Row

COLUMNS: Final = (
    "Attack",
    "How it was answered",
    "Neighbour's p95, ms (alone)",
    "Others not served",
    "Slowest health check, ms",
    "Memory grew by, MiB (budget)",
    "Descriptors (left)",
    "Verdict",
)
_MS: Final = 1000.0


def cells(row: Row) -> tuple[str, ...]:
    """What stands in a row."""
    title = ". ".join(filter(None, (row.title, row.did, row.remark)))
    verdict = "**broken**" if row.broken else "kept"
    trial, limits = row.trial, row.limits
    if trial is None or limits is None:
        return (title, *["-"] * (len(COLUMNS) - 2), verdict)
    observations = trial.observations
    alone, under = observations.p95(trial.alone) * _MS, observations.p95(trial.under) * _MS
    slowest = observations.slowest("health", trial.under)
    return (
        title,
        row.answered or "-",
        f"{under:,.0f} ({alone:,.0f})",
        f"{observations.refused(trial.under).total()} of {observations.count(trial.under)}",
        "-" if math.isnan(slowest) else f"{slowest * _MS:,.0f}",
        f"{trial.grown_mib:,.0f} ({limits.grown_mib:g})",
        f"{trial.most.files:,} ({trial.left_files:+d})",
        verdict,
    )


REPORT: Final[Report[Row]] = Report(name="abuse", columns=COLUMNS, cells=cells)
"""Its table in docs/reliability.md."""
