"""A session's audio from the caller until it is final: one bounded buffer with two limits.

The caller appends and whichever call is open reads; calls come and go behind it. The first limit is
on audio that no call was sent yet, so that a slow recogniser slows the caller. The second one is on
audio that no final covers, which a reopened call has to hear again: while no call is open, or one
that hears older audio first, the caller is held by that one alone.

Positions are counted from the session's first sample, which is the caller's first one unless the
session goes on from a cursor; the bytes may end inside a sample, as chunks do.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

import structlog

from app.pcm import BYTES_PER_SAMPLE

if TYPE_CHECKING:
    from app.asr.session.rules import BufferLimits

# Small chunks are joined to this many bytes: to find a place among few is quick.
_JOINED = 8192

_log = structlog.get_logger(__name__)


class ReplayBuffer:
    """Un-finalised PCM16 mono audio, at most so many samples of it.

    A pure container: no clock, no task. Invariants, which the stateful test checks:

    * the samples from `start` to `end` are held, byte for byte as they came;
    * a sample is let go only when it is covered, or when the bound forces it out;
    * `is_whole` is False exactly while a sample that still had to be recognised was forced out.

    Args:
        limit: samples without a final that are held at most, apart from the newest chunk, which is
            never cut, and from what `cover` keeps.
        origin: the number of the first sample that will come.
    """

    def __init__(self, limit: int, origin: int = 0) -> None:
        self._limit = limit * BYTES_PER_SAMPLE
        self._joined = min(_JOINED, self._limit // 8)
        self._chunks: deque[bytes] = deque()
        self._times: deque[float] = deque()  # when each of them came
        self._start = origin * BYTES_PER_SAMPLE  # bytes, as everything with an underscore here
        self._end = self._due = self._start
        self._open_from: int | None = None

    @property
    def start(self) -> int:
        """The first sample held."""
        return -(-self._start // BYTES_PER_SAMPLE)

    @property
    def end(self) -> int:
        """One past the last whole sample that came."""
        return self._end // BYTES_PER_SAMPLE

    @property
    def due(self) -> int:
        """The first sample that no final covers and that was not passed over as silence."""
        return self._due // BYTES_PER_SAMPLE

    @property
    def is_full(self) -> bool:
        """Whether more audio would force some out."""
        return self._undone >= self._limit

    @property
    def _undone(self) -> int:
        """Bytes that are held and not covered: only they count, or the covered ones held us up."""
        return self._end - max(self._start, self._due)

    @property
    def is_whole(self) -> bool:
        """Whether everything that still has to be recognised is held."""
        return self._start <= self._due

    @property
    def ends_inside_a_sample(self) -> bool:
        """Whether the second half of the last sample has not come."""
        return self._end % BYTES_PER_SAMPLE != 0

    def append(self, chunk: bytes, now: float) -> None:
        """Take audio that came from the caller at a moment in seconds."""
        if not chunk:
            return
        self._end += len(chunk)
        if self._chunks and len(self._chunks[-1]) + len(chunk) <= self._joined:
            self._chunks[-1] += chunk
        else:
            self._chunks.append(chunk)
            self._times.append(now)

    @property
    def oldest(self) -> float:
        """When the oldest audio that is held came; minus infinity where none is held."""
        return self._times[0] if self._times else -math.inf

    def trim(self, before: float, sent: float = math.inf) -> None:
        """Force out what is beyond the limit and came before a moment.

        Not for use while the audio waits to be heard again. What is forced out while no segment is
        open (`opened`) counts as silence: the recogniser had its time to say something about it.

        Args:
            before: seconds; what came later stays.
            sent: bytes that some call was sent; what lies behind stays.
        """
        while self._undone > self._limit and self._may_go(before, sent):
            self._let_go()
        passed_over = self.start if self._open_from is None else min(self.start, self._open_from)
        self._due = max(self._due, passed_over * BYTES_PER_SAMPLE)

    def _may_go(self, before: float, sent: float) -> bool:
        if len(self._chunks) <= 1 or self._times[0] > before:
            return False
        return self._start + len(self._chunks[0]) <= sent

    def _let_go(self) -> None:
        self._start += len(self._chunks.popleft())
        self._times.popleft()

    def opened(self, sample: int) -> None:
        """Note that there may be speech from this sample on that no final covers yet.

        The recogniser said an interim, or it was not asked for any and its silence means nothing.
        """
        if self._open_from is None:
            self._open_from = max(0, sample)

    def cover(self, sample: int, keep_from: int | None = None) -> None:
        """Note that a final covers everything before this sample.

        Args:
            sample: the first one that no final covers; a lower one than before changes nothing.
            keep_from: samples from here on stay held although they are covered; None lets all go.
        """
        self._open_from = None
        self._due = max(self._due, min(sample, self.end) * BYTES_PER_SAMPLE)
        kept = self._due if keep_from is None else min(self._due, keep_from * BYTES_PER_SAMPLE)
        while self._chunks and self._start + len(self._chunks[0]) <= kept:
            self._let_go()

    def read(self, at: int, most: int) -> bytes:
        """Return what is held from position `at` (bytes) on, `most` bytes of it; empty at the end.

        Raises:
            ValueError: that position is not held any more.
        """
        if at < self._start:
            raise ValueError(f"byte {at} was let go; held are {self._start} to {self._end}")
        if at >= self._end:
            return b""
        newest = self._end - len(self._chunks[-1])
        if at >= newest:
            return self._chunks[-1][at - newest : at - newest + most]
        position, index = self._start, 0
        while position + len(self._chunks[index]) <= at:
            position += len(self._chunks[index])
            index += 1
        taken = [self._chunks[index][at - position : at - position + most]]
        size = len(taken[0])
        for chunk in islice(self._chunks, index + 1, None):
            if size >= most:
                break
            taken.append(chunk[: most - size])
            size += len(taken[-1])
        return b"".join(taken)

    def held(self, first: int, last: int) -> bytes:
        """Return the audio of the samples from `first` to before `last`, as far as it is held."""
        at = max(first, self.start) * BYTES_PER_SAMPLE
        size = min(last, self.end) * BYTES_PER_SAMPLE - at
        return self.read(at, size) if size > 0 else b""


class _Signal:
    """Wakes its one waiter, who has just looked and not found what it waits for.

    There is nothing to remember and nobody else to wake: a future does, where an event keeps a
    list, and this is passed for every chunk.
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


