"""uvicorn's HTTP protocol, with a bound on connections that are no WebSockets.

uvicorn bounds requests at work. A connection that sends no request, or half of one, costs a file
descriptor for as long as its peer likes. Here only so many are open; when one more comes, the one
that was quiet for longest makes room, and where all are at work the newcomer is refused. A
WebSocket leaves the count with its upgrade and is bounded by admission.
"""

import asyncio
from time import monotonic
from typing import Any, Final, cast

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from app.contract import ContractError, ErrorCode
from app.gateway.metrics import GatewayMetrics

HEAD_TIMEOUT_S: Final = 10.0
"""From a connection's first byte, or from its opening, to the end of a request's headers."""


class HttpConfig(uvicorn.Config):
    """uvicorn's configuration, and what its HTTP connections need beside it.

    Attributes:
        max_http_connections: How many may be open.
        metrics: Where they are counted.
    """

    max_http_connections: int
    metrics: GatewayMetrics


class GatewayHttpProtocol(H11Protocol):
    """One connection, until it is upgraded or closed."""

    _heard_at = 0.0
    _head_timer: asyncio.TimerHandle | None = None

    @property
    def _limits(self) -> HttpConfig:
        return cast("HttpConfig", self.config)

    @property
    def is_at_work(self) -> bool:
        """Whether a request is being answered."""
        # None before the first request, whatever uvicorn's annotation says.
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection if there is room, or make some."""
        super().connection_made(transport)
        self._heard_at = monotonic()
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._on_late_head)
        others = [one for one in self.connections if type(one) is type(self) and one is not self]
        if len(others) < self._limits.max_http_connections:
            return
        quiet = [one for one in others if not one.is_at_work]
        if quiet:
            min(quiet, key=lambda one: one._heard_at).cut("idle")  # noqa: SLF001 - of its own kind
        else:
            self._refuse()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_head_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; a request's headers must be complete in time."""
        self._heard_at = monotonic()
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_head_timer()
        elif self._head_timer is None and self.conn.trailing_data[0]:
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._on_late_head)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the socket over."""
        self._stop_head_timer()
        super().handle_websocket_upgrade(event)

    def cut(self, reason: str) -> None:
        """Close without an answer."""
        self._limits.metrics.http_connections_cut.labels(reason).inc()
        # No more than one may be cut for each that comes: it makes room now, not when it is gone.
        self.connections.discard(self)
        self.transport.close()

    def _on_late_head(self) -> None:
        self._head_timer = None
        if not self.is_at_work:
            self.cut("late")

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self) -> None:
        limit = self._limits.max_http_connections
        error = ContractError(ErrorCode.TOO_MANY_CONNECTIONS, limit=limit)
        body = error.body().model_dump_json().encode()
        headers: list[tuple[bytes, Any]] = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"retry-after", str(int(error.retry_after_s or 1)).encode()),
            (b"connection", b"close"),
        ]
        for part in (
            h11.Response(status_code=503, headers=headers, reason=b"Service Unavailable"),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(part) or b"")
        self.cut("refused")
