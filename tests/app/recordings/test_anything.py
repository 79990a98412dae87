"""Any bytes are answered in bounded time and memory, and never with a sample that is not in them.

libsndfile is fuzzed here as far as its decoders are reached; that it is safe from memory errors is
its own project's proof, not this one's.
"""

import struct
import tracemalloc
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.recordings import (
    RecordingError,
    RecordingLimits,
    RecordingProblem,
    open_recording,
    read_recording,
)
from tests.support.recordings.making import LINEAR, LOSSY, encoded, piped, speech_like

RATE = 16_000
LIMITS = RecordingLimits(max_bytes=1 << 22, max_seconds=60)
KINDS = [*LINEAR, *LOSSY, ("WAV", "GSM610")]
HEADS = [
    b"RIFF\0\0\0\0WAVE",
    b"RIFX\0\0\0\0WAVE",
    b"RF64\xff\xff\xff\xffWAVE",
    b"FORM\0\0\0\0AIFF",
    b"FORM\0\0\0\0AIFC",
    b"caff\0\1\0\0",
    b".snd\0\0\0\x18",
    b"NIST_1A\n   1024\n",
    bytes.fromhex("726966662e91cf11a5d628db04c10000"),  # pragma: allowlist secret
    b"fLaC",
    b"OggS\0\2",
    b"ID3\4\0\0\0\0\0\0",
    b"\xff\xfb\x90\x64",
    b"",
]


@cache
def whole(container: str, subtype: str) -> bytes:
    rate = 8000 if subtype == "GSM610" else RATE
    return encoded(speech_like(0.25, rate), rate, container, subtype)


@cache
def heard(container: str, subtype: str) -> bytes:
    return read_recording(whole(container, subtype)).data


def answer(data: bytes, *, by_pipe: bool = False) -> bytes:
    """PCM, or nothing where it was refused with one sentence."""
    try:
        if by_pipe:
            with piped(data) as pipe:
                return read_recording(pipe, LIMITS).data
        return read_recording(data, LIMITS).data
    except RecordingError as refusal:
        sentence = str(refusal)
    assert sentence.startswith("The recording ")
    assert "\n" not in sentence
    return b""


@given(kind=st.sampled_from(KINDS), share=st.floats(0, 1))
@hypothesis_settings(deadline=None, max_examples=150)
def test_what_is_left_of_a_cut_recording_is_its_beginning(
    kind: tuple[str, str], share: float
) -> None:
    data = whole(*kind)
    left = data[: int(share * len(data))]
    assert heard(*kind).startswith(answer(left))


@given(kind=st.sampled_from(KINDS), share=st.floats(0, 1))
@hypothesis_settings(deadline=None, max_examples=60)
def test_a_pipe_gives_what_the_file_gives(kind: tuple[str, str], share: float) -> None:
    data = whole(*kind)[: int(share * len(whole(*kind)))]
    assert answer(data, by_pipe=True) == answer(data)


@given(
    kind=st.sampled_from(KINDS),
    changes=st.lists(
        st.tuples(
            st.integers(0, 150), st.sampled_from([0, 1, 127, 128, 255]) | st.integers(0, 255)
        ),
        max_size=8,
    ),
)
@hypothesis_settings(deadline=None, max_examples=300)
def test_any_header_is_an_answer_with_no_more_than_is_there(
    kind: tuple[str, str], changes: list[tuple[int, int]]
) -> None:
    data = bytearray(whole(*kind))
    for place, value in changes:
        data[place % len(data)] = value
    try:
        with open_recording(bytes(data), LIMITS) as recording:
            pcm = b"".join(recording.blocks())
    except RecordingError:
        return
    # None of these packs a sample into less than two bits, or has what was encoded. What is not at
    # a rate that is kept was resampled, by up to 16.
    most = max(4 * len(data), len(heard(*kind)) // 2)
    assert len(pcm) // 2 <= most * (16 if recording.sample_rate == 16_000 else 1)
    assert recording.duration <= most / 1000


@given(head=st.sampled_from(HEADS), rest=st.binary(max_size=400))
@hypothesis_settings(deadline=None, max_examples=300)
def test_any_bytes_behind_any_head_are_an_answer(head: bytes, rest: bytes) -> None:
    data = head + rest
    assert len(answer(data)) <= 2 * 16 * 8 * max(1, len(data))


@given(
    kind=st.sampled_from([("WAV", "FLOAT"), ("WAV", "DOUBLE"), ("AU", "FLOAT")]),
    values=st.lists(st.floats(width=32), min_size=1, max_size=40),
)
@hypothesis_settings(deadline=None, max_examples=60)
def test_float_samples_of_any_value_are_themselves_or_cut_off_or_silence(
    kind: tuple[str, str], values: list[float]
) -> None:
    samples = np.array(values, dtype=np.float64)
    data = encoded(samples, RATE, *kind)
    pcm = np.frombuffer(read_recording(data).data, "<i2")
    expected = np.clip(np.where(np.isfinite(samples), samples, 0.0), -1.0, 1.0) * 32768
    assert np.max(np.abs(pcm - np.clip(np.rint(expected), -32768, 32767))) <= 1


def big_wav_header(channels: int, rate: int, size: int) -> bytes:
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", size, b"WAVE", b"fmt ", 16, 3, channels, rate,
        (8 * channels * rate) & 0xFFFFFFFF, 8 * channels, 64, b"data", size,
    )  # fmt: skip


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7EFFFFFF])
def test_a_header_that_promises_everything_takes_little_memory(size: int) -> None:
    data = big_wav_header(32, 192_000, size) + bytes(32 * 8 * 1000)
    tracemalloc.start()
    try:
        read = read_recording(data, LIMITS)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert read.duration == 1000 / 192_000
    assert peak < 16 << 20


@pytest.mark.parametrize(
    ("rate", "channels"), [(0, 1), (999, 1), (192_001, 1), (2**31, 1), (16_000, 0), (16_000, 33)]
)
def test_a_shape_that_nobody_records_is_refused(rate: int, channels: int) -> None:
    data = big_wav_header(channels, rate, 800) + bytes(800)
    with pytest.raises(RecordingError, match="accepted: 1 to 32 channels and 1000 to 192000 Hz"):
        read_recording(data)


@pytest.mark.parametrize(
    "pattern",
    [
        b"\xff",
        b"\xff\xf3\x88\xc4",
        b"OggS",
        b"OggS\0\0",
        b"ID3\4\0\0\0\0\0\0",
        b"junk\0\0\0\0",
        b"\0",
    ],
)
@pytest.mark.parametrize("kind", [("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"), ("FLAC", "PCM_16")])
def test_rubbish_behind_a_recording_takes_no_time_and_loses_no_sound(
    pattern: bytes, kind: tuple[str, str]
) -> None:
    """Found with 60 MB of it: libogg took minutes. Here the tests' own time limit would tell."""
    rubbish = pattern * ((2 << 20) // len(pattern))
    pcm = read_recording(whole(*kind) + rubbish, RecordingLimits(max_seconds=600)).data
    assert pcm.startswith(heard(*kind))


def test_a_small_file_that_holds_hours_of_silence_is_refused_at_the_limit() -> None:
    data = encoded(np.zeros(RATE * 120), RATE, "FLAC", "PCM_16")
    assert len(data) < 10_000
    with pytest.raises(RecordingError) as refused:
        read_recording(data, RecordingLimits(max_seconds=10))
    assert refused.value.problem is RecordingProblem.TOO_LONG
    assert str(refused.value) == "The recording lasts 120 s; accepted: at most 10 s"
