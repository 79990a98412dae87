"""Deadlines that messages of the gateway extend."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from ...contract import ServerMessageA
from ...contract.dialect_a import Partial, SessionStarted, Transcription, WarningA
from ...contract.fields import Finalized, Heartbeat, Queued

Extension = Callable[[ServerMessageA], float | None]
"""Returns the seconds left from now on; None where a message extends nothing."""


class Progress:
    """Extends a deadline to the same length with every message that shows progress.

    Results and warnings do. A heartbeat does where more audio was received or recognised: a gateway
    in front of a stuck recogniser sends heartbeats too.

    Args:
        seconds: Length of the deadline.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._newest: Heartbeat | None = None

    def __call__(self, message: ServerMessageA) -> float | None:
        """Return the seconds; None where a message shows no progress."""
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


def while_queued(seconds: float) -> Extension:
    """Return an extension to the end of the wait in the waiting room, and so many seconds after."""

    def extension(message: ServerMessageA) -> float | None:
        return message.seconds_left + seconds if isinstance(message, Queued) else None

    return extension


class ExtendableDeadlines:
    """The waits under way on a connection that messages may extend."""

    def __init__(self) -> None:
        self._running: dict[asyncio.Timeout, Extension] = {}

    @asynccontextmanager
    async def within(self, seconds: float, extension: Extension | None) -> AsyncIterator[None]:
        """Raise `TimeoutError` in the block once the deadline, as extended, has passed."""
        async with asyncio.timeout(seconds) as limit:
            if extension is None:
                yield
                return
            self._running[limit] = extension
            try:
                yield
            finally:
                del self._running[limit]

    def received(self, message: ServerMessageA) -> None:
        """Extend the waits under way as far as a message does."""
        now = asyncio.get_running_loop().time()
        for limit, extension in self._running.items():
            seconds = extension(message)
            if seconds is not None and not limit.expired():
                limit.reschedule(now + seconds)
