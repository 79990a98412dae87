"""The table of connections that are no WebSockets, or not yet, and who leaves it when it is full.

A WebSocket stays in it until its handshake is answered with 101; from then on admission bounds it.
"""

from dataclasses import dataclass, field
from typing import Protocol

from app.gateway.metrics import GatewayMetrics


class Held(Protocol):
    """A connection, as far as the table looks at it."""

    @property
    def quiet_since(self) -> float | None:
        """When it last had something to do, on the monotonic clock; None while it has."""

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
    _held: set[Held] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self._held)

    def add(self, newcomer: Held) -> bool:
        """Count a connection; where that is one too many, cut the one that was quiet for longest.

        Returns:
            False where all others are at work: the newcomer is one too many.
        """
        has_room = len(self._held) < self.limit or self._make_room()
        self._held.add(newcomer)
        return has_room

    def discard(self, one: Held) -> None:
        """Forget a connection, if it is there."""
        self._held.discard(one)

    def cut(self, one: Held, reason: str) -> None:
        """Cut a connection and count that."""
        self.metrics.http_connections_cut.labels(reason).inc()
        # It makes room now, not when it is gone: no more than one may be cut for each that comes.
        self._held.discard(one)
        one.abort()

    def _make_room(self) -> bool:
        quiet = [(since, one) for one in self._held if (since := one.quiet_since) is not None]
        if not quiet:
            return False
        self.cut(min(quiet, key=lambda pair: pair[0])[1], "idle")
        return True
