"""Telling waiters that something has changed."""

import asyncio


class Signal:
    """Wakes everybody who waits at this moment; they look for themselves at what has changed.

    Between looking and waiting there must be no other await, then no change is missed.
    """

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def fire(self) -> None:
        """Something has changed."""
        self._next.set()
        self._next = asyncio.Event()

    async def wait(self) -> None:
        """Wait for the next change."""
        await self._next.wait()
