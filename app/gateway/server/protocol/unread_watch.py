"""Detects that a peer does not read what it is sent."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Final

LEAST_BYTES: Final = 4096
"""A peer that has read less since the last check does not read."""


class UnreadWatch:
    """Watches a transport's write buffer, and reports when it is not emptied.

    Args:
        transport: Whose buffer it is.
        patience_s: Seconds between two checks; between them some of the buffer must be read.
        give_up: Called once, when it was not.
    """

    def __init__(
        self, transport: asyncio.WriteTransport, patience_s: float, give_up: Callable[[], None]
    ) -> None:
        self._transport = transport
        self._patience_s = patience_s
        self._give_up = give_up
        self._timer: asyncio.TimerHandle | None = None
        self._since = 0.0
        self._left = 0
        self._has_moved = False

    @property
    def since(self) -> float | None:
        """Since when something waits to be read; None while nothing does."""
        waits = self._timer is not None and self._transport.get_write_buffer_size() > 0
        return self._since if waits else None

    def look(self) -> None:
        """Begin to watch if the write buffer is not empty."""
        if self._timer is None and (left := self._transport.get_write_buffer_size()) > 0:
            self._since = monotonic()
            self._wait(left)

    def note_progress(self) -> None:
        """Note that the transport's buffer was read."""
        self._has_moved = True
        self._since = monotonic()

    def stop(self) -> None:
        """Stop watching."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self, left: int) -> None:
        self._left, self._has_moved = left, False
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._patience_s, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        left = self._transport.get_write_buffer_size()
        if left == 0:
            return
        if self._has_moved or self._left - left >= min(LEAST_BYTES, self._left):
            self._wait(left)
        else:
            self._give_up()
