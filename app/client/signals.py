"""A signal that wakes whoever waits for a change."""

import asyncio


class Signal:
    """Wakes all present waiters, who then check their own conditions.

    A waiter that awaits nothing else between the check and `wait` misses no change.
    """

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def fire(self) -> None:
        """Wake all present waiters."""
        self._next.set()
        self._next = asyncio.Event()

    async def wait(self) -> None:
        """Wait for the next change."""
        await self._next.wait()
