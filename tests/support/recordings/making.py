"""Recordings in every kind that is decoded, made by the library that other people's tools use."""

import io
import os
import struct
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
        # The reader may have had enough.
        with open(write_end, "wb", buffering=0) as file, suppress(BrokenPipeError):  # noqa: PTH123
            file.writelines(data[start : start + chunk] for start in range(0, len(data), chunk))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with open(read_end, "rb", buffering=0) as file:  # noqa: PTH123 - a descriptor
            yield file
    finally:
        writer.join()


def promising(container: str, samples: Samples, rate: int, seconds: float) -> bytes:
    """A recording whose header promises so many seconds, whatever is in it."""
    frames = round(seconds * rate)
    if container == "MP3":
        return _promising_mp3(encoded(samples, rate, "MP3", "MPEG_LAYER_III"), frames)
    data = bytearray(encoded(samples, rate, container, "PCM_16"))
    if container == "WAV":
        struct.pack_into("<I", data, data.index(b"data") + 4, 2 * frames)
    elif container == "RF64":
        struct.pack_into("<Q", data, data.index(b"ds64") + 16, 2 * frames)
    elif container == "FLAC":
        # STREAMINFO: 20 bits rate, 3 channels, 5 bits a sample, 36 bits samples in all.
        (word,) = struct.unpack_from(">Q", data, 18)
        struct.pack_into(">Q", data, 18, word >> 36 << 36 | frames)
    elif container == "AIFF":
        struct.pack_into(">I", data, data.index(b"COMM") + 10, frames)
        struct.pack_into(">I", data, data.index(b"SSND") + 4, 2 * frames + 8)
    elif container == "AU":
        struct.pack_into(">I", data, 8, 2 * frames)
    elif container == "CAF":
        struct.pack_into(">Q", data, data.index(b"data") + 4, 2 * frames + 4)
    else:
        raise ValueError(container)
    return bytes(data)


PROMISING = ("WAV", "RF64", "FLAC", "AIFF", "AU", "CAF", "MP3")


def _promising_mp3(data: bytes, frames: int) -> bytes:
    at = max(data.find(b"Xing"), data.find(b"Info"))
    patched = bytearray(data)
    flags = int.from_bytes(patched[at + 4 : at + 8], "big")
    assert flags & 1, "the encoder wrote no number of frames"
    struct.pack_into(">I", patched, at + 8, round(frames / 576))
    return bytes(patched)
