"""Whether models are served: loaded, and not told to say otherwise."""

import asyncio


class Readiness:
    """Not ready until `loaded` was called and every `hold` has run out."""

    def __init__(self) -> None:
        self._is_loaded = False
        self._held_until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._ready = asyncio.Event()
        self._changed = asyncio.Event()

    @property
    def is_ready(self) -> bool:
        """Whether models are served now."""
        return self._ready.is_set()

    def loaded(self) -> None:
        """Note that the models are in memory."""
        self._is_loaded = True
        self._look()

    def hold(self, seconds: float) -> None:
        """Report not ready for so long from now on; a longer hold under way stays."""
        loop = asyncio.get_running_loop()
        self._held_until = max(self._held_until, loop.time() + seconds)
        self._look()

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        held = self._held_until > loop.time()
        if held:
            self._timer = loop.call_at(self._held_until, self._look)
        if self._is_loaded and not held:
            self._ready.set()
        else:
            self._ready.clear()
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait(self) -> None:
        """Wait until models are served."""
        await self._ready.wait()

    async def change(self) -> None:
        """Wait until something about it may have changed."""
        await self._changed.wait()

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
