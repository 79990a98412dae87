"""Recordings as files, decoded by `app.recordings`, their refusals told as this package's errors.

Everything here blocks; it is run in a thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import app.recordings
from app.asr.errors import AsrError, ErrorCode, Fault
from app.recordings import RecordingError, RecordingLimits, RecordingProblem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

_BYTES_PER_SAMPLE = 2
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
    """

    max_bytes: int
    max_duration: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A recording ready to be recognised.

    Attributes:
        pcm: PCM16 little-endian mono.
        sample_rate: Hz.
        duration: seconds that were read.
        warnings: what was odd about the file, one sentence each.
    """

    pcm: bytes
    sample_rate: int
    duration: float
    warnings: tuple[str, ...] = ()

    async def chunks(self, seconds: float) -> AsyncIterator[bytes]:
        """The audio in order, in chunks of that length."""
        step = round(seconds * self.sample_rate) * _BYTES_PER_SAMPLE
        for start in range(0, len(self.pcm), step):
            yield self.pcm[start : start + step]


def read_recording(audio: bytes | Path, limits: FileLimits) -> Recording:
    """Decodes a file; blocks.

    Raises:
        AsrError: AUDIO_INVALID, AUDIO_TOO_LARGE or AUDIO_TOO_LONG, naming what is accepted.
    """
    within = RecordingLimits(max_bytes=limits.max_bytes, max_seconds=limits.max_duration)
    try:
        read = app.recordings.read_recording(audio, within)
    except RecordingError as error:
        raise AsrError(
            _CODES[error.problem], error.sentence, retryable=False, fault=Fault.CALLER
        ) from None
    return Recording(
        pcm=read.data,
        sample_rate=read.sample_rate,
        duration=read.duration,
        warnings=read.warnings,
    )
