"""Recordings as files: any container libsndfile reads becomes the PCM16 mono audio Riva takes.

Everything here blocks; it is run in a thread.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
import soxr

from app.asr.errors import AsrError, ErrorCode, Fault
from app.asr.requests import HIGHEST_RATE, LOWEST_RATE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import numpy.typing as npt

ACCEPTED = "a WAV, FLAC, OGG or MP3 file with audio in it"
# What the models were trained on; only rates Riva does not take are changed to it.
_MODEL_RATE = 16_000
# What studio equipment writes; beyond it a file is broken or wants to cost time.
_HIGHEST_FILE_RATE, _MOST_CHANNELS = 192_000, 32
_BLOCK_SAMPLES = 1 << 20  # decoded at once, over all channels: 4 MiB
_BYTES_PER_SAMPLE = 2


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
        duration: seconds.
    """

    pcm: bytes
    sample_rate: int
    duration: float

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
    _check_size(audio, limits.max_bytes)
    try:
        with soundfile.SoundFile(audio if isinstance(audio, Path) else io.BytesIO(audio)) as file:
            return _decode(file, limits.max_duration)
    except (soundfile.SoundFileError, OSError) as error:
        raise _bad(ErrorCode.AUDIO_INVALID, f"The file is not {ACCEPTED}.", str(error)) from None


def _check_size(audio: bytes | Path, most: int) -> None:
    try:
        size = audio.stat().st_size if isinstance(audio, Path) else len(audio)
    except OSError as error:
        raise _bad(ErrorCode.AUDIO_INVALID, "The file cannot be read.", str(error)) from None
    if size > most:
        raise _bad(ErrorCode.AUDIO_TOO_LARGE, f"The file has {size} bytes; accepted: up to {most}.")


def _decode(file: soundfile.SoundFile, longest: float) -> Recording:
    rate, channels = int(file.samplerate), int(file.channels)
    _check_shape(rate, channels)
    sent_rate = rate if LOWEST_RATE <= rate <= HIGHEST_RATE else _MODEL_RATE
    resampler = None if sent_rate == rate else soxr.ResampleStream(rate, sent_rate, 1)
    pcm: list[bytes] = []
    frames = 0
    # Block by block, and counted while decoding: a header may lie about the length, and a small
    # compressed file may hold hours of silence.
    for block in file.blocks(_BLOCK_SAMPLES // channels, dtype="float32", always_2d=True):
        frames += len(block)
        if frames > longest * rate:
            raise _bad(
                ErrorCode.AUDIO_TOO_LONG,
                f"The recording is longer than {longest:g} s, the most accepted.",
            )
        mono = block.mean(axis=1, dtype=np.float32)
        pcm.append(_pcm16(mono if resampler is None else resampler.resample_chunk(mono)))
    if resampler is not None:
        rest = resampler.resample_chunk(np.zeros(0, dtype=np.float32), last=True)
        pcm.append(_pcm16(rest))
    return Recording(pcm=b"".join(pcm), sample_rate=sent_rate, duration=frames / rate)


def _check_shape(rate: int, channels: int) -> None:
    if rate > _HIGHEST_FILE_RATE or channels > _MOST_CHANNELS:
        raise _bad(
            ErrorCode.AUDIO_INVALID,
            f"The recording has {channels} channels at {rate} Hz; accepted: up to "
            f"{_MOST_CHANNELS} channels and {_HIGHEST_FILE_RATE} Hz.",
        )


def _pcm16(samples: npt.NDArray[np.float32]) -> bytes:
    scaled = np.rint(np.clip(samples, -1.0, 1.0) * 32767.0)
    return bytes(scaled.astype("<i2").tobytes())


def _bad(code: ErrorCode, message: str, detail: str | None = None) -> AsrError:
    return AsrError(
        code,
        message,
        retryable=False,
        fault=Fault.CALLER,
        detail=None if detail is None else f"{message} {detail}",
    )