class AudioBuffer:
    """The replay buffer between one caller and one reader at a time.

    Args:
        limits: when the caller waits.
        origin: the number of the first sample that will come.

    Attributes:
        held: what has come and is in no final.
        came: rings when audio came or the audio has ended.
        ended: whether the caller's audio has; what is appended then is not taken.
        failure: what the caller's audio ended with, where it broke.
    """

    def __init__(self, limits: BufferLimits, origin: int = 0) -> None:
        self.held = ReplayBuffer(limits.unfinal, origin)
        self.came = _Signal()
        self.ended = False
        self.failure: BaseException | None = None
        self._unsent = limits.unsent
        self._patience = limits.patience
        self._send_timeout = limits.send_timeout
        self._now = asyncio.get_running_loop().time
        self._at = self._sent = origin * BYTES_PER_SAMPLE
        self._is_catching_up = self._is_asked = False
        self._room = asyncio.Event()

    @property
    def sent(self) -> int:
        """One past the last sample that any call was sent."""
        return self._sent // BYTES_PER_SAMPLE

    async def send(self, chunk: bytes) -> bool:
        """Take audio as soon as there is room for it; see `RecognitionSession`."""
        if not self.has_room:
            async with asyncio.timeout(self._send_timeout):
                await self.room()
        return self.append(chunk)

    def append(self, chunk: bytes) -> bool:
        """Take audio of the caller, who has waited for room; False once the audio has ended."""
        if self.ended:
            return False
        now = self._now()
        self.held.append(chunk, now)
        if not self._is_catching_up:
            self.held.trim(now - self._patience, self._at)
        if chunk:
            self._is_asked = False
            self.came.set()
        return True

    def end(self, failure: BaseException | None = None) -> None:
        """Take no more audio; what is held is still heard, then `failure` is raised."""
        if not self.ended:
            self.ended, self.failure = True, failure
            self.came.set()
            self._room.set()

    @property
    def has_room(self) -> bool:
        """Whether more audio may come now."""
        return self._seconds_to_room() == 0

    async def room(self) -> None:
        """Wait until more audio may come, or none is taken any more."""
        while (left := self._seconds_to_room()) != 0:
            self._room.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._room.wait()

    def _seconds_to_room(self) -> float | None:
        """0 where there is room, None where nobody knows when there will be."""
        if self.ended:
            return 0.0
        unsent = self.held.end - self._at // BYTES_PER_SAMPLE
        is_wanted = self._is_asked or unsent < self._unsent
        if not self.held.is_full:
            return 0.0 if is_wanted or self._is_catching_up else None
        if self._is_catching_up or not is_wanted:
            return None
        return max(0.0, self.held.oldest + self._patience - self._now())

    def fall_behind(self) -> None:
        """Note that no call is open, or one that has to hear older audio first."""
        self._is_catching_up = True
        self.freed()

    def freed(self) -> None:
        """Note that there may be room again."""
        self._room.set()

    def took(self, at: int) -> None:
        """Note that the open call has everything before that byte."""
        self._at = at
        self._sent = max(self._sent, at)
        self._room.set()

    def ask(self) -> None:
        """Note that the open call has everything and wants more."""
        self._is_catching_up = False
        self._is_asked = True
        self._room.set()


class ReplayReader:
    """The audio of one call: from a position on what is held, then what comes.

    Args:
        audio: where it comes from.
        start: first sample.
        most: bytes that are given at once; even.

    Attributes:
        is_cut: whether it has ended before the caller's audio did.
    """

    def __init__(self, audio: AudioBuffer, start: int, most: int) -> None:
        self._audio = audio
        self._at = start * BYTES_PER_SAMPLE
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
        """End with what was taken so far."""
        self.end_at(self.position)

    def end_at(self, sample: int) -> None:
        """End before that sample, unless it ends earlier already; `is_cut` once it has."""
        if self._until is None:
            self._until = sample * BYTES_PER_SAMPLE
            self._audio.came.set()

    def __aiter__(self) -> ReplayReader:
        return self

    async def __anext__(self) -> bytes:
        """Return the next whole samples.

        Raises:
            StopAsyncIteration: the caller's audio has ended, or this is cut.
            BaseException: what the caller's audio ended with, after all that came before it.
        """
        audio = self._audio
        while True:
            most = self._most
            if self._until is not None:
                most = min(most, self._until - self._at)
                if most <= 0:
                    self.is_cut = True
                    audio.fall_behind()
                    raise StopAsyncIteration
            piece = audio.held.read(self._at, most)
            if len(piece) % BYTES_PER_SAMPLE:
                piece = piece[:-1]
            if piece:
                self._at += len(piece)
                audio.took(self._at)
                return piece
            if audio.failure is not None:
                raise audio.failure
            if audio.ended:
                if audio.held.ends_inside_a_sample:
                    _log.warning(
                        "asr_half_sample",
                        detail="the audio ended inside a sample; its one byte is left out",
                    )
                raise StopAsyncIteration
            audio.ask()
            await audio.came.wait()
