"""The bounded table of HTTP connections, and which one is cut when it is full.

A WebSocket stays in it until its handshake is answered with 101; from then on admission bounds it.
"""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, Protocol

from app.gateway.telemetry.metrics import GatewayMetrics

PATIENCE_S: Final = 1.0
"""How long an answer may be unread, or a connection idle, before it is the first to be cut."""

MAX_LINGERING: Final = 64
"""Refused connections that may still be open, to read their answer."""


class HttpConnection(Protocol):
    """A connection, as the table sees it."""

    @property
    def peer(self) -> str:
        """Address of the peer: a client, or a proxy of many clients."""

    @property
    def idle_since(self) -> float | None:
        """Since when it is idle, on the monotonic clock; None while it is not."""

    @property
    def unread_since(self) -> float | None:
        """Since when an answer waits to be read; None where none does."""

    @property
    def pipelined_since(self) -> float | None:
        """Since when it has sent more requests than the one at work; None while it has not."""

    def abort(self) -> None:
        """Close at once, without an answer."""


@dataclass(slots=True)
class HttpConnections:
    """Bounds connections, and cuts one to make room for a new one.

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
        """Add a connection; over the limit, cut another one first.

        That is one with an unread answer for longest, else idle for longest, else with pipelined
        requests; if possible one of the peer that has most of them.

        Returns:
            False where all others have one request at work: the newcomer is to be refused.
        """
        if len(self._held) >= self.limit and not self._make_room():
            return False
        self._held.add(newcomer)
        return True

    def discard(self, one: HttpConnection) -> None:
        """Remove a connection, if it is there."""
        self._held.discard(one)
        self._lingering.pop(one, None)

    def linger(self, refused: HttpConnection) -> None:
        """Let a refused connection end by itself, outside the limit."""
        self._held.discard(refused)
        if len(self._lingering) >= MAX_LINGERING:
            oldest = next(iter(self._lingering))
            del self._lingering[oldest]
            oldest.abort()
        self._lingering[refused] = None

    def cut(self, one: HttpConnection, reason: str) -> None:
        """Abort a connection and count that."""
        self.metrics.http_connections_cut.labels(reason).inc()
        # It makes room now, not when it is gone: one is cut for each that comes, no more.
        self.discard(one)
        one.abort()

    def _make_room(self) -> bool:
        # The peer with most connections loses one first: else one that opens connections faster
        # than others send requests would have the others cut.
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
    # A connection that was only just opened may be about to send a request.
    ("idle", lambda one: one.idle_since),
)
"""Which is cut first: a metric's label, and since when a connection is of that kind."""
