"""Samples, floats and bytes are one another's inverse, as far as 16 bits go."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.pcm import FULL_SCALE, WholeSamples, floats_of, mono, pcm_of, rounded, samples_of


@given(st.binary(max_size=400))
def test_floats_and_samples_give_the_same_bytes_back(data: bytes) -> None:
    whole = data[: len(data) // 2 * 2]
    assert pcm_of(samples_of(data)) == whole
    assert pcm_of(rounded(floats_of(data))) == whole
    assert floats_of(data).dtype == np.float32


def test_what_is_between_two_samples_is_rounded_and_what_is_beyond_full_scale_is_cut() -> None:
    floats = np.array([0.4, 0.6, -0.6, 32_767, 32_767.4, 99_999, -99_999], np.float32)
    assert rounded(floats / FULL_SCALE).tolist() == [0, 1, -1, 32_767, 32_767, 32_767, -32_768]


def test_channels_are_averaged() -> None:
    frames = np.array([[1.0, 0.0], [-1.0, -0.5]], np.float32)
    assert mono(frames).tolist() == [0.5, -0.75]
    assert mono(frames[:, :1]).tolist() == [1.0, -1.0]


@given(st.lists(st.binary(max_size=7)), st.integers(1, 8))
def test_nothing_is_lost_where_a_sample_is_cut_in_two(pieces: list[bytes], size: int) -> None:
    cutter = WholeSamples(size)
    taken = [cutter.take(piece) for piece in pieces]
    sent = b"".join(pieces)
    assert all(len(one) % size == 0 for one in taken)
    assert b"".join(taken) == sent[: len(sent) // size * size]
    assert cutter.finish() == len(sent) % size
    assert cutter.finish() == 0
