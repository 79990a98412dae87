"""Whether and when a broken stream is opened again, followed through any order of events."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from app.asr.errors import AsrError, blames_endpoint, from_status, is_elsewhere_different
from app.asr.session.reopening import Reopening, ReopenRules, is_passing

RULES = ReopenRules(outage_limit=20.0, first_wait=0.1)
GONE = from_status("UNAVAILABLE", "gone", doing="stream")
BAD = from_status("INVALID_ARGUMENT", "no", doing="stream")
DROPPED = from_status("INTERNAL", "dropped", doing="stream")
FULL = from_status("RESOURCE_EXHAUSTED", "no slot", doing="stream")
LATE = from_status("DEADLINE_EXCEEDED", "late", doing="stream")


class ReopeningMachine(RuleBasedStateMachine):
    """A stream that opens, progresses, breaks and is refused, until it is given up."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.share = 0.5
        self.state = Reopening(RULES, lambda _, bound: bound * self.share)
        self.is_open = self.is_over = False
        self.opened_at = 0.0
        self.outage_since: float | None = None
        self.young = 0
        self.wait = 0.0

    @precondition(lambda self: not self.is_open and not self.is_over)
    @rule()
    def it_opens(self) -> None:
        self.now += self.wait
        self.wait = 0.0
        self.state.opened(self.now)
        self.is_open, self.opened_at = True, self.now

    @rule(seconds=st.floats(min_value=0, max_value=8))
    def it_lives_on(self, seconds: float) -> None:
        if self.is_open:
            self.now += seconds

    @precondition(lambda self: self.is_open)
    @rule()
    def it_gives_a_final(self) -> None:
        self.state.progressed()
        self.outage_since, self.young = None, 0

    @precondition(lambda self: self.is_open)
    @rule(share=st.floats(min_value=0, max_value=1), error=st.sampled_from([GONE, DROPPED, FULL]))
    def it_breaks(self, share: float, error: AsrError) -> None:
        self.is_open, self.share = False, share
        if self.now - self.opened_at >= RULES.quick:
            self.outage_since, self.young = None, 0
        elif error is DROPPED:
            self.young += 1
        if self.outage_since is None:
            self.outage_since = self.now
        wait = self.state.broke(error, self.now, elsewhere=False)
        if self.young >= RULES.most_quick:
            assert wait is None
        self.follow(wait)

    @precondition(lambda self: not self.is_open and not self.is_over and self.outage_since)
    @rule(share=st.floats(min_value=0, max_value=1), took=st.floats(min_value=0, max_value=5))
    def it_is_refused(self, share: float, took: float) -> None:
        self.share = share
        self.now += self.wait + took
        self.follow(self.state.refused(GONE, self.now))

    def follow(self, wait: float | None) -> None:
        if wait is None:
            self.is_over = True
        else:
            assert 0 <= wait <= RULES.longest_wait
            self.wait = wait

    @invariant()
    def no_attempt_is_planned_beyond_the_limit_of_the_outage(self) -> None:
        if self.outage_since is not None and not self.is_over and not self.is_open:
            assert self.now + self.wait <= self.outage_since + RULES.outage_limit + 1e-6

    @invariant()
    def streams_that_are_broken_off_young_are_not_opened_without_end(self) -> None:
        assert self.young < RULES.most_quick or self.is_over


TestReopening = ReopeningMachine.TestCase
TestReopening.settings = settings(deadline=None, max_examples=30, stateful_step_count=30)


def broken(error: AsrError, *, elsewhere: bool = True) -> float | None:
    state = Reopening(RULES, lambda _, bound: bound)
    state.opened(0.0)
    return state.broke(error, 10.0, elsewhere=elsewhere)


