"""uvicorn's WebSocket protocol, with the contract's errors at the byte level.

Three things happen below the application and would close a connection without an error: a message
over the size limit, a text that is not UTF-8, and bytes that are no WebSocket frames. Here the
`error` message is written before the close frame. Input is then discarded for a moment before the
socket is closed: closing it with unread data would make the kernel reset the connection and lose
the message.
"""

from collections.abc import Callable, Sequence
from typing import Final

from uvicorn._types import ASGISendEvent
from websockets.exceptions import InvalidState, PayloadTooBig
from websockets.frames import Close, Frame, Opcode
from websockets.http11 import Request

from app.contract import CloseCode, ContractError, ErrorCode
from app.gateway.server.protocol.holding import HoldingProtocol
from app.gateway.session.socket import EXTENSION

LINGER_S: Final = 5.0
"""How long a closing connection may take before it is cut."""

_LINGER_TLS_S: Final = 1.0
"""The same after a failure on TLS, which has no half-close to say that nothing follows."""


class GatewayProtocol(HoldingProtocol):
    """A WebSocket of the gateway.

    ASGI's layers cost time for every message, so messages bypass them: the session receives and
    pushes here. The rest, from the handshake to the close, goes through them.

    Attributes:
        render_end: Renders an error in the connection's dialect; set by the application after it
            accepted.
        failure: What ended the connection below the application, if anything did.
    """

    render_end: Callable[[ContractError], Sequence[str]] | None = None
    failure: ContractError | None = None

    @property
    def flowing(self) -> bool:
        """Whether the transport accepts more."""
        return self.writable.is_set()

    def handle_connect(self, event: Request) -> None:
        """Pass this object to the application."""
        super().handle_connect(event)
        if not self.close_sent:
            # The application's task was only scheduled: it has not seen the scope yet.
            self.scope["extensions"] = {**(self.scope["extensions"] or {}), EXTENSION: self}  # type: ignore[dict-item]

    def handle_parser_exception(self) -> None:
        """Send the error before closing."""
        if self.close_sent:
            return
        self._fail(self._parser_failure())

    def end_with_error(self, error: ContractError) -> None:
        """Send an error and close."""
        if not self.close_sent:
            self.conn.fail(error.spec.close_code or CloseCode.INTERNAL)
            self._fail(error)

    async def deliver(self, text: str) -> None:
        """Send a text as soon as the client reads."""
        await self.send({"type": "websocket.send", "text": text})

    async def end(self, code: int, reason: str) -> None:
        """Close as soon as the client has read everything."""
        await self.send({"type": "websocket.close", "code": code, "reason": reason})

    def push(self, text: str) -> None:
        """Send a text at once."""
        if self.disconnected or self.close_sent:
            raise ConnectionResetError("the connection is closed")
        try:
            self.conn.send_text(text.encode())
        except InvalidState as error:
            raise ConnectionResetError("the connection is closing") from error
        self.transport.write(b"".join(self.conn.data_to_send()))

    def keepalive_timeout(self) -> None:
        """Close a connection that does not answer, unless the answer may be waiting unread."""
        if self.read_paused:
            self.pong_timer = None
            self.pending_ping_payload = None
            self.schedule_ping()
            return
        super().keepalive_timeout()
        self._cut_later()

    async def send(self, message: ASGISendEvent) -> None:
        """Send, and limit the time of a close."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and self.close_sent:
            # uvicorn takes a refusal for a handshake without an answer, and would log an error.
            self.handshake_complete = True
        if message["type"] == "websocket.close":
            self._cut_later()

    def cut(self, texts: Sequence[str], code: int) -> None:
        """Queue the last messages and the close, then end the connection come what may."""
        if self.close_sent or self.disconnected:
            return
        for text in texts:
            self.conn.send_text(text.encode())
        self.conn.send_close(code)
        self.close_sent = True
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.read_on()
        self._cut_later()

    def _parser_failure(self) -> ContractError:
        if isinstance(self.conn.parser_exc, PayloadTooBig):
            return ContractError(ErrorCode.MESSAGE_TOO_BIG, limit=self.config.ws_max_size)
        if isinstance(self.conn.parser_exc, UnicodeDecodeError):
            return ContractError(ErrorCode.INVALID_UTF8)
        return ContractError(ErrorCode.PROTOCOL_ERROR, detail=self.conn.parser_exc)

    def _fail(self, error: ContractError) -> None:
        self.failure = error
        output = b"".join(self.conn.data_to_send())
        if self.handshake_complete and self.render_end is not None:
            frames = (Frame(Opcode.TEXT, text.encode()) for text in self.render_end(error))
            output = b"".join(frame.serialize(mask=False) for frame in frames) + output
        closed = self.conn.close_sent or Close(CloseCode.PROTOCOL_ERROR, "")
        self.queue.put_nowait(
            {"type": "websocket.disconnect", "code": closed.code, "reason": closed.reason}
        )
        self.close_sent = True
        self.stop_keepalive()
        self.transport.write(output)
        self.discard_input()
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self._cut_later()
        else:
            self._cut_later(_LINGER_TLS_S)

    def _cut_later(self, linger_s: float = LINGER_S) -> None:
        if self.close_timer is not None:
            self.close_timer.cancel()
        if not self.disconnected:
            self.close_timer = self.loop.call_later(linger_s, self.transport.abort)
