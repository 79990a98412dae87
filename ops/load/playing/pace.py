"""The moments at which audio should go out, and how far a generator is behind them."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.client import PcmAudio

BYTES_PER_SAMPLE = 2


@dataclass(slots=True)
class Lateness:
    """How late this process woke up where nothing but itself kept it from being on time."""

    seconds: list[float] = field(default_factory=list)

    def add(self, late_s: float) -> None:
        """Note one wake-up; waking early counts as being on time."""
        self.seconds.append(max(0.0, late_s))


@dataclass(slots=True, kw_only=True)
class Speaker:
    """Sends audio as a microphone gives it, and knows when each moment of it should have gone out.

    Attributes:
        audio: What is said.
        chunk_s: Seconds of audio in a message.
        lateness: Where its own delays are noted.
        clock: Monotonic seconds.
        sleep: Waits for so many seconds.
        begun: When its first sample was spoken; None before.
        sent_bytes: What was handed over.
    """

    audio: PcmAudio
    chunk_s: float
    lateness: Lateness
    clock: Callable[[], float] = monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    begun: float | None = None
    sent_bytes: int = 0

    def due(self, audio_s: float) -> float | None:
        """Return when the message with a moment of the audio should go out: at that message's end.

        None before the first sample was spoken.

        Args:
            audio_s: The moment, in seconds from the beginning of the audio.
        """
        if self.begun is None:
            return None
        number = math.floor(audio_s / self.chunk_s + 1e-9)
        return self.begun + min((number + 1) * self.chunk_s, self.audio.seconds)

    async def speak(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Send everything, each message when its last sample is spoken.

        A message that is held up by whoever takes it makes no later one be sent later than at once:
        nobody stops speaking because a service is slow.

        Args:
            send: Takes a message; may be slow.
        """
        self.begun = self.clock()
        step = BYTES_PER_SAMPLE * max(1, round(self.chunk_s * self.audio.sample_rate))
        second = BYTES_PER_SAMPLE * self.audio.sample_rate
        for start in range(0, len(self.audio.data), step):
            piece = self.audio.data[start : start + step]
            due = self.begun + (start + len(piece)) / second
            wait = due - self.clock()
            if wait > 0:
                await self.sleep(wait)
                self.lateness.add(self.clock() - due)
            await send(piece)
            self.sent_bytes += len(piece)

    @property
    def sent_s(self) -> float:
        """Seconds of audio that were handed over."""
        return self.sent_bytes / (BYTES_PER_SAMPLE * self.audio.sample_rate)
