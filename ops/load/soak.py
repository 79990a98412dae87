"""Whether a process that ran for long has grown all the while: a line through its memory. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Sequence

SETTLING: Final = 0.2
"""Part of a soak at its beginning that is left out: pools and caches fill in it."""
FEWEST: Final = 30
"""Fewer readings than these say nothing."""
BATCHES: Final = 10
"""Readings of one second hang together; the line is drawn through the means of so many spans of
them, which hardly do."""
T_975: Final = 2.306
"""Student's t of a two-sided 95 % interval with BATCHES - 2 degrees of freedom."""
MATTERS_BYTES_PER_HOUR: Final = 20 * 2**20
"""Slower growth is no leak that a machine of 32 GiB would notice between two releases."""


class Growth(BaseModel):
    """How memory went.

    Attributes:
        verdict: `leak`: grows, and by more than matters, with 95 % confidence; `steady`: does not
            grow by so much, with the same confidence; `not clear`: too short or too noisy to say.
        bytes_per_hour: Slope of the line; None where there is none.
        low: Lower end of its 95 % interval.
        high: Upper end.
        readings: How many there were after the settling.
        hours: How long they span.
    """

    model_config = ConfigDict(frozen=True)

    verdict: str
    bytes_per_hour: float | None
    low: float | None
    high: float | None
    readings: int
    hours: float

    @property
    def sentence(self) -> str:
        """The verdict for a person."""
        if self.bytes_per_hour is None or self.low is None or self.high is None:
            return f"not clear: {self.readings} readings are too few for a line"
        mib = 2**20
        return (
            f"{self.verdict}: {self.bytes_per_hour / mib:+.1f} MiB an hour (95 % confidence "
            f"{self.low / mib:+.1f} to {self.high / mib:+.1f}), over {self.hours:.2f} h"
        )


def growth(readings: Sequence[tuple[float, int]]) -> Growth:
    """Judge a process by its resident memory.

    Args:
        readings: Seconds and bytes, ascending, from the moment the load was at its level.
    """
    if not readings:
        return _unknown(0, 0.0)
    begun, ended = readings[0][0], readings[-1][0]
    kept = [row for row in readings if row[0] >= begun + SETTLING * (ended - begun)]
    hours = (kept[-1][0] - kept[0][0]) / 3600
    if len(kept) < FEWEST or hours <= 0:
        return _unknown(len(kept), hours)
    spans = [np.asarray(part) for part in np.array_split(np.asarray(kept, float), BATCHES)]
    x = np.array([part[:, 0].mean() for part in spans]) / 3600
    y = np.array([part[:, 1].mean() for part in spans])
    across = x - x.mean()
    spread = float((across**2).sum())
    slope = float((across * (y - y.mean())).sum()) / spread
    left = y - y.mean() - slope * across
    error = math.sqrt(float((left**2).sum()) / (BATCHES - 2) / spread)
    low, high = slope - T_975 * error, slope + T_975 * error
    if low > MATTERS_BYTES_PER_HOUR:
        verdict = "leak"
    elif high < MATTERS_BYTES_PER_HOUR:
        verdict = "steady"
    else:
        verdict = "not clear"
    return Growth(
        verdict=verdict, bytes_per_hour=slope, low=low, high=high, readings=len(kept), hours=hours
    )


def _unknown(readings: int, hours: float) -> Growth:
    return Growth(
        verdict="not clear",
        bytes_per_hour=None,
        low=None,
        high=None,
        readings=readings,
        hours=hours,
    )