def test_the_first_attempt_comes_at_once_and_the_waits_double_up_to_the_longest() -> None:
    state = Reopening(RULES, lambda _, bound: bound)
    state.opened(0.0)
    waits = [state.broke(GONE, 10.0, elsewhere=False)]
    waits += [state.refused(GONE, 10.0) for _ in range(7)]
    assert waits == [0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


@pytest.mark.parametrize("error", [GONE, FULL], ids=["gone", "full"])
def test_a_recogniser_that_comes_and_goes_is_waited_for_as_long_as_an_outage_may_last(
    error: AsrError,
) -> None:
    state = Reopening(RULES, lambda _, bound: bound)
    now, attempts = 0.0, 0
    wait: float | None = 0.0
    while wait is not None:
        now += wait
        state.opened(now)
        now += 0.25
        wait = state.broke(error, now, elsewhere=False)
        attempts += 1
    assert attempts > RULES.most_quick
    assert RULES.outage_limit <= now <= RULES.outage_limit + 0.5


def test_a_recogniser_that_drops_the_same_audio_three_times_is_given_up() -> None:
    state = Reopening(RULES, lambda _, bound: bound)
    waits = []
    for moment in (0.0, 1.0, 2.0):
        state.opened(moment)
        waits.append(state.broke(DROPPED, moment + 0.25, elsewhere=False))
    assert waits == [0.0, 0.1, None]


def test_what_will_not_pass_is_not_tried_again() -> None:
    assert broken(BAD) is None
    state = Reopening(RULES, lambda _, bound: bound)
    state.opened(0.0)
    assert state.broke(GONE, 10.0, elsewhere=True) == 0.0
    assert state.refused(BAD, 10.0) is None


def test_what_is_left_of_an_outage_and_the_last_wait_end_at_its_limit() -> None:
    state = Reopening(RULES, lambda _, bound: bound)
    assert state.left(5.0) == RULES.outage_limit  # none has begun
    state.opened(0.0)
    state.broke(GONE, 10.0, elsewhere=False)
    assert [state.left(now) for now in (10.0, 12.0, 30.0, 31.0)] == [20.0, 18.0, 0.0, 0.0]
    assert state.refused(GONE, 29.95) == pytest.approx(0.05)
    assert state.refused(GONE, 30.0) is None


def test_who_does_not_keep_up_gets_the_same_audio_again_only_elsewhere() -> None:
    assert broken(LATE, elsewhere=True) == 0.0
    assert broken(LATE, elsewhere=False) is None


@given(bound=st.floats(min_value=0, max_value=1e9))
@settings(deadline=None)
def test_a_very_long_outage_has_no_wait_beyond_the_longest(bound: float) -> None:
    state = Reopening(
        ReopenRules(outage_limit=1e12, first_wait=0.1), lambda _, most: min(most, bound)
    )
    state.opened(0.0)
    state.broke(GONE, 0.0, elsewhere=False)
    for _ in range(2000):
        wait = state.refused(GONE, 1.0)
        assert wait is not None
        assert wait <= RULES.longest_wait


@pytest.mark.parametrize(
    ("status", "text", "reopened", "blamed", "tried_elsewhere"),
    [
        ("UNAVAILABLE", "Socket closed", True, True, True),
        ("INTERNAL", "RST_STREAM", True, True, True),
        ("DEADLINE_EXCEEDED", "late", True, True, True),
        ("RESOURCE_EXHAUSTED", "no slot", True, False, True),
        ("INVALID_ARGUMENT", "must specify the START flag", True, False, True),
        ("INVALID_ARGUMENT", "sample rate", False, False, False),
        ("NOT_FOUND", "Model not found", False, False, False),
        ("UNAVAILABLE", "Ssl handshake failed", False, True, True),
        ("UNAUTHENTICATED", "bad token", False, True, True),
        ("UNKNOWN", "Exception calling application", False, True, False),
    ],
)
def test_the_taxonomy_says_what_is_reopened_who_is_blamed_and_what_is_tried_elsewhere(
    status: str, text: str, reopened: bool, blamed: bool, tried_elsewhere: bool
) -> None:
    error = from_status(status, text, doing="stream")
    assert is_passing(error) is reopened
    assert blames_endpoint(error) is blamed
    assert is_elsewhere_different(error) is tried_elsewhere
