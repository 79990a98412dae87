"""The audio that is not yet in a final: what a reopened stream has to hear again.

A pure container: no clock, no task. Positions are counted from the session's first sample, which
is the caller's first one unless the caller goes on from a cursor; the bytes may end inside a
sample, as chunks do.

Invariants, which the stateful test checks:

* the samples from `start` to `end` are held, byte for byte as they came;
* a sample is let go only when it is covered, or when the bound forces it out;
* `is_whole` is False exactly while a sample that still had to be recognised was forced out.
"""

from __future__ import annotations

import math
from collections import deque
from itertools import islice

BYTES_PER_SAMPLE = 2
# Small chunks are joined to this many bytes: to find a place among few is quick.
_JOINED = 8192


class ReplayBuffer:
    """Un-finalised PCM16 mono audio, at most so many samples of it.

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

    def append(self, chunk: bytes, now: float) -> None:
        """Audio came from the caller at a moment in seconds."""
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

    def trim(self, before: float) -> None:
        """Forces out what is beyond the limit and came before a moment.

        Not for use while the audio waits to be heard again. What is forced out while no segment is
        open (`opened`) counts as silence: the recogniser had its time to say something about it.
        """
        while self._undone > self._limit and self._may_go(before):
            self._let_go()
        passed_over = self.start if self._open_from is None else min(self.start, self._open_from)
        self._due = max(self._due, passed_over * BYTES_PER_SAMPLE)

    def _may_go(self, before: float) -> bool:
        return len(self._chunks) > 1 and self._times[0] <= before

    def _let_go(self) -> None:
        self._start += len(self._chunks.popleft())
        self._times.popleft()

    def opened(self, sample: int) -> None:
        """There may be speech from this sample on that no final covers yet.

        The recogniser said an interim, or it was not asked for any and its silence means nothing.
        """
        if self._open_from is None:
            self._open_from = max(0, sample)

    def cover(self, sample: int, keep_from: int | None = None) -> None:
        """A final covers everything before this sample.

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
        """The bytes from position `at` (bytes), whole chunks as far as `most` bytes allow.

        A first chunk that is longer than `most` is given whole. Empty at the end.

        Raises:
            ValueError: that position is not held any more.
        """
        if at < self._start:
            raise ValueError(f"byte {at} was let go; held are {self._start} to {self._end}")
        if at >= self._end:
            return b""
        newest = self._end - len(self._chunks[-1])
        if at >= newest:
            return self._chunks[-1][at - newest :]
        position, index = self._start, 0
        while position + len(self._chunks[index]) <= at:
            position += len(self._chunks[index])
            index += 1
        taken = [self._chunks[index][at - position :]]
        size = len(taken[0])
        for chunk in islice(self._chunks, index + 1, None):
            if size + len(chunk) > most:
                break
            taken.append(chunk)
            size += len(chunk)
        return b"".join(taken)

    def held(self, first: int, last: int) -> bytes:
        """The audio of the samples from `first` to before `last`, as far as it is held."""
        at = max(first, self.start) * BYTES_PER_SAMPLE
        size = min(last, self.end) * BYTES_PER_SAMPLE - at
        found = b""
        while len(found) < size:
            found += self.read(at + len(found), size - len(found))
        return found[: max(0, size)]
