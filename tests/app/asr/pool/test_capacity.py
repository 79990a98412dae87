"""Capacity of an endpoint: what refusals teach and time gives back, in any order.

Pure: moments are arguments. That refusals of a real server arrive here is shown in `test_load`.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from app.asr.pool.capacity import Capacity, CapacityRules

RULES = CapacityRules()


class CapacityMachine(RuleBasedStateMachine):
    """A recogniser with room for some streams, which it does not tell, and a client of it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.most: int | None = None
        self.room = 0
        self.open = 0
        self.refused_at: float | None = None
        self.capacity = Capacity(None)

    @initialize(most=st.none() | st.integers(min_value=1, max_value=40), room=st.integers(0, 50))
    def begin(self, most: int | None, room: int) -> None:
        self.most, self.room, self.capacity = most, room, Capacity(most)

    def count(self, later: float = 0.0) -> float:
        count = self.capacity.streams(self.now + later)
        return float("inf") if count is None else count

    @rule(seconds=st.sampled_from([0.5, 3.0, 10.0, 45.0, 301.0, 700.0]))
    def time_passes(self, seconds: float) -> None:
        before = self.count()
        self.now += seconds
        assert self.count() >= before

    @rule(room=st.integers(0, 50))
    def others_come_or_go(self, room: int) -> None:
        self.room = max(room, self.open)

    @rule()
    def a_stream_is_opened(self) -> None:
        before = self.count()
        if self.open >= self.room:
            self.capacity.refused(self.open, self.now)
            self.refused_at = self.now
            assert self.count() == max(1, min(before, self.open))
        else:
            self.open += 1
            self.capacity.held(self.open, self.now)
            assert self.count() >= max(before, min(self.open, self.most or self.open))

    @precondition(lambda self: self.open > 0)
    @rule()
    def a_stream_ends(self) -> None:
        before = self.count()
        self.open -= 1
        assert self.count() == before

    @invariant()
    def there_are_never_more_than_configured_nor_less_than_one(self) -> None:
        assert 1 <= self.count() <= (float("inf") if self.most is None else self.most)

    @invariant()
    def whatever_was_learned_is_regained_in_steps_and_forgotten_in_the_end(self) -> None:
        assert self.count(RULES.slowest_s) >= min(
            self.count() + 1, float("inf") if self.most is None else self.most
        )
        if self.refused_at is not None:
            assert self.capacity.streams(self.refused_at + RULES.forgotten_s + 1) == self.most


TestCapacity = CapacityMachine.TestCase
TestCapacity.settings = settings(deadline=None, max_examples=30, stateful_step_count=40)


def test_a_refusal_shows_how_many_there_are_and_each_ten_seconds_give_one_back() -> None:
    capacity = Capacity(30)
    capacity.refused(12, 100.0)
    assert [capacity.streams(100.0 + after) for after in (0, 9, 10, 25, 180, 500)] == [
        12,
        12,
        13,
        14,
        30,
        30,
    ]


def test_many_refusals_at_once_count_as_the_lowest_and_not_as_impatience() -> None:
    capacity = Capacity(None)
    for beside in (19, 18, 12, 10, 11):
        capacity.refused(beside, 100.0)
    assert capacity.streams(100.0) == 10
    assert capacity.streams(110.0) == 11


def test_a_refusal_of_a_regained_slot_doubles_the_wait_until_a_stream_works_there() -> None:
    capacity = Capacity(30)
    capacity.refused(10, 0.0)
    capacity.refused(10, 10.0)
    assert (capacity.streams(29.0), capacity.streams(30.0)) == (10, 11)
    capacity.refused(10, 30.0)
    assert (capacity.streams(69.0), capacity.streams(70.0)) == (10, 11)
    capacity.held(11, 70.0)
    assert (capacity.streams(70.0), capacity.streams(79.0), capacity.streams(80.0)) == (12, 12, 13)


def test_each_stream_that_works_beyond_what_was_known_allows_one_more_at_once() -> None:
    capacity = Capacity(30)
    capacity.refused(0, 0.0)
    assert capacity.streams(0.0) == 1
    capacity.held(1, 5.0)  # that is what was known
    assert capacity.streams(5.0) == 1
    for streams in range(2, 30):
        capacity.held(streams, 10.0)
        assert capacity.streams(10.0) == streams + 1
    capacity.held(30, 10.0)
    assert capacity.streams(10.0) == 30


def test_a_stream_that_works_beyond_what_a_refusal_seemed_to_say_corrects_it() -> None:
    capacity = Capacity(None)
    # Two of five that were being opened were taken; the refusals of the others came first.
    capacity.refused(8, 0.0)
    capacity.held(10, 0.1)
    assert capacity.streams(0.1) == 11
    capacity.refused(10, 0.2)
    assert capacity.streams(0.2) == 10


def test_nothing_is_known_where_nothing_was_said_or_refused() -> None:
    capacity = Capacity(None)
    capacity.held(50, 0.0)
    assert capacity.streams(0.0) is None
