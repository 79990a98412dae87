"""Results on their way from whoever receives them to whoever reads them."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from .errors import DeadlineError
from .events import Event
from .signals import Signal


class EventQueue:
    """A bounded queue that knows where a session ends.

    Nothing is taken out before it is certain to be returned: a wait that is cancelled loses no
    event. One side adds, one side reads.

    Args:
        size: Most events that wait to be read.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        # None stands where a session ends.
        self._items: deque[Event | Exception | None] = deque()
        self._changed = Signal()
        self._at_end = False
        self.broken: Exception | None = None
        """Raised when everything before was read, None while more may come."""

    @property
    def unread(self) -> int:
        """Events that wait to be read."""
        return len(self._items)

    @property
    def is_full(self) -> bool:
        """Whether whoever adds has to wait."""
        return len(self._items) >= self._size

    async def room(self) -> None:
        """Wait until one more may be added."""
        while self.is_full:
            await self._changed.wait()

    def append(self, item: Event | Exception) -> None:
        """Add an event, or an error that is raised in its place and ends nothing."""
        self._items.append(item)
        self._changed.fire()

    def end(self) -> None:
        """The session has no further event."""
        self._items.append(None)
        self._at_end = True
        self._changed.fire()

    def fail(self, error: Exception) -> None:
        """Nothing will come any more; the first reason stands."""
        if self.broken is None:
            self.broken = error
        self._changed.fire()

    def begin(self) -> None:
        """Another session begins: what was not read of an earlier one is let go."""
        self._items.clear()
        self._at_end = False
        self._changed.fire()

    def take(self) -> Event | Exception | None:
        """Return what is next without waiting, an error as itself; None where nothing is."""
        while self._items:
            item = self._items.popleft()
            self._changed.fire()
            if item is not None:
                return item
        return None

    async def next(self) -> Event | None:
        """Return the next event, None at the end of the session.

        Raises:
            Exception: An error stands here, or the connection ended.
        """
        while not self._items:
            if self.broken is not None:
                raise self.broken
            if self._at_end:
                return None
            await self._changed.wait()
        item = self._items.popleft()
        self._changed.fire()
        if isinstance(item, Exception):
            raise item
        return item


async def reading(queue: EventQueue, seconds: float | None) -> AsyncIterator[Event]:
    """Iterate a session's events until its end.

    Args:
        queue: Where to read.
        seconds: Longest wait for one, None for as long as it takes.

    Raises:
        DeadlineError: It passed.
        Exception: As `EventQueue.next`.
    """
    while True:
        try:
            async with asyncio.timeout(seconds):
                event = await queue.next()
        except TimeoutError as error:
            raise DeadlineError(f"no event came within {seconds} s", retryable=True) from error
        if event is None:
            return
        yield event
