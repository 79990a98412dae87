"""uvicorn's HTTP protocol, with a bound on connections that are no WebSockets.

uvicorn bounds requests at work. A connection that sends no request, or half of one, costs a file
descriptor for as long as its peer likes. Here only so many are open; when one more comes, the one
that was quiet for longest makes room, and where all are at work the newcomer is refused. A
WebSocket leaves the count with the 101 and is bounded by admission.
"""

import asyncio
import sys
from time import monotonic
from typing import Any, Final, cast

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from app.contract import ContractError, ErrorCode
from app.contract.limits import MAX_ECHO_CHARS
from app.gateway.answers import last_answer
from app.gateway.http_connections import HttpConnections
from app.gateway.metrics import GatewayMetrics

MAX_HEAD_BYTES: Final = 16 * 1024
"""Of a request's line and headers together."""

HEAD_TIMEOUT_S: Final = 10.0
"""From a connection's first byte, or from its opening, to the end of a request's headers."""

LINGER_S: Final = 2.0
"""How long a refused client may go on sending: a socket closed with unread bytes is reset, and the
answer on its way is lost."""

_TOO_LARGE: Final = 431


class HttpConfig(uvicorn.Config):
    """uvicorn's configuration, and what its connections need beside it.

    Attributes:
        open_connections: Those that are no WebSockets.
        metrics: Where they are counted.
    """

    open_connections: HttpConnections
    metrics: GatewayMetrics


class GatewayHttpProtocol(H11Protocol):
    """One connection, until it is upgraded or closed."""

    _heard_at = 0.0
    _timer: asyncio.TimerHandle | None = None
    _is_refused = False

    @property
    def _limits(self) -> HttpConfig:
        return cast("HttpConfig", self.config)

    @property
    def is_at_work(self) -> bool:
        """Whether a request is being answered."""
        # None before the first request, whatever uvicorn's annotation says.
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    @property
    def quiet_since(self) -> float | None:
        """When the last bytes came; None while a request is being answered.

        Who is refused makes room before all others.
        """
        if self._is_refused:
            return 0.0
        return None if self.is_at_work else self._heard_at

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection if there is room, or make some."""
        super().connection_made(transport)
        self._heard_at = monotonic()
        self._close_after(HEAD_TIMEOUT_S)
        table = self._limits.open_connections
        if not table.add(self):
            self._limits.metrics.http_connections_cut.labels("refused").inc()
            self._refuse(ContractError(ErrorCode.TOO_MANY_CONNECTIONS, limit=table.limit))

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_timer()
        self._limits.open_connections.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; a request's headers must be complete in time."""
        if not self._is_refused:
            self._heard_at = monotonic()
            super().data_received(data)
            self._wait_for_head()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the socket over, and what came behind the request."""
        self._stop_timer()
        self._limits.open_connections.discard(self)
        # It announces no body, but the WebSocket parser reads no further than the name.
        self.headers = [one for one in self.headers if one != (b"content-length", b"0")]
        early, _ = self.conn.trailing_data
        super().handle_websocket_upgrade(event)
        if early:
            cast("asyncio.Protocol", self.transport.get_protocol()).data_received(early)

    def send_400_response(self, msg: str) -> None:
        """Say what h11 has against a request, where an answer is still possible."""
        error = sys.exception()
        if self.conn.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            self.transport.abort()
        elif isinstance(error, h11.RemoteProtocolError) and error.error_status_hint == _TOO_LARGE:
            accepted = f"{MAX_HEAD_BYTES} bytes in all"
            self._refuse(ContractError(ErrorCode.HEADERS_TOO_LARGE, accepted=accepted))
        else:
            detail = f"This is no proper HTTP request: {error or msg}"[: 3 * MAX_ECHO_CHARS]
            self._refuse(ContractError(ErrorCode.BAD_REQUEST, detail=detail))

    def abort(self) -> None:
        """Close at once, without an answer."""
        # Nobody waits for it when the server stops.
        self.connections.discard(self)
        self.transport.abort()

    # What uvicorn asks of a request's headers

    def _get_upgrade(self) -> bytes | None:
        """Return what an upgrade is asked to; uvicorn takes the last of several headers alone."""
        if self.scope["http_version"] == "1.0":
            return None  # RFC 9110, 7.8: to be ignored
        lists = {
            name: [
                token.strip().lower()
                for key, value in self.headers
                if key == name
                for token in value.split(b",")
            ]
            for name in (b"connection", b"upgrade")
        }
        return b", ".join(lists[b"upgrade"]) or None if b"upgrade" in lists[b"connection"] else None

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: whole families of HTTP clients offer h2c with each request."""

    def _wait_for_head(self) -> None:
        if self._is_refused:
            return
        if self.conn.their_state is not h11.IDLE:
            self._stop_timer()
        elif self._timer is None and self.conn.trailing_data[0]:
            self._close_after(HEAD_TIMEOUT_S)

    def _close_after(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._is_refused:
            self.abort()
        elif not self.is_at_work:
            self._limits.open_connections.cut(self, "late")

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, error: ContractError) -> None:
        """Answer, and close once the client has stopped sending or a moment has passed."""
        self._is_refused = True
        status, named, body = last_answer(error)
        headers: list[tuple[bytes, Any]] = [(key.encode(), value.encode()) for key, value in named]
        for part in (
            h11.Response(status_code=status, headers=headers, reason=status.phrase.encode()),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(part) or b"")
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._close_after(LINGER_S)
