"""Audio files as the PCM a gateway takes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from app.contract.limits import (
    DEFAULT_SAMPLE_RATE_HZ,
    MAX_SAMPLE_RATE_HZ,
    MIN_SAMPLE_RATE_HZ,
)

BYTES_PER_SAMPLE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PcmAudio:
    """Mono 16-bit signed little-endian samples.

    Attributes:
        data: The samples, two bytes each.
        sample_rate: Samples per second.
    """

    data: bytes
    sample_rate: int

    def __post_init__(self) -> None:
        if not MIN_SAMPLE_RATE_HZ <= self.sample_rate <= MAX_SAMPLE_RATE_HZ:
            raise ValueError(
                f"sample_rate is {self.sample_rate}; "
                f"accepted: {MIN_SAMPLE_RATE_HZ} to {MAX_SAMPLE_RATE_HZ}"
            )
        if len(self.data) % BYTES_PER_SAMPLE:
            raise ValueError(
                f"data has {len(self.data)} bytes; accepted: an even number, two to a sample"
            )

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.data) / (BYTES_PER_SAMPLE * self.sample_rate)


def read_audio(path: Path | str) -> PcmAudio:
    """Read any file libsndfile knows (WAV, FLAC, OGG, MP3 ...) at its own sample rate.

    Channels are averaged. Files outside the contract's rates are converted to 16 kHz. This blocks:
    on an event loop, call it in a thread.

    Args:
        path: The file.

    Raises:
        ValueError: It is not audio that can be decoded.
        OSError: It cannot be read.
    """
    with Path(path).open("rb") as file:
        try:
            samples, rate = soundfile.read(file, dtype="int16", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise ValueError(
                f"{path} cannot be decoded; accepted: WAV, FLAC, OGG, MP3 and what libsndfile reads"
            ) from error
    mono = _mono(samples)
    if not MIN_SAMPLE_RATE_HZ <= rate <= MAX_SAMPLE_RATE_HZ:
        mono = soxr.resample(mono, rate, DEFAULT_SAMPLE_RATE_HZ)
        rate = DEFAULT_SAMPLE_RATE_HZ
    return PcmAudio(data=mono.astype("<i2").tobytes(), sample_rate=rate)


def _mono(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    if samples.shape[1] == 1:
        return samples[:, 0]
    mean: NDArray[np.float64] = np.rint(samples.mean(axis=1))
    return mean.astype(np.int16)
