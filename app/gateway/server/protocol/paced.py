"""uvicorn's WebSocket protocol, with a bound on one connection's time in the event loop.

In any state of the connection, frames are parsed one by one, no more than the session takes, so
many in a turn of the event loop, and those that are no messages at a bounded rate. The rest waits,
first here and then, with the socket unread, at the client.
"""

import asyncio
from typing import Any

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent, WebSocketReceiveEvent
from uvicorn.config import Config
from uvicorn.server import ServerState
from websockets.frames import Frame

from app.contract import ContractError, ErrorCode
from app.gateway.admission.rate import TokenBucket
from app.gateway.server.protocol.frames import (
    BYTES_A_TURN,
    FRAMES_A_TURN,
    FRAMES_AFTER_CLOSE,
    SMALL_FRAME_BYTES,
    SteppedProtocol,
)
from app.gateway.server.protocol.handshake import HandshakeProtocol


class PacedProtocol(HandshakeProtocol):
    """A connection with bounded reading.

    Attributes:
        conn: The parser.
    """

    conn: SteppedProtocol

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn = SteppedProtocol(self.config.ws_max_size)
        rules = self._limits.incoming
        self._small_frames = TokenBucket(rules.frame_rate, rules.frame_burst)
        self._debt = 0.0
        self._next_turn: asyncio.Handle | None = None
        self._frames_after_close = FRAMES_AFTER_CLOSE
        self._is_awaited = False
        self._is_deaf = False

    @property
    def waiting(self) -> bool:
        """Whether a message waits for the session, or frames that may be one."""
        return not self.queue.empty() or self.conn.has_more

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the next turn."""
        self._cancel_turn()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Buffer bytes, and parse this turn's share of them."""
        if not self._is_deaf:
            self.conn.reader.feed_data(data)
            if self._next_turn is None:
                self._take_turn()
            else:
                self.after_turn()
        if len(data) >= BYTES_A_TURN and not self.read_paused:
            self._rest()

    async def receive(self) -> ASGIReceiveEvent:
        """Wait for the next message; frames are parsed meanwhile."""
        self.message_done()
        if self.queue.empty():
            self._is_awaited = True
            if self.conn.reader.buffer:
                self.read_on()
        message = await self.queue.get()
        self.message_taken(_size(message))
        self._is_awaited = False
        if self.read_paused and self._next_turn is None and not self.conn.has_more:
            self._resume_reading()
        return message

    async def send(self, message: ASGISendEvent) -> None:
        """Send; parse frames that waited for the handshake or the session's end."""
        await super().send(message)
        if message["type"] in {"websocket.accept", "websocket.close"}:
            self.read_on()

    def read_on(self) -> None:
        """Parse what waits, now or in this connection's next turn."""
        if self._next_turn is None:
            self._take_turn()

    def send_receive_event_to_app(self) -> None:
        """Check that a text is UTF-8 and deliver the message."""
        data = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
        self.frames = []
        if self.close_sent:
            return
        message: WebSocketReceiveEvent = {"type": "websocket.receive", "bytes": data}
        if self.curr_msg_data_type == "text":
            try:
                message = {"type": "websocket.receive", "text": data.decode()}
            except UnicodeDecodeError:
                self.end_with_error(ContractError(ErrorCode.INVALID_UTF8))
                return
        self.message_came(_size(message))
        self.queue.put_nowait(message)
        self._is_awaited = False

    def discard_input(self) -> None:
        """Drop everything that arrives from now on, unparsed."""
        self._is_deaf = True
        self.drop_unfinished()
        self._resume_reading()

    def drop_unfinished(self) -> None:
        """Drop unparsed bytes and the incomplete message."""
        self.frames = []
        self.conn.drop()

    def end_with_error(self, error: ContractError) -> None:
        """Send an error and close."""
        raise NotImplementedError

    # What a subclass may take note of

    def message_came(self, size: int) -> None:
        """Take note that a message waits for the session."""

    def message_taken(self, size: int) -> None:
        """Take note that the session has a message in hand."""

    def message_done(self) -> None:
        """Take note that it is done with it."""

    def after_turn(self) -> None:
        """Take note that the bytes held may have changed."""

    # What frames cost beside the messages they bring

    def handle_ping(self) -> None:
        """Answer a ping, unless the client does not read: answers would pile up here."""
        self._debt = self._small_frames.spend(1.0)
        output = self.conn.data_to_send()
        if self.writable.is_set():
            self.transport.write(b"".join(output))

    def handle_pong(self, event: Frame) -> None:
        """Charge a pong and handle it."""
        self._debt = self._small_frames.spend(1.0)
        super().handle_pong(event)

    def handle_text(self, event: Frame) -> None:
        """Begin a message, charging a small part."""
        if not event.fin:
            self._charge_part(event)
        super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        """Begin a message, charging a small part."""
        if not event.fin:
            self._charge_part(event)
        super().handle_bytes(event)

    def handle_cont(self, event: Frame) -> None:
        """Continue a message, charging a small part."""
        self._charge_part(event)
        super().handle_cont(event)

    def _charge_part(self, event: Frame) -> None:
        if len(event.data) < SMALL_FRAME_BYTES:
            self._debt = self._small_frames.spend(1.0)

    # Turns

    @property
    def is_blocked(self) -> bool:
        """Whether the session has to act before another frame is parsed."""
        if self.close_sent:
            return False
        if not self.handshake_complete:
            # What comes before the answer to the handshake is for whoever accepts it.
            return self.handshake_initiated
        return not self._is_awaited and not self.queue.empty()

    def _take_turn(self) -> None:
        """Parse as many frames as one turn may have."""
        conn = self.conn
        self._next_turn, self._debt = None, 0.0
        for _ in range(FRAMES_A_TURN):
            if self._is_deaf or self.is_blocked:
                break
            conn.receive_data(b"")
            if conn.parser_exc is not None:
                self.handle_parser_exception()
                break
            self.handle_events()
            if self.close_sent:
                self._count_after_close()
            if self._debt or not conn.has_more:
                break
        if self._debt or (conn.has_more and not self.is_blocked):
            self._rest()
        elif conn.reader.buffer and self.is_blocked:
            # The session goes on with it.
            self._pause_reading()
        elif self.read_paused:
            self._resume_reading()
        self.after_turn()

    def _rest(self) -> None:
        """Leave the rest to the next turn, or to one when the debt of small frames is paid."""
        take, debt = self._take_turn, 0.0 if self._is_deaf else self._debt
        self._next_turn = self.loop.call_later(debt, take) if debt else self.loop.call_soon(take)
        self._pause_reading()

    def _count_after_close(self) -> None:
        self._frames_after_close -= 1
        if not self._frames_after_close:
            self.discard_input()
            if self.transport.can_write_eof() and not self.transport.is_closing():
                self.transport.write_eof()

    def _cancel_turn(self) -> None:
        if self._next_turn is not None:
            self._next_turn.cancel()
            self._next_turn = None

    def _pause_reading(self) -> None:
        if not self.read_paused and not self.transport.is_closing():
            self.read_paused = True
            self.transport.pause_reading()

    def _resume_reading(self) -> None:
        if self.read_paused and not self.transport.is_closing():
            self.read_paused = False
            self.transport.resume_reading()


def _size(message: ASGIReceiveEvent) -> int:
    if message["type"] != "websocket.receive":
        return 0
    return len(message.get("bytes") or message.get("text") or b"")
