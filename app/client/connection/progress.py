"""Deadlines that what comes from the gateway puts off."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from ...contract import ServerMessageA
from ...contract.dialect_a import Partial, SessionStarted, Transcription, WarningA
from ...contract.fields import Finalized, Heartbeat, Queued

Grant = Callable[[ServerMessageA], float | None]
"""Says how many seconds there are from now on, None for as many as before."""


class Progress:
    """Tells whether a session comes further; as a `Grant`, it gives the same time again each time.

    Results and warnings are progress. A heartbeat is where it says that more audio was taken: a
    gateway that is alive behind a recogniser that is stuck sends heartbeats too.

    Args:
        seconds: Given with each progress.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._newest: Heartbeat | None = None

    def __call__(self, message: ServerMessageA) -> float | None:
        """Return the seconds, None where a message is no progress."""
        match message:
            case Partial() | Transcription() | WarningA() | Finalized() | SessionStarted():
                return self._seconds
            case Heartbeat():
                before, self._newest = self._newest, message
                return self._seconds if before is None or _further(message, before) else None
            case _:
                return None


def _further(now: Heartbeat, before: Heartbeat) -> bool:
    return (
        now.audio_recognised > before.audio_recognised or now.audio_received > before.audio_received
    )


def while_queued(seconds: float) -> Grant:
    """Return a grant of the time in the waiting room, and so many seconds after it."""

    def grant(message: ServerMessageA) -> float | None:
        return message.seconds_left + seconds if isinstance(message, Queued) else None

    return grant


class Limits:
    """The waits under way on a connection that messages may put off."""

    def __init__(self) -> None:
        self._running: dict[asyncio.Timeout, Grant] = {}

    @asynccontextmanager
    async def within(self, seconds: float, grant: Grant | None) -> AsyncIterator[None]:
        """Raise `TimeoutError` in the block when the time, with what was granted, has passed."""
        async with asyncio.timeout(seconds) as limit:
            if grant is None:
                yield
                return
            self._running[limit] = grant
            try:
                yield
            finally:
                del self._running[limit]

    def heard(self, message: ServerMessageA) -> None:
        """A message came."""
        now = asyncio.get_running_loop().time()
        for limit, grant in self._running.items():
            seconds = grant(message)
            if seconds is not None and not limit.expired():
                limit.reschedule(now + seconds)
