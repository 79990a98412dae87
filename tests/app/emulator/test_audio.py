"""Bytes to samples. That the resampler is a good one is shown by recognition at 8 and 48 kHz."""

from itertools import pairwise

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from app.emulator.audio import ENGINE_RATE, AudioDecoder, Samples
from app.emulator.recognition import AudioFormat

RATES = (8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)


def decoded(data: bytes, cuts: list[int], audio: AudioFormat) -> Samples:
    decoder = AudioDecoder(audio)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    pieces = [decoder.feed(data[start:end]) for start, end in pairwise(edges)]
    return np.concatenate([*pieces, decoder.flush()])


def noise(rate: int, seconds: float = 0.5) -> bytes:
    samples = np.random.default_rng(7).integers(-8000, 8000, int(rate * seconds))
    return samples.astype("<i2").tobytes()


@pytest.mark.parametrize("encoding", ["LINEAR_PCM", "MULAW", "ALAW"])
@pytest.mark.parametrize("rate", RATES)
@settings(max_examples=12, deadline=None, derandomize=True)
@given(cuts=st.lists(st.integers(0, 10**6), max_size=12))
def test_samples_are_the_same_to_the_last_bit_however_the_bytes_are_cut(
    rate: int, encoding: str, cuts: list[int]
) -> None:
    audio = AudioFormat(encoding=encoding, sample_rate=rate)
    data = noise(rate)
    whole = decoded(data, [], audio)
    assert np.array_equal(decoded(data, cuts, audio), whole)


@pytest.mark.parametrize("rate", RATES)
def test_no_sample_is_lost_and_the_end_is_flushed(rate: int) -> None:
    data = noise(rate)
    samples = decoded(data, [999], AudioFormat(encoding="LINEAR_PCM", sample_rate=rate))
    whole = soxr.resample(np.frombuffer(data, "<i2") / np.float32(32768), rate, ENGINE_RATE)
    assert abs(len(samples) - len(whole)) <= 1
    assert np.abs(samples[: len(whole)] - whole[: len(samples)]).max() < 1e-4


@pytest.mark.parametrize(
    ("encoding", "codes", "values"),
    [
        # ITU-T G.711, tables 2a and 1a: the largest values and the smallest of each sign.
        ("MULAW", [0x80, 0x00, 0xFF, 0x7F], [32124, -32124, 0, 0]),
        ("ALAW", [0xAA, 0x2A, 0xD5, 0x55], [32256, -32256, 8, -8]),
    ],
)
def test_companded_codes_expand_to_the_standard_values(
    encoding: str, codes: list[int], values: list[int]
) -> None:
    decoder = AudioDecoder(AudioFormat(encoding=encoding, sample_rate=16_000))
    expanded = decoder.feed(bytes(codes)) * 32768
    assert expanded.tolist() == values


def test_a_lone_last_byte_is_no_sample() -> None:
    decoder = AudioDecoder(AudioFormat(encoding="LINEAR_PCM", sample_rate=16_000))
    assert len(decoder.feed(b"\x00\x40\x00")) == 1
    assert len(decoder.flush()) == 0
