"""How many sessions a client may have, and how many may begin in a minute."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from time import monotonic
from typing import Final

from app.contract import ContractError, ErrorCode
from app.gateway.pace import TokenBucket

MAX_CLIENTS: Final = 10_000
"""Clients without a session that are remembered: some 5 MB. Beyond it the one that was quiet for
longest is forgotten, and with it how many sessions it began; the limit over all clients stays."""

_MINUTE_S: Final = 60.0
_MS: Final = 1000
_ROUNDING_S: Final = 1e-6
"""What sums of floating-point seconds may be short of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaRules:
    """0 means no limit.

    Attributes:
        client_sessions: Sessions of one client at once, those that wait included.
        new_per_minute: Sessions begun in a minute, over all clients.
        client_new_per_minute: The same for one client.
    """

    client_sessions: int = 0
    new_per_minute: float = 0
    client_new_per_minute: float = 0


@dataclass(slots=True)
class _Client:
    """What is remembered of one."""

    beginnings: TokenBucket | None
    sessions: int = 0


class Quotas:
    """Counts by client.

    Args:
        rules: The limits.
        clock: Seconds that only go up.
        max_clients: How many idle ones are remembered.
        share: Sessions that one client may have as things are now, 0 for no limit; beside the
            fixed limit of the rules.
    """

    def __init__(
        self,
        rules: QuotaRules,
        clock: Callable[[], float] = monotonic,
        max_clients: int = MAX_CLIENTS,
        share: Callable[[], int] | None = None,
    ) -> None:
        self._rules = rules
        self._clock = clock
        self._max_clients = max_clients
        self._share = share
        self._beginnings = self._bucket(rules.new_per_minute)
        self._busy: dict[bytes, _Client] = {}
        self._idle: OrderedDict[bytes, _Client] = OrderedDict()

    @property
    def remembered(self) -> int:
        """Clients that are known."""
        return len(self._busy) + len(self._idle)

    def check(self, client: bytes, *, is_new: bool = True) -> None:
        """Say whether a session may begin; counts nothing.

        Args:
            client: Whose.
            is_new: Whether it counts as begun; one that is resumed does not.

        Raises:
            ContractError: `too_many_client_sessions`, or `too_many_new_sessions` with the exact
                seconds until one may begin.
        """
        known = self._busy.get(client) or self._idle.get(client)
        limits = (self._rules.client_sessions, self._share() if self._share else 0)
        limit = min(filter(None, limits), default=0)
        if limit and known is not None and known.sessions >= limit:
            raise ContractError(ErrorCode.TOO_MANY_CLIENT_SESSIONS, limit=limit)
        if is_new:
            own = None if known is None else known.beginnings
            _check(own, self._rules.client_new_per_minute)
            _check(self._beginnings, self._rules.new_per_minute)

    def take(self, client: bytes, *, is_new: bool = True) -> None:
        """Count a session that begins or waits; `give` returns it.

        Raises:
            ContractError: As `check`; nothing is counted then.
        """
        self.check(client, is_new=is_new)
        known = self._busy.get(client) or self._idle.pop(client, None)
        if known is None:
            known = _Client(self._bucket(self._rules.client_new_per_minute))
        self._busy[client] = known
        known.sessions += 1
        if is_new:
            for bucket in (known.beginnings, self._beginnings):
                if bucket is not None:
                    bucket.spend(1.0)

    def give(self, client: bytes) -> None:
        """Return a session."""
        known = self._busy[client]
        known.sessions -= 1
        if not known.sessions:
            self._idle[client] = self._busy.pop(client)
        self._forget()

    def _forget(self) -> None:
        """Drop who was quiet for longest, while that changes nothing or they are too many."""
        while self._idle:
            client, known = next(iter(self._idle.items()))
            is_as_new = known.beginnings is None or known.beginnings.is_full
            if not is_as_new and len(self._idle) <= self._max_clients:
                return
            del self._idle[client]

    def _bucket(self, per_minute: float) -> TokenBucket | None:
        return TokenBucket(per_minute / _MINUTE_S, per_minute, self._clock) if per_minute else None


def _check(bucket: TokenBucket | None, rate: float) -> None:
    seconds = 0.0 if bucket is None else bucket.seconds_to()
    if seconds > _ROUNDING_S:
        # Upwards: who comes after what it was told must not be told again.
        after = ceil(seconds * _MS) / _MS
        raise ContractError(ErrorCode.TOO_MANY_NEW_SESSIONS, rate=rate, retry_after_s=after)
