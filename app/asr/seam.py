"""Where a reopened stream begins: in the pause behind the last word that is final.

A recogniser's word times are good to a tenth of a second or so. To begin exactly at the end of a
word may give it a scrap of that word to hear again; so the audio itself is asked for the first
quiet moment near it.
"""

from __future__ import annotations

import numpy as np

# How far a word's end may be off in either direction. The reach forward stays well below the
# silence that ends a segment (RIVA_ENDPOINTING_STOP_HISTORY_MS, 560 ms and more is advised), so it
# cannot jump over a word.
BACK_S, AHEAD_S = 0.05, 0.3
_FRAME_S = 0.02
# Within 6 dB of the quietest frame is as quiet: four times its power.
_AS_QUIET = 4.0


def quiet_start(pcm: bytes, rate: int) -> int:
    """The first sample of the first frame that is about as quiet as the quietest.

    Args:
        pcm: PCM16 little-endian mono, the audio around the end of a word.
        rate: Hz.

    Returns:
        A sample's index in that audio; 0 where it is too short to tell.
    """
    frame = max(1, round(rate * _FRAME_S))
    samples = np.frombuffer(pcm, "<i2")
    frames = len(samples) // frame
    if frames < 2:  # noqa: PLR2004 - one frame has nothing to compare with
        return 0
    power = np.square(samples[: frames * frame].astype(np.float64)).reshape(frames, frame).mean(1)
    # One step of the samples' own resolution keeps digital silence comparable.
    return int(np.argmax(power <= (power.min() + 1.0) * _AS_QUIET)) * frame
