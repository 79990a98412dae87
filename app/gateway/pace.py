"""Limits on how fast a client may go."""

from time import monotonic


class TokenBucket:
    """Allows a burst, then a steady rate.

    Args:
        rate: Tokens that come back per second.
        burst: Tokens at the start, and the most there can be.
    """

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = monotonic()

    def take(self, tokens: float = 1.0) -> bool:
        """Take tokens if there are enough."""
        self._refill()
        if self._tokens < tokens:
            return False
        self._tokens -= tokens
        return True

    def spend(self, tokens: float) -> float:
        """Take tokens, on credit if need be.

        Returns:
            Seconds until the credit is paid back, 0 without one.
        """
        self._refill()
        self._tokens -= tokens
        return max(0.0, -self._tokens / self._rate)

    def _refill(self) -> None:
        now = monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
