"""Conversion of a stream to samples at the engine's rate, however its bytes are cut.

soxr's stream works in blocks of its own, so its output is a function of the audio to the last bit;
tests/app/emulator/test_audio.py holds it to that.
"""

import struct
from functools import cache

import numpy as np
import soxr

from app.emulator.recognition import AudioFormat
from app.pcm import Floats, WholeSamples, floats_of
from app.recordings import read_recording

ENGINE_RATE = 16_000
ENCODINGS = ("LINEAR_PCM", "MULAW", "ALAW")

Samples = Floats
_EMPTY: Samples = np.zeros(0, np.float32)


@cache
def _expansion(encoding: str) -> Samples:
    """Return the 256 values of a G.711 law."""
    kind = {"MULAW": 1, "ALAW": 27}[encoding]
    header = struct.pack(">4sIIIII", b".snd", 24, 256, kind, 8000, 1)
    return floats_of(read_recording(header + bytes(range(256))).data)


class AudioDecoder:
    """Turns one stream's bytes into float samples in -1..1 at 16 kHz.

    Args:
        audio: The stream's format. Its rate and encoding were checked where they entered.
    """

    def __init__(self, audio: AudioFormat) -> None:
        self._audio = audio
        self._whole = WholeSamples()
        self._resampler = (
            None
            if audio.sample_rate == ENGINE_RATE
            else soxr.ResampleStream(audio.sample_rate, ENGINE_RATE, 1, dtype="float32")
        )

    def feed(self, chunk: bytes) -> Samples:
        """Decode a chunk of any length; a sample cut in two waits for its other half."""
        samples = self._expand(chunk)
        if self._resampler is None:
            return samples
        resampled: Samples = self._resampler.resample_chunk(samples)
        return resampled

    def flush(self) -> Samples:
        """Return the samples still inside the resampler; call once, after the last chunk."""
        if self._resampler is None:
            return _EMPTY
        rest: Samples = self._resampler.resample_chunk(_EMPTY, last=True)
        return rest

    def _expand(self, chunk: bytes) -> Samples:
        if self._audio.encoding != "LINEAR_PCM":
            return _expansion(self._audio.encoding)[np.frombuffer(chunk, np.uint8)]
        return floats_of(self._whole.take(chunk))
