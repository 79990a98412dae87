"""The table of connections that are no WebSockets, or not yet, and who leaves it when it is full.

A WebSocket stays in it until its handshake is answered with 101; from then on admission bounds it.
"""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, Protocol

from app.gateway.telemetry.metrics import GatewayMetrics

PATIENCE_S: Final = 1.0
"""For so long an answer may be unread, or nothing be asked, before a connection is the first to
make room."""

MAX_LINGERING: Final = 64
"""Refused connections that may still be open: each has its answer, and a moment to read it."""


class HttpConnection(Protocol):
    """A connection, as far as the table looks at it."""

    @property
    def peer(self) -> str:
        """Address of who opened it: a client, or the proxy that many of them come by."""

    @property
    def idle_since(self) -> float | None:
        """When it last had something to do, on the monotonic clock; None while it has."""

    @property
    def unread_since(self) -> float | None:
        """Since when an answer waits to be read; None where none does."""

    @property
    def pipelined_since(self) -> float | None:
        """Since when it asks for more before it is answered; None while it does not."""

    def abort(self) -> None:
        """Close at once, without an answer."""


@dataclass(slots=True)
class HttpConnections:
    """Counts connections, and makes room for new ones.

    Attributes:
        limit: How many there may be.
        metrics: Where cut ones are counted.
    """

    limit: int
    metrics: GatewayMetrics
    _held: set[HttpConnection] = field(default_factory=set)
    _lingering: dict[HttpConnection, None] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._held) + len(self._lingering)

    def add(self, newcomer: HttpConnection) -> bool:
        """Count a connection; where that is one too many, cut the one that is least missed.

        That is who has not read an answer for longest, then who was quiet for longest, then who
        asks for more before it is answered; if it can be, one of the peer that has most of them.

        Returns:
            False where all others are at work on one request: the newcomer is one too many.
        """
        if len(self._held) >= self.limit and not self._make_room():
            return False
        self._held.add(newcomer)
        return True

    def discard(self, one: HttpConnection) -> None:
        """Forget a connection, if it is there."""
        self._held.discard(one)
        self._lingering.pop(one, None)

    def linger(self, refused: HttpConnection) -> None:
        """Let a connection that is refused end by itself; it takes nobody's place."""
        self._held.discard(refused)
        if len(self._lingering) >= MAX_LINGERING:
            oldest = next(iter(self._lingering))
            del self._lingering[oldest]
            oldest.abort()
        self._lingering[refused] = None

    def cut(self, one: HttpConnection, reason: str) -> None:
        """Cut a connection and count that."""
        self.metrics.http_connections_cut.labels(reason).inc()
        # It makes room now, not when it is gone: no more than one may be cut for each that comes.
        self.discard(one)
        one.abort()

    def _make_room(self) -> bool:
        # Who has most of the places gives one up first: else a client that opens connections faster
        # than others can ask would have the others cut.
        opened = Counter(one.peer for one in self._held)
        most = max(opened.values())
        greediest = [one for one in self._held if opened[one.peer] == most]
        return self._cut_one_of(greediest) or self._cut_one_of(self._held)

    def _cut_one_of(self, some: Collection[HttpConnection]) -> bool:
        for reason, since in _LEAST_MISSED:
            candidates = [(at, one) for one in some if (at := since(one)) is not None]
            if candidates:
                self.cut(min(candidates, key=lambda pair: pair[0])[1], reason)
                return True
        return False


def peer_of(client: tuple[str, int] | None) -> str:
    """Return the address uvicorn knows of a connection's other end; empty where there is none."""
    return "" if client is None else client[0]


def _long(since: float | None) -> float | None:
    return since if since is not None and since < monotonic() - PATIENCE_S else None


_LEAST_MISSED: Final[tuple[tuple[str, Callable[[HttpConnection], float | None]], ...]] = (
    ("unread", lambda one: _long(one.unread_since)),
    ("idle", lambda one: _long(one.idle_since)),
    ("pipelined", lambda one: one.pipelined_since),
    # Who has only just connected may be about to ask.
    ("idle", lambda one: one.idle_since),
)
"""Whose place is taken first: a metric's label, and since when somebody is such a one."""
