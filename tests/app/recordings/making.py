"""Recordings in every kind that is decoded, made by the library that other people's tools use."""

import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

LINEAR = (
    ("WAV", "PCM_U8"),
    ("WAV", "PCM_16"),
    ("WAV", "PCM_24"),
    ("WAV", "PCM_32"),
    ("WAV", "FLOAT"),
    ("WAV", "DOUBLE"),
    ("WAV", "ULAW"),
    ("WAV", "ALAW"),
    ("WAVEX", "PCM_16"),
    ("WAVEX", "PCM_24"),
    ("WAVEX", "FLOAT"),
    ("RF64", "PCM_16"),
    ("RF64", "FLOAT"),
    ("AIFF", "PCM_16"),
    ("AIFF", "FLOAT"),
    ("AU", "PCM_16"),
    ("AU", "FLOAT"),
    ("CAF", "PCM_16"),
    ("CAF", "FLOAT"),
    ("CAF", "ALAC_16"),
    ("W64", "PCM_16"),
    ("W64", "FLOAT"),
    ("NIST", "PCM_16"),
    ("FLAC", "PCM_16"),
    ("FLAC", "PCM_24"),
)
LOSSY = (
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"),
    ("WAV", "IMA_ADPCM"),
    ("WAV", "MS_ADPCM"),
)
"""Besides GSM 6.10 in WAV, which is of 8 kHz."""

Samples = NDArray[np.float64]


def speech_like(seconds: float, rate: int, seed: int = 1) -> Samples:
    """Noise under a slow envelope with a tone in it, in -0.6..0.6; never the same twice."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    noise = np.convolve(rng.standard_normal(len(time)), np.ones(8) / 8, mode="same")
    wave = 0.4 * np.sin(2 * np.pi * 220 * time) + 0.2 * noise
    return np.clip(wave * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * time)), -0.6, 0.6)


def encoded(
    samples: Samples, rate: int, container: str, subtype: str, endian: str | None = None
) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=container, subtype=subtype, endian=endian)
    return buffer.getvalue()


@contextmanager
def piped(data: bytes, chunk: int = 3001) -> Iterator[BinaryIO]:
    """The reading end of a pipe into which the data is written as it is taken."""
    read_end, write_end = os.pipe()

    def write() -> None:
        with open(write_end, "wb", buffering=0) as file:  # noqa: PTH123 - a descriptor
            # The reader may have had enough.
            with suppress(BrokenPipeError):
                file.writelines(data[start : start + chunk] for start in range(0, len(data), chunk))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with open(read_end, "rb", buffering=0) as file:  # noqa: PTH123 - a descriptor
            yield file
    finally:
        writer.join()
