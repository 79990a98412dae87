"""Detects that a peer has hung up while nothing is read from its connection."""

import asyncio
import select
from collections.abc import Callable
from typing import Final

LOOK_S: Final = 1.0
"""Between two checks."""

_HUNG_UP: Final = getattr(select, "POLLRDHUP", 0)
"""Linux alone reports it behind unread bytes; elsewhere only a reset is seen."""


class HangUpWatch:
    """Polls for a peer's end behind unread bytes, where reading would not find it.

    Args:
        transport: Of the connection.
        on_hang_up: Called once, when the peer has hung up.
    """

    def __init__(self, transport: asyncio.BaseTransport, on_hang_up: Callable[[], None]) -> None:
        self._transport = transport
        self._on_hang_up = on_hang_up
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Begin to poll; further calls do nothing."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LOOK_S, self._look)

    def stop(self) -> None:
        """Stop polling."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if self._transport.is_closing():
            return
        if has_hung_up(self._transport):
            self._on_hang_up()
        else:
            self.begin()


def has_hung_up(transport: asyncio.BaseTransport) -> bool:
    """Return whether the peer closed its end, even where what it sent before lies unread."""
    peer = transport.get_extra_info("socket")
    if peer is None:
        return False
    poll = select.poll()
    # A reset and a broken connection are told unasked.
    poll.register(peer.fileno(), _HUNG_UP)
    return bool(poll.poll(0))
