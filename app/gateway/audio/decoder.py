"""From the bytes of binary messages to what the recogniser takes: PCM16, mono, little-endian."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
import soxr

_WIDTH: Final = {"pcm16": 2, "float32": 4}
_PCM16_SCALE: Final = 32_768.0
PIECE_SECONDS: Final = 0.1
"""Longest piece that is decoded at once, so that a long message never holds the event loop."""


class AudioDecoder:
    """Decodes one session's audio.

    Messages may be cut anywhere: what is left of a sample waits for the next message.

    Args:
        encoding: "pcm16" or "float32".
        channels: 1, or 2 interleaved channels that are averaged.
        sample_rate: Samples per second of the incoming audio.
        target_rate: Rate to resample to; equal to `sample_rate` for none.
    """

    def __init__(self, encoding: str, channels: int, sample_rate: int, target_rate: int) -> None:
        self._encoding = encoding
        self._channels = channels
        self._frame = _WIDTH[encoding] * channels
        self._bytes_per_s = sample_rate * self._frame
        self._piece = max(1, round(sample_rate * PIECE_SECONDS)) * self._frame
        self._rest = b""
        self._resampler = (
            soxr.ResampleStream(sample_rate, target_rate, 1, dtype="int16")
            if target_rate != sample_rate
            else None
        )

    def feed(self, message: bytes) -> Iterator[tuple[float, bytes]]:
        """Decode a message piece by piece.

        Yields:
            Seconds of incoming audio in the piece, and its PCM16 bytes (possibly empty while the
            resampler fills).
        """
        if self._rest:
            message = self._rest + message
        whole = len(message) - len(message) % self._frame
        self._rest = message[whole:]
        for start in range(0, whole, self._piece):
            piece = message[start : min(start + self._piece, whole)]
            yield len(piece) / self._bytes_per_s, self._decode(piece)

    def finish(self) -> tuple[bytes, int]:
        """End the audio.

        Returns:
            What the resampler still held, and how many bytes of an incomplete sample are left over.
        """
        left = len(self._rest)
        self._rest = b""
        if self._resampler is None:
            return b"", left
        tail = self._resampler.resample_chunk(np.empty(0, dtype=np.int16), last=True)
        return tail.astype("<i2", copy=False).tobytes(), left

    def _decode(self, piece: bytes) -> bytes:
        if self._encoding == "pcm16" and self._channels == 1 and self._resampler is None:
            return piece
        samples = _to_int16(piece, self._encoding, self._channels)
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples)
        return samples.astype("<i2", copy=False).tobytes()


def _to_int16(piece: bytes, encoding: str, channels: int) -> npt.NDArray[np.int16]:
    """Scale to 16 bit and average the channels. A float sample that is not a number is silence."""
    if encoding == "pcm16":
        wide: npt.NDArray[np.float32] = np.frombuffer(piece, dtype="<i2").astype(np.float32)
    else:
        wide = np.nan_to_num(np.frombuffer(piece, dtype="<f4"), nan=0.0, posinf=1.0, neginf=-1.0)
        wide = np.clip(wide, -1.0, 1.0) * np.float32(_PCM16_SCALE)
    if channels > 1:
        wide = wide.reshape(-1, channels).mean(axis=1, dtype=np.float32)
    return np.clip(np.rint(wide), -32_768, 32_767).astype(np.int16)
