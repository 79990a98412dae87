"""Audio for tests of the client, which hears none of it: only its length and its bytes count."""

from __future__ import annotations

import asyncio
import io
import wave
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable


def tone(seconds: float, rate: int = 16000) -> bytes:
    """PCM16 in which each sample differs from the next, so that a lost or doubled one shows."""
    return np.arange(round(seconds * rate)).astype("<u2").tobytes()


def wav(pcm: bytes, rate: int = 16000) -> bytes:
    """The samples as a file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm)
    return buffer.getvalue()


async def of(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


class Microphone:
    """Audio that comes when the test says so."""

    def __init__(self) -> None:
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.closed = False
        self.waits = asyncio.Event()  # for the test to speak

    def speak(self, chunk: bytes) -> None:
        self._chunks.put_nowait(chunk)

    def stop(self) -> None:
        self._chunks.put_nowait(None)

    async def listen(self) -> AsyncIterator[bytes]:
        try:
            while True:
                if self._chunks.empty():
                    self.waits.set()
                chunk = await self._chunks.get()
                self.waits.clear()
                if chunk is None:
                    return
                yield chunk
        finally:
            self.closed = True
