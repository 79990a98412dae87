"""Conversion of decoded samples to PCM16 mono at an accepted rate."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import soxr

from ..pcm import FULL_SCALE, Floats, mono, pcm_of, rounded
from .limits import HIGHEST_RATE_HZ, LOWEST_RATE_HZ, MODEL_RATE_HZ

_CANCELLED_SHARE: Final = 0.01
"""Energy left in the mean. Of channels that have nothing to do with one another it is a half."""

Frames = Floats
"""Decoded samples in -1..1, one row a frame, one column a channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pcm16:
    """A whole recording in memory.

    Attributes:
        data: PCM16 little-endian mono.
        sample_rate: Hz.
        duration: Seconds of sound that were read.
        warnings: What was odd about the recording, one sentence each.
    """

    data: bytes
    sample_rate: int
    duration: float
    warnings: tuple[str, ...] = ()


class Mixer:
    """Mixes channels to one, resamples odd rates, and counts what had to be corrected.

    Args:
        rate: Hz of the frames that come.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate if LOWEST_RATE_HZ <= rate <= HIGHEST_RATE_HZ else MODEL_RATE_HZ
        self._resampler = (
            None if self.rate == rate else soxr.ResampleStream(rate, self.rate, 1, dtype="float32")
        )
        self.samples = 0
        self.clipped = 0
        self.not_numbers = 0
        self._energy = 0.0
        self._mixed_energy = 0.0

    @property
    def cancelled(self) -> bool:
        """Whether the channels are of opposite phase and cancel each other out in the mean."""
        return self._mixed_energy < _CANCELLED_SHARE * self._energy

    def mix(self, frames: Frames) -> bytes:
        """Return PCM16 of some frames; may be empty while the resampler fills."""
        self.samples += frames.size
        finite = np.isfinite(frames)
        if not finite.all():
            # What is no number was never heard: silence, not the full scale that a cast would give.
            self.not_numbers += int(frames.size - np.count_nonzero(finite))
            frames = np.where(finite, frames, np.float32(0))
        # Beyond full scale by less than a step of PCM16 is rounding, not a fault.
        self.clipped += int(np.count_nonzero(np.abs(frames) > 1.0 + 1.0 / FULL_SCALE))
        frames = np.clip(frames, -1.0, 1.0)
        mean = mono(frames)
        if frames.shape[1] > 1:
            self._energy += float(np.square(frames).mean(axis=1).sum())
            self._mixed_energy += float(np.square(mean).sum())
        if self._resampler is not None:
            mean = self._resampler.resample_chunk(mean)
        return pcm_of(rounded(mean))

    def finish(self) -> bytes:
        """Return the rest of the resampler's output; call once, after the last frames."""
        if self._resampler is None:
            return b""
        return pcm_of(rounded(self._resampler.resample_chunk(np.zeros(0, np.float32), last=True)))
