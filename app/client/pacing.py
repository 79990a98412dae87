"""Cutting audio into messages and sending them at the speed of speech."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic
from typing import Final

from .audio import WIDTH, PcmAudio

DEFAULT_CHUNK_SECONDS: Final = 0.1


def chunks(audio: PcmAudio, seconds: float) -> list[bytes]:
    """Cut audio into pieces of equal length, the last one shorter where it does not divide.

    Args:
        audio: What to cut.
        seconds: Length of a piece, at least one sample.

    Raises:
        ValueError: `seconds` is shorter than a sample.
    """
    samples = round(seconds * audio.sample_rate)
    if samples < 1:
        raise ValueError(
            f"seconds is {seconds}; accepted: at least one sample, {1 / audio.sample_rate:.6f} s"
        )
    step = samples * WIDTH
    return [audio.data[start : start + step] for start in range(0, len(audio.data), step)]


async def paced(
    pieces: list[bytes],
    sample_rate: int,
    *,
    clock: Callable[[], float] = monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[bytes]:
    """Yield each piece when its last sample would have been spoken, as a microphone gives it.

    Every due time is counted from the beginning. A piece that comes late is followed by prompt
    ones, and no delay adds up, however long the audio.

    Args:
        pieces: PCM16 mono.
        sample_rate: Samples per second.
        clock: Monotonic seconds.
        sleep: Waits that many seconds.
    """
    begun = clock()
    spoken = 0
    for piece in pieces:
        spoken += len(piece) // WIDTH
        wait = begun + spoken / sample_rate - clock()
        if wait > 0:
            await sleep(wait)
        yield piece
