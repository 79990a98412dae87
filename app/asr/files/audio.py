"""A recording as audio for the recogniser: decoded while it is sent, never held as a whole."""

from __future__ import annotations

import io
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from app.asr.errors import AsrError, ErrorCode, Fault
from app.pcm import BYTES_PER_SAMPLE
from app.recordings import RecordingError, RecordingLimits, RecordingProblem, open_recording
from app.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
    from typing import BinaryIO

    from app.recordings import OpenRecording

_BLOCK_S: Final = 1.0
"""Decoded in one go, in a thread: a few milliseconds of work."""

_CODES: Final = {
    RecordingProblem.UNREADABLE: ErrorCode.AUDIO_INVALID,
    RecordingProblem.UNSUPPORTED: ErrorCode.AUDIO_INVALID,
    RecordingProblem.TOO_LARGE: ErrorCode.AUDIO_TOO_LARGE,
    RecordingProblem.TOO_LONG: ErrorCode.AUDIO_TOO_LONG,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLimits:
    """How large a file may be.

    Attributes:
        max_bytes: of the file as it is stored.
        max_duration: seconds of audio in it.
        programs: whether ffmpeg may decode what libsndfile does not know.
    """

    max_bytes: int
    max_duration: float
    programs: bool = False


class FileAudio:
    """PCM16 little-endian mono of a file, in order, and again from any sample.

    Audio that was taken is not kept: for another pass it is decoded again. Use it as an async
    context manager; only one task at a time may take audio.

    Args:
        file: its bytes, its path, or an open file that can seek, from where it stands.
        limits: how large it may be.

    Attributes:
        on_decoded: awaited with the seconds of each block that was decoded, before it is handed on.
            What it raises comes out where the audio is taken.
    """

    def __init__(self, file: bytes | Path | BinaryIO, limits: FileLimits) -> None:
        self._file = file
        self._begin = 0 if isinstance(file, bytes | Path) else file.tell()
        self._limits = RecordingLimits(
            max_bytes=limits.max_bytes,
            max_seconds=limits.max_duration,
            programs=limits.programs,
        )
        self.on_decoded: Callable[[float], Awaitable[None]] | None = None
        self._recording: OpenRecording | None = None
        self._blocks: Iterator[bytes] = iter(())
        self._held: deque[bytes] = deque()
        self._position = 0  # the sample that the next block begins with

    async def __aenter__(self) -> Self:
        """Open the file and read its header.

        Raises:
            AsrError: AUDIO_INVALID, AUDIO_TOO_LARGE or AUDIO_TOO_LONG, naming what is accepted.
        """
        await in_thread(self._open)
        return self

    async def __aexit__(self, *_: object) -> None:
        await in_thread(self._close)

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return self._opened.sample_rate

    @property
    def promised_duration(self) -> float | None:
        """Seconds that the header promises, which need not be there; None where it has none."""
        return self._opened.promised_duration

    @property
    def duration(self) -> float:
        """Seconds decoded so far: of the whole file, once that was taken to its end."""
        return self._opened.duration

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was odd about the file, one sentence each; whole as `duration` is."""
        return self._opened.warnings

    async def whole(self, most: int) -> bytes | None:
        """Take all audio, where that is at most so many bytes; else return None and take nothing.

        Raises:
            AsrError: as `__aenter__`.
        """
        size = sum(map(len, self._held))
        while size <= most:
            block = await self._decode()
            if not block:
                return self._take_held()
            self._held.append(block)
            size += len(block)
        return None

    def _take_held(self) -> bytes:
        pcm = b"".join(self._held)
        self._held.clear()
        self._position += len(pcm) // BYTES_PER_SAMPLE
        return pcm

    async def from_sample(self, sample: int, largest: int) -> AsyncGenerator[bytes]:
        """Yield the audio from a sample on, in chunks of at most so many bytes.

        Raises:
            AsrError: as `__aenter__`.
        """
        if sample < self._position:
            await in_thread(self._reopen)
        while block := self._held.popleft() if self._held else await self._decode():
            begin = (sample - self._position) * BYTES_PER_SAMPLE
            self._position += len(block) // BYTES_PER_SAMPLE
            for start in range(max(0, begin), len(block), largest):
                yield block[start : start + largest]

    async def _decode(self) -> bytes:
        """Decode the next block; empty at the end."""
        block = await in_thread(self._next_block)
        if self.on_decoded is not None and block:
            await self.on_decoded(len(block) / BYTES_PER_SAMPLE / self.sample_rate)
        return block

    @property
    def _opened(self) -> OpenRecording:
        if self._recording is None:
            raise RuntimeError("the file is not open")
        return self._recording

    def _next_block(self) -> bytes:
        with _as_asr_errors():
            return next(self._blocks, b"")

    def _open(self) -> None:
        file = self._file
        if isinstance(file, bytes):
            file = io.BytesIO(file)
        elif not isinstance(file, Path):
            file.seek(self._begin)
        with _as_asr_errors():
            self._recording = open_recording(file, self._limits)
        self._blocks = self._recording.blocks(_BLOCK_S)

    def _reopen(self) -> None:
        self._close()
        self._open()
        self._held.clear()
        self._position = 0

    def _close(self) -> None:
        if self._recording is not None:
            self._recording.close()


@contextmanager
def _as_asr_errors() -> Iterator[None]:
    """Turn refusals of `app.recordings` into this package's errors."""
    try:
        yield
    except RecordingError as error:
        raise AsrError(
            _CODES[error.problem], str(error), retryable=False, fault=Fault.CALLER
        ) from None
