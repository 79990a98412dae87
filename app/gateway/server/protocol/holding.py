"""uvicorn's WebSocket protocol, with a bound on what one connection holds of what came in.

In bytes, together with all others (`Buffers`), and in time: a message that was begun has to end.
"""

import asyncio
from typing import Any

from uvicorn._types import ASGIReceiveEvent
from uvicorn.config import Config
from uvicorn.server import ServerState

from app.contract import ContractError, ErrorCode
from app.gateway.server.protocol.buffers import FREE_BYTES
from app.gateway.server.protocol.paced import PacedProtocol


class HoldingProtocol(PacedProtocol):
    """One connection, as far as its memory goes.

    Attributes:
        owner: Client whose it is; set by the application before it accepts.
    """

    owner = b""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._buffers = self._limits.incoming.buffers
        self._message_timeout_s = self._limits.incoming.message_timeout_s
        self._counted = 0
        self._messages = 0
        self._in_hand = 0
        self._begun_at: float | None = None
        self._frame = 0
        self._alarm: asyncio.TimerHandle | None = None

    @property
    def unfinished(self) -> int:
        """Bytes of the message that is not complete."""
        reader = self.conn.reader
        return (self.conn.cur_size or 0) + (len(reader.buffer) if reader.in_frame else 0)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what can come to no end any more."""
        if self._alarm is not None:
            self._alarm.cancel()
        super().connection_lost(exc)
        self.drop_unfinished()
        self._count()

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """Forget the messages that the session had or would have taken."""
        super().on_task_complete(task)
        self._messages = self._in_hand = 0
        self._count()

    async def receive(self) -> ASGIReceiveEvent:
        """Wait for the next message; the one before it is done with."""
        self._messages -= self._in_hand
        self._in_hand = 0
        if self._counted:
            self._count()
        message = await super().receive()
        self._in_hand = _size(message)
        return message

    def deliver(self, message: ASGIReceiveEvent) -> None:
        """Give a message to the session; it counts until the next one is asked for."""
        self._begun_at = None
        self._messages += _size(message)
        super().deliver(message)

    def after_turn(self) -> None:
        """Count what is held, and the time of a message that is not complete."""
        self._count()
        reader = self.conn.reader
        if self.conn.cur_size is None and reader.frames != self._frame:
            self._frame, self._begun_at = reader.frames, None
        if self._begun_at is None and (reader.in_frame or self.conn.cur_size is not None):
            self._begun_at = self.loop.time()
            if self._alarm is None:
                self._set_alarm(self._message_timeout_s)

    def evict(self) -> None:
        """End the connection, whose unfinished message is too much."""
        self.end_with_error(ContractError(ErrorCode.BUFFERS_FULL))
        # Also where the last word was said already, and only the client's close was waited for.
        self.discard_input()
        self._count()

    def end_with_error(self, error: ContractError) -> None:
        """Tell the client what is wrong and close."""
        raise NotImplementedError

    def _count(self) -> None:
        held = len(self.conn.reader.buffer) + (self.conn.cur_size or 0) + self._messages
        beyond = held - FREE_BYTES if held > FREE_BYTES else 0
        if beyond != self._counted:
            by, self._counted = beyond - self._counted, beyond
            self._buffers.change(self, by)

    def _set_alarm(self, seconds: float) -> None:
        self._alarm = self.loop.call_later(seconds, self._on_alarm)

    def _on_alarm(self) -> None:
        self._alarm = None
        if self._begun_at is None or self.close_sent:
            return
        now = self.loop.time()
        if self.is_blocked:
            # It could not have ended: nobody reads.
            self._begun_at = now
        left = self._begun_at + self._message_timeout_s - now
        if left > 0:
            self._set_alarm(left)
        else:
            limit = self._message_timeout_s
            self.end_with_error(ContractError(ErrorCode.MESSAGE_TIMEOUT, seconds=limit))


def _size(message: ASGIReceiveEvent) -> int:
    if message["type"] != "websocket.receive":
        return 0
    return len(message.get("bytes") or message.get("text") or b"")
