"""A token bucket, for every rate limit of the gateway."""

from collections import OrderedDict
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

    def adjust(self, rate: float, burst: float) -> None:
        """Go on with another rate; what was spent stays spent."""
        if (rate, burst) != (self._rate, self._burst):
            self._refill()
            self._rate, self._burst = rate, burst
            self._tokens = min(self._tokens, burst)

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


class ClientBuckets:
    """A bucket for each client, of those that were not quiet for longest.

    Args:
        rate: Tokens that come back per second.
        burst: Tokens at the start, and the most there can be.
        clock: Seconds that only go up.
        most: How many clients are remembered.
    """

    def __init__(
        self,
        rate: float,
        burst: float,
        clock: Callable[[], float] = monotonic,
        most: int = 10_000,
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._most = most
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, client: str) -> float:
        """Take a token of a client's.

        Returns:
            0, or the seconds until there is one where there is none.
        """
        bucket = self._buckets.pop(client, None)
        if bucket is None:
            bucket = TokenBucket(self._rate, self._burst, self._clock)
        self._buckets[client] = bucket
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return 0.0 if bucket.take() else bucket.seconds_to()
