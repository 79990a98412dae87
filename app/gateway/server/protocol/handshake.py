"""uvicorn's WebSocket protocol up to the 101: answers every handshake, in time.

A handshake can fail below the application in ways that uvicorn does not handle: its HTTP parser
accepts what the WebSocket parser cannot read (a method other than GET, a body, a header line over
the limit, a control character). Here all of them get the contract's error and a close. Until the
101 a connection has a deadline and counts as an HTTP connection.
"""

from asyncio import TimerHandle
from asyncio.transports import BaseTransport
from typing import Final, cast

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.datastructures import Headers
from websockets.exceptions import InvalidHandshake, InvalidHeader, SecurityError
from websockets.http11 import MAX_LINE_LENGTH, MAX_NUM_HEADERS, Request, Response

from app.contract import ContractError, ErrorCode
from app.contract.limits import MAX_ECHO_CHARS
from app.gateway.server.answers import WEBSOCKET_VERSION, last_answer
from app.gateway.server.protocol.connections import peer_of
from app.gateway.server.protocol.http import LINGER_S, HttpConfig
from app.gateway.telemetry.logs import get_logger

HANDSHAKE_TIMEOUT_S: Final = 10.0
"""From a complete upgrade request to the 101, and to the end of a refusal."""

_VERSION_HEADER: Final = "Sec-WebSocket-Version"

_log = get_logger(__name__)


class HandshakeProtocol(WebSocketsSansIOProtocol):
    """A connection from its upgrade request to the 101, or to the end of a refusal."""

    _deadline: TimerHandle | None = None
    _is_refused = False
    _is_over = False

    @property
    def peer(self) -> str:
        """Address of the other end."""
        return peer_of(self.client)

    @property
    def idle_since(self) -> float | None:
        """Always None: the gateway owes the answer."""
        return None

    @property
    def unread_since(self) -> float | None:
        """Always None: nothing was sent yet."""
        return None

    @property
    def pipelined_since(self) -> float | None:
        """Always None: there is one request."""
        return None

    @property
    def _limits(self) -> HttpConfig:
        return cast("HttpConfig", self.config)

    def connection_made(self, transport: BaseTransport) -> None:
        """Take the connection over, still counted as an HTTP connection."""
        super().connection_made(transport)
        self._limits.open_connections.add(self)
        self._wait_at_most(HANDSHAKE_TIMEOUT_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Remove the connection from the table."""
        self._leave()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Handle what was parsed, and refuse a handshake that cannot be."""
        super().handle_events()
        failure = self.conn.handshake_exc
        if failure is not None and not self.handshake_initiated:
            self._refuse(_unreadable(failure.__cause__ or failure))

    def handle_connect(self, event: Request) -> None:
        """Begin the handshake, or refuse it."""
        try:
            self.conn.process_request(event)
        except InvalidHandshake as error:
            self._refuse(_improper(error, event))
            return
        except UnicodeError:
            # Bytes beyond ASCII in a header are surrogates to the library, which it cannot encode.
            self._refuse(_bad_request("a header has a character that it may not have"))
            return
        super().handle_connect(event)

    def shutdown(self) -> None:
        """Refuse a handshake that has no answer yet, then end as uvicorn does."""
        if not (self.handshake_complete or self.initial_response):
            # uvicorn would answer, and let the application answer once more.
            self._refuse(ContractError(ErrorCode.DRAINING))
            self._is_over = True
        super().shutdown()

    async def send(self, message: ASGISendEvent) -> None:
        """Send; with the 101 the connection leaves the table: admission has counted it."""
        if self._is_over:
            raise ClientDisconnected
        await super().send(message)
        if message["type"] == "websocket.accept":
            self._leave()
        elif message["type"] == "websocket.http.response.body" and self.close_sent:
            self._linger()

    def abort(self) -> None:
        """Close at once, without an answer."""
        self.transport.abort()

    def _refuse(self, error: ContractError) -> None:
        metrics = self._limits.metrics
        metrics.connections_refused.labels(error.code.value).inc()
        metrics.errors_sent.labels(error.code.value).inc()
        _log.info("connection refused", code=error.code.value)
        self._linger()
        self.handshake_initiated = self.handshake_complete = self.close_sent = True
        status, headers, body = last_answer(error)
        response = Response(status.value, status.phrase, Headers(headers), body)
        if self.conn.eof_sent:  # the parser has given up, and drops what comes
            self.transport.write(response.serialize())
        else:
            self.conn.send_response(response)
            self.transport.write(b"".join(self.conn.data_to_send()))
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _linger(self) -> None:
        self._is_refused = True
        self._limits.open_connections.linger(self)
        self._wait_at_most(LINGER_S)

    def _wait_at_most(self, seconds: float) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(seconds, self._on_deadline)

    def _on_deadline(self) -> None:
        self._limits.open_connections.cut(self, "refused" if self._is_refused else "late")

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _leave(self) -> None:
        self._stop_waiting()
        self._limits.open_connections.discard(self)


def _unreadable(cause: BaseException) -> ContractError:
    """Return the error of a request that could not be parsed."""
    if isinstance(cause, SecurityError):
        return ContractError(
            ErrorCode.HEADERS_TOO_LARGE,
            accepted=f"{MAX_NUM_HEADERS} lines of {MAX_LINE_LENGTH} bytes",
        )
    return _bad_request(cause)


def _improper(error: InvalidHandshake, request: Request) -> ContractError:
    """Return the error of a request that could be parsed."""
    asked = request.headers.get_all(_VERSION_HEADER)
    if isinstance(error, InvalidHeader) and error.name == _VERSION_HEADER and asked:
        versions = ", ".join(asked)[:MAX_ECHO_CHARS]
        return ContractError(
            ErrorCode.UPGRADE_REQUIRED,
            path=request.path.partition("?")[0][:MAX_ECHO_CHARS],
            detail=f"{_VERSION_HEADER} is {versions!r}; accepted: {WEBSOCKET_VERSION}",
        )
    return _bad_request(error)


def _bad_request(cause: BaseException | str) -> ContractError:
    detail = f"The WebSocket handshake cannot be read: {cause}"
    return ContractError(ErrorCode.BAD_REQUEST, detail=detail[: 3 * MAX_ECHO_CHARS])
