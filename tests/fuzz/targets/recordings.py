"""Recordings of any kind: samples that are in the file, or one sentence.

Each is read twice, another one in between: what is not the same came from somewhere else, as from
memory that nobody had cleared. libsndfile is fuzzed as far as its decoders are reached, without
instrumentation; ffmpeg is not, a process of its own with bounds of its own.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import Final

from app.recordings import (
    RecordingError,
    RecordingLimits,
    can_be_decoded,
    certain_name_of,
    read_recording,
)
from app.recordings.decoders import demuxer_of
from app.recordings.formats import HEAD_BYTES, name_of
from tests.fuzz.target import Target
from tests.support.recordings.making import LINEAR, LOSSY, encoded, speech_like

_LIMITS: Final = RecordingLimits(max_bytes=1 << 20, max_seconds=20)
_SAMPLES_A_BYTE: Final = 4096
"""FLAC's silence, the densest there is: 4,096 samples and more in a frame of a few bytes; beyond it
a decoder makes sound up. `max_seconds` bounds it in any case."""


@cache
def seeds() -> list[bytes]:
    """A moment of sound in every container and sample format."""
    kinds = [*LINEAR, *LOSSY, ("WAV", "GSM610")]
    made = []
    for container, subtype in kinds:
        rate = 8000 if (container, subtype) == ("WAV", "GSM610") else 16_000
        made.append(encoded(speech_like(0.03, rate), rate, container, subtype))
    tag = b"ID3\x04\x00\x00\x00\x00\x00\x0a" + bytes(10)
    mp3 = encoded(speech_like(0.1, 16_000), 16_000, "MP3", "MPEG_LAYER_III")
    stereo = speech_like(0.02, 8000)
    return [*made, tag + mp3, tag + made[-8], encoded(stereo, 8000, "FLAC", "PCM_16")]


@cache
def _other() -> bytes:
    """Another client's recording: loud, and like nothing else."""
    return encoded(speech_like(0.2, 48_000, seed=7), 48_000, "WAV", "FLOAT")


def check(data: bytes) -> None:
    """Read it twice."""
    certain_name_of(data)
    can_be_decoded(data)
    name = name_of(data[:HEAD_BYTES])
    if name is not None and demuxer_of(name) is not None:
        return  # a process each, 50 ms: tests/app/recordings/decoders has them
    first = _read(data)
    with suppress(RecordingError):
        read_recording(_other(), _LIMITS)
    assert _read(data) == first, "the same bytes were read as two recordings"
    if isinstance(first, bytes):
        # Resampled from 1 kHz at the least, to two bytes each.
        assert len(first) <= 2 * 16 * _SAMPLES_A_BYTE * len(data)


def _read(data: bytes) -> bytes | str:
    try:
        read = read_recording(data, _LIMITS)
    except RecordingError as refused:
        sentence = str(refused)
        assert sentence.startswith("The recording "), sentence
        assert "\n" not in sentence
        return sentence
    assert read.duration <= 20
    return read.data


RECORDINGS: Final = Target(
    name="recordings",
    title="Audio files",
    seeds=seeds,
    check=check,
    longest=16_384,
    grown_mib=256,
)
