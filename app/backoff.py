"""Waits between attempts: exponential back-off with full jitter.

A wait is drawn evenly between zero and a bound that doubles with each attempt, so that those who
failed together do not come back together.
"""

import random
from collections.abc import Callable
from typing import Final

_MOST_DOUBLINGS: Final = 32
"""Any first wait is longer than the longest one by then; 2.0 to the power of a long outage is no
float."""


def jittered(
    attempt: int,
    *,
    first_s: float,
    longest_s: float,
    draw: Callable[[float, float], float] | None = None,
) -> float:
    """Return the seconds to wait before an attempt.

    Args:
        attempt: counts from 0.
        first_s: bound of the wait before attempt 0; it doubles with each one.
        longest_s: the bound does not grow beyond.
        draw: returns a random number between two; None takes `random.uniform`.
    """
    bound = min(longest_s, first_s * 2.0 ** min(attempt, _MOST_DOUBLINGS))
    return (draw or random.uniform)(0.0, bound)
