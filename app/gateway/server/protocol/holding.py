"""uvicorn's WebSocket protocol, with bounds on received data.

In bytes, together with all other connections (`Buffers`), and in time: a message must end in time.
"""

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState

from app.contract import ContractError, ErrorCode
from app.gateway.server.protocol.buffers import FREE_BYTES
from app.gateway.server.protocol.paced import PacedProtocol


class HoldingProtocol(PacedProtocol):
    """A connection with bounded memory.

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
        """Bytes of the incomplete message."""
        reader = self.conn.reader
        return (self.conn.cur_size or 0) + (len(reader.buffer) if reader.in_frame else 0)

    def connection_lost(self, exc: Exception | None) -> None:
        """Drop the incomplete message."""
        if self._alarm is not None:
            self._alarm.cancel()
        super().connection_lost(exc)
        self.drop_unfinished()
        self._count()

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """Stop counting the messages of the session."""
        super().on_task_complete(task)
        self._messages = self._in_hand = 0
        self._count()

    def message_came(self, size: int) -> None:
        """Count a message, until the session is done with it."""
        self._begun_at = None
        self._messages += size

    def message_taken(self, size: int) -> None:
        """Remember what to stop counting."""
        self._in_hand = size

    def message_done(self) -> None:
        """Stop counting a message."""
        self._messages -= self._in_hand
        self._in_hand = 0
        if self._counted:
            self._count()

    def after_turn(self) -> None:
        """Count the bytes held, and time an incomplete message."""
        self._count()
        reader = self.conn.reader
        if self.conn.cur_size is None and reader.frames != self._frame:
            self._frame, self._begun_at = reader.frames, None
        if self._begun_at is None and (reader.in_frame or self.conn.cur_size is not None):
            self._begun_at = self.loop.time()
            if self._alarm is None:
                self._set_alarm(self._message_timeout_s)

    def evict(self) -> None:
        """End the connection for its incomplete message."""
        self.end_with_error(ContractError(ErrorCode.BUFFERS_FULL))
        # Also where the close was sent already and only the client's is awaited.
        self.discard_input()
        self._count()

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
            # It could not have ended: reading is paused.
            self._begun_at = now
        left = self._begun_at + self._message_timeout_s - now
        if left > 0:
            self._set_alarm(left)
        else:
            limit = self._message_timeout_s
            self.end_with_error(ContractError(ErrorCode.MESSAGE_TIMEOUT, seconds=limit))
