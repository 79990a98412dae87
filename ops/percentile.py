"""The percentile that figures are told by."""

import math
from collections.abc import Sequence


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the nearest-rank percentile: a value that was measured, never one between two.

    Args:
        values: In any order.
        share: 0..100.
    """
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(share / 100 * len(values)) - 1)]
