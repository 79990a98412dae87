"""Whether a peer has hung up on a connection of which nothing is read for the moment."""

import asyncio
import select
from collections.abc import Callable
from typing import Final

LOOK_S: Final = 1.0
"""Between two looks."""

_HUNG_UP: Final = getattr(select, "POLLRDHUP", 0)
"""Linux alone tells so while bytes lie unread before the end; elsewhere only a reset is seen."""


class HangUpWatch:
    """Looks for a peer's end where reading would not find it: behind bytes that are not wanted yet.

    Args:
        transport: Of the connection.
        on_hang_up: Called once, when the peer has hung up.
    """

    def __init__(self, transport: asyncio.BaseTransport, on_hang_up: Callable[[], None]) -> None:
        self._transport = transport
        self._on_hang_up = on_hang_up
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Look again and again from now on; further calls do nothing."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LOOK_S, self._look)

    def stop(self) -> None:
        """Look no more."""
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
