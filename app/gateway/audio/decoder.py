"""Decodes audio messages to PCM16, mono, little-endian."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
import soxr

from app import pcm
from app.contract.limits import BYTES_PER_SAMPLE
from app.gateway.audio import g711

_BYTES: Final = {**BYTES_PER_SAMPLE, **dict.fromkeys(g711.LAWS, 1)}
"""Of a sample, by encoding: those of the contract, and those of other protocols."""

PIECE_SECONDS: Final = 0.1
"""Longest piece that is decoded at once, so that a long message never holds the event loop."""


class AudioDecoder:
    """Decodes one session's audio.

    Messages may be cut anywhere: what is left of a sample waits for the next message.

    Args:
        encoding: "pcm16", "float32", or one of `g711.LAWS`.
        channels: 1, or 2 interleaved channels that are averaged.
        sample_rate: Samples per second of the incoming audio.
        target_rate: Rate to resample to; equal to `sample_rate` for none.

    Attributes:
        passes: Whole samples up to so many bytes are decoded already, and need not be fed.
    """

    def __init__(self, encoding: str, channels: int, sample_rate: int, target_rate: int) -> None:
        self._encoding = encoding
        self._channels = channels
        frame = _BYTES[encoding] * channels
        self._bytes_per_s = sample_rate * frame
        self._piece = max(1, round(sample_rate * PIECE_SECONDS)) * frame
        self._frames = pcm.WholeSamples(frame)
        self._resampler = (
            soxr.ResampleStream(sample_rate, target_rate, 1, dtype="int16")
            if target_rate != sample_rate
            else None
        )
        self._is_plain = encoding == "pcm16" and channels == 1 and self._resampler is None
        self.passes = self._piece if self._is_plain else 0

    def feed(self, message: bytes) -> Iterator[tuple[float, bytes]]:
        """Decode a message piece by piece.

        Yields:
            Seconds of incoming audio in the piece, and its PCM16 bytes (possibly empty while the
            resampler fills).
        """
        message = self._frames.take(message)
        self.passes = self._piece if self._is_plain and not self._frames.is_split else 0
        for start in range(0, len(message), self._piece):
            piece = message[start : start + self._piece]
            yield len(piece) / self._bytes_per_s, self._decode(piece)

    def finish(self) -> tuple[bytes, int]:
        """End the audio.

        Returns:
            What the resampler still held, and how many bytes of an incomplete sample are left over.
        """
        left = self._frames.finish()
        if self._resampler is None:
            return b"", left
        tail = self._resampler.resample_chunk(np.empty(0, dtype=np.int16), last=True)
        return pcm.pcm_of(tail), left

    def _decode(self, piece: bytes) -> bytes:
        if self._is_plain:
            return piece
        samples = _to_int16(piece, self._encoding, self._channels)
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples)
        return pcm.pcm_of(samples)


def _to_int16(piece: bytes, encoding: str, channels: int) -> npt.NDArray[np.int16]:
    """Scale to 16 bit and average the channels. A float sample that is not a number is silence."""
    if encoding == "float32":
        floats = np.nan_to_num(np.frombuffer(piece, "<f4"), nan=0.0, posinf=1.0, neginf=-1.0)
        floats = np.clip(floats, -1.0, 1.0)
        return pcm.rounded(pcm.mono(floats.reshape(-1, channels)))
    is_law = encoding in g711.LAWS
    samples = g711.samples_of(piece, encoding) if is_law else pcm.samples_of(piece)
    if channels == 1:
        return samples
    floats = pcm.floats_of(pcm.pcm_of(samples))
    return pcm.rounded(pcm.mono(floats.reshape(-1, channels)))
