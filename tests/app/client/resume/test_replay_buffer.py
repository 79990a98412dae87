"""The kept audio against a model: one long string of bytes of which nothing is ever let go.

Does not prove that anybody forgets at the right place; `test_any_breaks.py` does that.
"""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from app.client.resume.replay_buffer import ReplayBuffer

LIMIT_S = 0.01


class Keeping(RuleBasedStateMachine):
    """Adds, forgets and reads in any order."""

    places: Bundle[int] = Bundle("places")

    @initialize(rate=st.sampled_from([8000, 11025, 48000]), frame=st.sampled_from([2, 4, 8]))
    def begin(self, rate: int, frame: int) -> None:
        self.buffer = ReplayBuffer(sample_rate=rate, frame_bytes=frame, limit_s=LIMIT_S)
        self.rate, self.frame = rate, frame
        self.came = b""
        self.forgotten = 0

    @rule(audio=st.binary(max_size=400), target=places)
    def append(self, audio: bytes) -> int:
        self.buffer.append(audio)
        self.came += audio
        return len(self.came)

    @rule(place=places, off=st.integers(-5, 5))
    def forget(self, place: int, off: int) -> None:
        place = max(0, place + off)
        self.buffer.forget(place)
        self.forgotten = max(self.forgotten, min(place, len(self.came)))

    @rule(place=places, most=st.integers(1, 500))
    def read(self, place: int, most: int) -> None:
        if place < self.forgotten:
            with pytest.raises(ValueError, match=f"byte {place} is not held; held are"):
                self.buffer.read(place, most)
        else:
            assert self.buffer.read(place, most) == self.came[place : place + most]

    @rule(frames=st.integers(0, 10**9))
    def a_sample_is_found_again_by_its_position(self, frames: int) -> None:
        # To the microsecond, as gateways write positions.
        assert self.buffer.place(round(frames / self.rate, 6)) == frames * self.frame

    @invariant()
    def what_is_held_is_what_came_and_was_not_forgotten(self) -> None:
        if not hasattr(self, "kept"):
            return
        assert (self.buffer.start, self.buffer.end) == (self.forgotten, len(self.came))
        assert self.buffer.read(self.buffer.start, 10**9) == self.came[self.forgotten :]
        assert self.buffer.room == max(0, self.buffer.limit - (self.buffer.end - self.buffer.start))
        assert self.buffer.end_s == pytest.approx(len(self.came) / self.rate / self.frame)


TestKeeping = Keeping.TestCase
TestKeeping.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_what_is_beyond_the_end_is_not_held() -> None:
    kept = ReplayBuffer(sample_rate=8000, frame_bytes=2, limit_s=1)
    kept.append(b"abcd")
    with pytest.raises(ValueError, match="byte 5 is not held; held are 0 to 4"):
        kept.read(5, 1)
    assert kept.read(4, 1) == b""
