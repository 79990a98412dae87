"""The clients of the local listener: how many there may be, and whose request is begun next."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Final

MAX_CLIENTS: Final = 128
"""Without WebSockets, which gateways bound. Each costs some 300 KiB, most of it asyncio's buffer
for TLS."""

PATIENCE_SECONDS: Final = 1.0
"""For so long nothing may be asked before a connection is the first to make room."""

REQUESTS_A_TURN: Final = 2
"""A request costs some 2 ms of the loop here: a connection to the target is opened for each."""


class RequestScheduler:
    """Begins a few requests in each turn of the event loop, in the order they came."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._next: asyncio.Handle | None = None

    async def take(self) -> None:
        """Wait until it is the caller's turn."""
        mine = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        self._call()
        await mine

    def _call(self) -> None:
        if self._next is None and self._waiting:
            self._next = asyncio.get_running_loop().call_soon(self._give)

    def _give(self) -> None:
        self._next = None
        for _ in range(min(REQUESTS_A_TURN, len(self._waiting))):
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
        self._call()


@dataclass(eq=False, slots=True)
class ClientConnection:
    """One connection, as far as it takes a place.

    Attributes:
        transport: The connection.
        quiet_since: When it last had something to do, on the monotonic clock; None while it has.
        is_pipelining: Whether it asked for more before it was answered.
        is_websocket: Whether it became one.
        address: Of the client.
    """

    transport: asyncio.WriteTransport
    quiet_since: float | None = field(default_factory=time.monotonic)
    is_pipelining: bool = False
    is_websocket: bool = False
    address: str = ""

    def begin(self) -> None:
        """Note that a request is at work."""
        self.quiet_since = None

    def end(self) -> None:
        """Note that it is answered."""
        self.quiet_since = time.monotonic()


class ConnectionTable:
    """Counts connections with the tasks that serve them, and makes room for new ones.

    Args:
        limit: How many there may be that are no WebSockets.
    """

    def __init__(self, limit: int = MAX_CLIENTS) -> None:
        self._limit = limit
        self._serving: dict[asyncio.Task[None], ClientConnection] = {}

    @property
    def tasks(self) -> set[asyncio.Task[None]]:
        """What serves them."""
        return set(self._serving)

    def make_room(self) -> bool:
        """End a connection where one more would be too many.

        That is the one that was quiet for longest, else one that asks for more before it is
        answered.

        Returns:
            False where all are at work on one request: one more is too many.
        """
        # Who is being ended makes room now, not when he is gone: one for each that comes, no more.
        counted = {
            task: one
            for task, one in self._serving.items()
            if not (one.is_websocket or task.cancelling())
        }
        if len(counted) < self._limit:
            return True
        quiet = {task: one.quiet_since for task, one in counted.items() if one.quiet_since}
        pipelining = [task for task, one in counted.items() if one.is_pipelining]
        longest = min(quiet, key=quiet.__getitem__, default=None)
        if longest is not None and quiet[longest] < time.monotonic() - PATIENCE_SECONDS:
            ended = longest
        elif pipelining:
            ended = pipelining[0]
        elif longest is not None:  # it has only just connected, and may be about to ask
            ended = longest
        else:
            return False
        # A farewell in due form would keep the connection, and its buffers, for a while.
        counted[ended].transport.abort()
        ended.cancel()
        return True

    def add(self, task: asyncio.Task[None], client: ClientConnection) -> None:
        """Count a connection until its task is done."""
        self._serving[task] = client
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        del self._serving[task]
