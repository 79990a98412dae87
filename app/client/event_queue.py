"""A bounded queue of events between the task that receives them and the one that reads them."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from .errors import DeadlineError
from .events import Event
from .signals import Signal


class EventQueue:
    """A bounded queue that marks the ends of sessions, for one writer and one reader.

    A cancelled wait loses no event: nothing is taken out before it is certain to be returned.

    Args:
        size: Most unread events.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        # None stands where a session ends.
        self._items: deque[Event | Exception | None] = deque()
        self._changed = Signal()
        self._at_end = False
        self.broken: Exception | None = None
        """Raised once everything before it was read; None while more may come."""

    @property
    def unread(self) -> int:
        """Number of unread events."""
        return len(self._items)

    @property
    def is_full(self) -> bool:
        """Whether the writer has to wait."""
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
        """Mark the end of the session's events."""
        self._items.append(None)
        self._at_end = True
        self._changed.fire()

    def fail(self, error: Exception) -> None:
        """End the queue by an error; the first one stands."""
        if self.broken is None:
            self.broken = error
        self._changed.fire()

    def begin(self) -> None:
        """Discard the unread events of an earlier session."""
        self._items.clear()
        self._at_end = False
        self._changed.fire()

    def take(self) -> Event | Exception | None:
        """Return the next event or error without waiting; None where there is none."""
        while self._items:
            item = self._items.popleft()
            self._changed.fire()
            if item is not None:
                return item
        return None

    async def next(self) -> Event | None:
        """Return the next event, None at the end of the session.

        Raises:
            Exception: The next item is an error, or the connection ended.
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


async def iterate(queue: EventQueue, seconds: float | None) -> AsyncIterator[Event]:
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
