"""A token bucket, for every rate limit of the gateway."""

from collections.abc import Callable
from time import monotonic


class TokenBucket:
    """Allows a burst, then a steady rate.

    Args:
        rate: Tokens that come back per second.
        burst: Tokens at the start, and the most there can be.
        clock: Seconds that only go up.
    """

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._clock = clock
        self._at = clock()

    @property
    def is_full(self) -> bool:
        """Whether all tokens are there, as in a new one."""
        self._refill()
        return self._tokens >= self._burst

    def take(self, tokens: float = 1.0) -> bool:
        """Take tokens if there are enough."""
        if self.seconds_to(tokens) > 0:
            return False
        self._tokens -= tokens
        return True

    def seconds_to(self, tokens: float = 1.0) -> float:
        """Return the seconds until so many tokens are there, 0 when they are; take none."""
        self._refill()
        return max(0.0, (tokens - self._tokens) / self._rate)

    def spend(self, tokens: float) -> float:
        """Take tokens, on credit if need be.

        Returns:
            Seconds until the credit is paid back, 0 without one.
        """
        self._refill()
        self._tokens -= tokens
        return max(0.0, -self._tokens / self._rate)

    def _refill(self) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
