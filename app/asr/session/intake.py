"""The caller's audio on its way into the replay buffer, and out of it to whichever stream is open.

One task takes the audio in for as long as the caller speaks; streams come and go behind it. While
one is open and has everything, the next chunk is asked for when the last one was taken, so that a
slow recogniser slows the caller; a caller who is faster than real time also waits when the buffer
is full of audio that the recogniser had no time yet to answer. While none is open, audio is taken
as far as the buffer holds it.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from app.asr.errors import from_status
from app.asr.session.replay import BYTES_PER_SAMPLE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from app.asr.session.replay import ReplayBuffer


class _Signal:
    """Wakes its one waiter, who has just looked and not found what it waits for.

    There is nothing to remember and nobody else to wake: a future does, where an event keeps a
    list, and this is passed twice for every chunk.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None

    async def wait(self) -> None:
        self._waiter = self._loop.create_future()
        await self._waiter

    def set(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Intake:
    """Fills the buffer from the caller's iterator.

    Args:
        audio: the caller's; it is not closed here.
        buffer: where the audio is kept until it is final.
        patience: seconds a recogniser has to say something about audio before a full buffer lets
            go of it; no longer than the buffer, or callers at real time would be held back.
    """

    def __init__(self, audio: AsyncIterator[bytes], buffer: ReplayBuffer, patience: float) -> None:
        self._audio = audio
        self.buffer = buffer
        self._patience = patience
        self._now = asyncio.get_running_loop().time
        self.ended = False
        self.failure: BaseException | None = None
        self._catching_up = False
        self._asked = False
        self._room = _Signal()
        self.came = _Signal()
        self._stopping = False

    async def run(self) -> None:
        """Takes the audio in to its end; what the iterator raises becomes `failure`."""
        try:
            while True:
                await self._wait_for_room()
                chunk = await anext(self._audio)
                self._take(chunk)
        except StopAsyncIteration:
            pass
        except asyncio.CancelledError:
            if self._stopping:
                raise
            self.failure = from_status(
                "CANCELLED", "the audio iterator was cancelled", doing="stream"
            )
        except Exception as error:  # noqa: BLE001 - handed on to whoever reads the transcripts
            self.failure = error
        finally:
            self.ended = True
            self.came.set()

    def _take(self, chunk: bytes) -> None:
        now = self._now()
        self.buffer.append(chunk, now)
        if not self._catching_up:
            self.buffer.trim(now - self._patience)
        if chunk:
            self._asked = False
            self.came.set()

    async def _wait_for_room(self) -> None:
        while True:
            full = self.buffer.is_full
            if not full and (self._asked or self._catching_up):
                return
            left: float | None = None
            if full and self._asked and not self._catching_up:
                left = self.buffer.oldest + self._patience - self._now()
                if left <= 0:
                    return
            if left is None:
                await self._room.wait()
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._room.wait()

    def stopping(self) -> None:
        """The task is about to be cancelled by its owner."""
        self._stopping = True

    def fall_behind(self) -> None:
        """No stream is open, or one that has to hear older audio first."""
        self._catching_up = True
        self.freed()

    def ask(self) -> None:
        """The open stream has everything: it wants the next chunk."""
        self._catching_up = False
        self._asked = True
        self._room.set()

    def freed(self) -> None:
        """The buffer may have room again."""
        self._room.set()


class Tap:
    """The audio of one stream: from a position on what is buffered, then what comes.

    Args:
        intake: where the audio comes from.
        at: first sample.
        most: bytes that are joined at most where several chunks wait.
    """

    def __init__(self, intake: Intake, at: int, most: int) -> None:
        self._intake = intake
        self._at = at * BYTES_PER_SAMPLE
        self._most = most
        self._until: int | None = None
        self.is_cut = False

    @property
    def position(self) -> int:
        """The first sample that was not taken yet."""
        return self._at // BYTES_PER_SAMPLE

    @property
    def is_ending(self) -> bool:
        """Whether it ends before the caller's audio does."""
        return self._until is not None

    def end_here(self) -> None:
        """Ends with what was taken so far."""
        self.end_at(self.position)

    def end_at(self, sample: int) -> None:
        """Ends before that sample, unless it ends earlier already; `is_cut` once it has."""
        if self._until is None:
            self._until = sample * BYTES_PER_SAMPLE
            self._intake.came.set()

    def __aiter__(self) -> Tap:
        return self

    async def __anext__(self) -> bytes:
        """The next audio.

        Raises:
            StopAsyncIteration: the caller's audio has ended, or this is cut.
            BaseException: whatever the caller's iterator raised, after all that came before it.
        """
        intake = self._intake
        while True:
            piece = intake.buffer.read(self._at, self._most)
            if self._until is not None:
                if self._at >= self._until:
                    self.is_cut = True
                    intake.fall_behind()
                    raise StopAsyncIteration
                piece = piece[: self._until - self._at]
            if piece:
                self._at += len(piece)
                return piece
            if intake.failure is not None:
                raise intake.failure
            if intake.ended:
                raise StopAsyncIteration
            intake.ask()
            await intake.came.wait()
