"""Limits sessions by client and by minute."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from time import monotonic
from typing import Final

from app.contract import ContractError, ErrorCode
from app.gateway.admission.rate import TokenBucket
from app.gateway.identity.identity import NO_LIMITS, ClientLimits

MAX_CLIENTS: Final = 10_000
"""Clients without a session that are remembered: some 5 MB. Beyond it the one that was quiet for
longest is forgotten, and with it how many sessions it began; the limit over all clients stays."""

_MINUTE_S: Final = 60.0
_MS: Final = 1000
_ROUNDING_S: Final = 1e-6
"""What sums of floating-point seconds may be short of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaRules:
    """Limits on sessions; 0 means no limit.

    Where the token or key of a client has limits of its own, they take the place of those for every
    client.

    Attributes:
        client_sessions: Sessions of one client at once, those that wait included.
        new_per_minute: Sessions begun in a minute, over all clients.
        client_new_per_minute: The same for one client.
        client_resumes_per_minute: Sessions that one client resumes in a minute.
    """

    client_sessions: int = 0
    new_per_minute: float = 0
    client_new_per_minute: float = 0
    client_resumes_per_minute: float = 0


@dataclass(slots=True)
class _Client:
    """The state kept for one client."""

    beginnings: TokenBucket | None
    resumes: TokenBucket | None
    sessions: int = 0

    @property
    def is_as_new(self) -> bool:
        """Whether nothing of it needs to be remembered."""
        return all(each is None or each.is_full for each in (self.beginnings, self.resumes))


class Quotas:
    """Counts sessions by client.

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
        """How many clients have state."""
        return len(self._busy) + len(self._idle)

    def check(
        self, client: bytes, *, is_new: bool = True, limits: ClientLimits = NO_LIMITS
    ) -> None:
        """Refuse a session that may not begin; count nothing.

        Args:
            client: Whose.
            is_new: Whether it counts as begun; one that is resumed counts as that.
            limits: The client's own.

        Raises:
            ContractError: `too_many_client_sessions`; or `too_many_new_sessions`, or
                `too_many_resumes`, with the exact seconds until one may begin.
        """
        known = self._busy.get(client) or self._idle.get(client)
        own = self._rules.client_sessions if limits.sessions is None else limits.sessions
        limit = min(filter(None, (own, self._share() if self._share else 0)), default=0)
        if limit and known is not None and known.sessions >= limit:
            raise ContractError(ErrorCode.TOO_MANY_CLIENT_SESSIONS, limit=limit)
        if not is_new:
            self._check_resumes(known)
            return
        rate = self._rate_of(limits)
        if known is not None and known.beginnings is not None and rate:
            known.beginnings.adjust(rate / _MINUTE_S, rate)
            _check(known.beginnings, rate)
        _check(self._beginnings, self._rules.new_per_minute)

    def take(self, client: bytes, *, is_new: bool = True, limits: ClientLimits = NO_LIMITS) -> None:
        """Count a session that begins or waits, until `give`.

        Raises:
            ContractError: As `check`; nothing is counted then.
        """
        self.check(client, is_new=is_new, limits=limits)
        rate = self._rate_of(limits)
        known = self._busy.get(client) or self._idle.pop(client, None)
        if known is None:
            known = _Client(self._bucket(rate), self._bucket(self._rules.client_resumes_per_minute))
        elif known.beginnings is None:
            # Another of its tokens has no limit.
            known.beginnings = self._bucket(rate)
        self._busy[client] = known
        known.sessions += 1
        for bucket in (known.beginnings, self._beginnings) if is_new else (known.resumes,):
            if bucket is not None:
                bucket.spend(1.0)

    def take_over(self, client: bytes) -> None:
        """Count a resume of a session that the client has already.

        Raises:
            ContractError: `too_many_resumes`; nothing is counted then.
        """
        known = self._busy[client]
        self._check_resumes(known)
        if known.resumes is not None:
            known.resumes.spend(1.0)

    def give(self, client: bytes) -> None:
        """Count the end of a session."""
        known = self._busy[client]
        known.sessions -= 1
        if not known.sessions:
            self._idle[client] = self._busy.pop(client)
        self._forget()

    def _forget(self) -> None:
        """Drop the state of clients idle for longest, while it is default or over the limit."""
        while self._idle:
            client, known = next(iter(self._idle.items()))
            if not known.is_as_new and len(self._idle) <= self._max_clients:
                return
            del self._idle[client]

    def _check_resumes(self, known: _Client | None) -> None:
        own = None if known is None else known.resumes
        rate = self._rules.client_resumes_per_minute
        _check(own, rate, ErrorCode.TOO_MANY_RESUMES)

    def _rate_of(self, limits: ClientLimits) -> float:
        """Return the sessions that a client may begin in a minute; 0 for no limit."""
        own = limits.new_per_minute
        return self._rules.client_new_per_minute if own is None else own

    def _bucket(self, per_minute: float) -> TokenBucket | None:
        return TokenBucket(per_minute / _MINUTE_S, per_minute, self._clock) if per_minute else None


def _check(
    bucket: TokenBucket | None, rate: float, code: ErrorCode = ErrorCode.TOO_MANY_NEW_SESSIONS
) -> None:
    seconds = 0.0 if bucket is None else bucket.seconds_to()
    if seconds > _ROUNDING_S:
        # Upwards: who comes after what it was told must not be told again.
        after = ceil(seconds * _MS) / _MS
        raise ContractError(code, rate=rate, retry_after_s=after)
