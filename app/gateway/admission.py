"""How many connections and sessions there may be."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.contract import ContractError, ErrorCode
from app.gateway.metrics import GatewayMetrics


class Admission:
    """Counts connections and sessions; refuses when they are used up or the gateway drains.

    Args:
        max_connections: WebSocket connections at once.
        max_sessions: Sessions at once, uploads included.
        metrics: Where the counts are shown.
    """

    def __init__(self, max_connections: int, max_sessions: int, metrics: GatewayMetrics) -> None:
        self._max_connections = max_connections
        self._max_sessions = max_sessions
        self._metrics = metrics
        self.connections = 0
        self.sessions = 0
        self.draining = False
        metrics.session_slots.set(max_sessions)

    @property
    def free_sessions(self) -> int:
        """Sessions that could be started now."""
        return self._max_sessions - self.sessions

    def obstacles(self, *, capacity: bool) -> list[str]:
        """Say why no session can be taken now; nothing when one can.

        Args:
            capacity: Whether being full is a reason.
        """
        found = []
        if self.draining:
            found.append("the gateway is draining")
        if not capacity:
            return found
        if self.free_sessions <= 0:
            found.append(f"all {self._max_sessions} sessions are in use")
        if self.connections >= self._max_connections:
            found.append(f"all {self._max_connections} connections are in use")
        return found

    @contextmanager
    def connection(self) -> Iterator[None]:
        """Hold a connection for the length of a `with` block.

        Raises:
            ContractError: `draining`, `too_many_connections`, or `too_many_sessions` when a new
                connection could not get a session anyway.
        """
        self._refuse_draining()
        if self.connections >= self._max_connections:
            raise ContractError(ErrorCode.TOO_MANY_CONNECTIONS, limit=self._max_connections)
        self._refuse_full()
        self.connections += 1
        self._metrics.connections_active.set(self.connections)
        try:
            yield
        finally:
            self.connections -= 1
            self._metrics.connections_active.set(self.connections)

    def take_session(self) -> None:
        """Take a session slot; `give_session` returns it.

        Raises:
            ContractError: `draining` or `too_many_sessions`.
        """
        self._refuse_draining()
        self._refuse_full()
        self.sessions += 1
        self._metrics.sessions_active.set(self.sessions)

    def give_session(self) -> None:
        """Return a slot."""
        self.sessions -= 1
        self._metrics.sessions_active.set(self.sessions)

    @contextmanager
    def session(self) -> Iterator[None]:
        """Hold a session slot for the length of a `with` block; raises as `take_session`."""
        self.take_session()
        try:
            yield
        finally:
            self.give_session()

    def _refuse_draining(self) -> None:
        if self.draining:
            raise ContractError(ErrorCode.DRAINING)

    def _refuse_full(self) -> None:
        if self.free_sessions <= 0:
            raise ContractError(ErrorCode.TOO_MANY_SESSIONS, limit=self._max_sessions)
