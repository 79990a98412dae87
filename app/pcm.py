"""PCM16, little-endian: the one format of audio inside the service, and the way to and from it."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

BYTES_PER_SAMPLE: Final = 2
FULL_SCALE: Final = np.float32(32_768)

Floats = NDArray[np.float32]
"""Samples in -1..1; where they are frames, one row a frame and one column a channel."""


def samples_of(pcm: bytes) -> NDArray[np.int16]:
    """Return the samples; half a one at the end is left out."""
    return np.frombuffer(pcm, "<i2", len(pcm) // BYTES_PER_SAMPLE)


def floats_of(pcm: bytes) -> Floats:
    """Return the samples in -1..1."""
    return samples_of(pcm).astype(np.float32) / FULL_SCALE


def rounded(floats: Floats) -> NDArray[np.int16]:
    """Return the nearest samples of 16 bits; what is beyond full scale becomes that."""
    scaled: Floats = np.clip(np.rint(floats * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1)
    return scaled.astype(np.int16)


def pcm_of(samples: NDArray[np.int16]) -> bytes:
    """Return the bytes of samples."""
    return samples.astype("<i2", copy=False).tobytes()


def mono(frames: Floats) -> Floats:
    """Return the mean of the channels."""
    if frames.shape[1] == 1:
        return frames[:, 0]
    mean: Floats = frames.mean(axis=1, dtype=np.float32)
    return mean


class WholeSamples:
    """Gives on what comes in whole samples, or frames; the rest of one waits for what follows.

    Args:
        size: Bytes of one.
    """

    def __init__(self, size: int = BYTES_PER_SAMPLE) -> None:
        self._size = size
        self._rest = b""

    @property
    def is_split(self) -> bool:
        """Whether a part of one waits."""
        return bool(self._rest)

    def take(self, data: bytes) -> bytes:
        """Return all that is whole now."""
        if self._rest:
            data = self._rest + data
        whole = len(data) - len(data) % self._size
        self._rest = data[whole:]
        return data[:whole] if self._rest else data

    def finish(self) -> int:
        """Say that nothing follows, and return how many bytes are left over."""
        left, self._rest = len(self._rest), b""
        return left
