"""Where speech is in a recording of one voice and nothing else, by loudness."""

from typing import Final

import numpy as np

from app.client import PcmAudio

_FRAME_S: Final = 0.01
_BELOW_LOUDEST_DB: Final = 50.0
"""Quieter than the loudest frame by more than this is no speech. Against the spans that the
fixtures' manifest states this is right to 0.1 s (tests/ops/qa/test_speech.py)."""


def speech_span(audio: PcmAudio) -> tuple[float, float] | None:
    """Return where speech begins and ends, in seconds; None in silence.

    True for a voice without anything else: noise and music count as speech here.

    Args:
        audio: The samples.
    """
    samples = np.frombuffer(audio.data, dtype="<i2").astype(np.float64)
    width = max(1, round(_FRAME_S * audio.sample_rate))
    frames = samples[: len(samples) // width * width].reshape(-1, width)
    if not frames.size:
        return None
    power = (frames**2).mean(axis=1)
    loudest = float(power.max())
    if loudest <= 1.0:
        return None
    loud = np.flatnonzero(power > loudest * 10 ** (-_BELOW_LOUDEST_DB / 10))
    return float(loud[0]) * _FRAME_S, float(loud[-1] + 1) * _FRAME_S
