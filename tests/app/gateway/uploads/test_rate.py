"""The least rate of uploads, on a clock of the test's own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.gateway.uploads.rate import MinimumRate

WAITS = st.floats(0.001, 4.0)


@given(waits=st.lists(WAITS, max_size=50))
def test_who_brings_the_least_rate_is_never_cut(waits: list[float]) -> None:
    least = MinimumRate(1000.0, 5.0)
    for wait in waits:
        assert least.seconds_left is not None
        assert wait < least.seconds_left
        least.came(round(wait * 1000.0) + 1, wait)


@given(waits=st.lists(WAITS), sizes=st.lists(st.integers(0, 10_000)))
def test_patience_grows_by_nothing_beyond_what_it_was(waits: list[float], sizes: list[int]) -> None:
    least = MinimumRate(1000.0, 5.0)
    for wait, size in zip(waits, sizes, strict=False):
        least.came(size, wait)
        assert least.seconds_left is not None
        assert least.seconds_left <= 5.0


def test_a_byte_a_second_is_cut_when_the_patience_is_over() -> None:
    least = MinimumRate(1000.0, 5.0)
    seconds = 0
    while least.seconds_left is not None and least.seconds_left > 1.0:
        least.came(1, 1.0)
        seconds += 1
    assert seconds == 5


@pytest.mark.parametrize("wait", [0.0, 1e6])
def test_where_no_rate_is_asked_for_nobody_is_cut(wait: float) -> None:
    least = MinimumRate(0.0, 5.0)
    least.came(1, wait)
    assert least.seconds_left is None
