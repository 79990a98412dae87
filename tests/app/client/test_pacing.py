"""Cutting and pacing of audio, on a clock that only moves when told.

Does not prove how exactly an operating system wakes a sleeper; the schedule corrects whatever it
does.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.client.audio import PcmAudio
from app.client.pacing import chunks, paced

rates = st.sampled_from([8000, 11025, 16000, 44100, 48000])


class Clock:
    """Time that passes by sleeping, and now and then by a sleeper waking late."""

    def __init__(self, overshoot: float) -> None:
        self.now = 1000.0
        self.overshoot = overshoot

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds + self.overshoot


@given(
    data=st.binary(max_size=4000).filter(lambda data: len(data) % 2 == 0),
    rate=rates,
    seconds=st.floats(min_value=0.0002, max_value=0.1),
)
def test_cutting_loses_nothing_and_never_splits_a_sample(
    data: bytes, rate: int, seconds: float
) -> None:
    pieces = chunks(PcmAudio(data=data, sample_rate=rate), seconds)
    assert b"".join(pieces) == data
    assert all(len(piece) % 2 == 0 and piece for piece in pieces)
    assert len({len(piece) for piece in pieces[:-1]}) <= 1


def test_a_piece_shorter_than_a_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="seconds is 1e-05; accepted: at least one sample"):
        chunks(PcmAudio(data=b"\0\0", sample_rate=16000), 0.00001)


@given(
    lengths=st.lists(st.integers(min_value=1, max_value=2000), min_size=1, max_size=200),
    rate=rates,
    overshoot=st.floats(min_value=0, max_value=0.5),
)
async def test_no_piece_is_early_and_no_delay_adds_up(
    lengths: list[int], rate: int, overshoot: float
) -> None:
    clock = Clock(overshoot)
    pieces = [b"\0\0" * length for length in lengths]
    spoken = 0
    async for piece in paced(pieces, rate, clock=clock, sleep=clock.sleep):
        spoken += len(piece) // 2
        late = clock.now - (1000.0 + spoken / rate)
        # A millionth of a second is room for rounding, not for drift: it does not grow with the
        # count.
        assert -1e-6 <= late <= overshoot + 1e-6


async def test_a_slow_consumer_is_caught_up_with_at_once() -> None:
    clock = Clock(overshoot=0)
    moments = []
    async for _ in paced([b"\0\0" * 1600] * 5, 16000, clock=clock, sleep=clock.sleep):
        moments.append(round(clock.now - 1000.0, 3))
        if len(moments) == 1:
            clock.now += 0.35
    assert moments == [0.1, 0.45, 0.45, 0.45, 0.5]
