"""The replay buffer.

Proves that what has to be heard again is held byte for byte; not that a recogniser hears the same
in it a second time, which `test_reopened_speech` shows on recordings.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from app.asr.session.buffer import ReplayBuffer

LIMIT = 40  # samples


class ReplayBufferMachine(RuleBasedStateMachine):
    """The buffer beside a plain model: all bytes that ever came, and what finals covered."""

    def __init__(self) -> None:
        super().__init__()
        self.buffer = ReplayBuffer(LIMIT)
        self.all = b""
        self.covered = 0
        self.silent = 0  # passed over without a word of the recogniser
        self.is_open = False
        self.speech_from = 0
        self.now = 0.0

    @rule(seconds=st.integers(min_value=0, max_value=6))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @rule(length=st.integers(min_value=0, max_value=60))
    def audio_comes(self, length: int) -> None:
        at = len(self.all)
        chunk = bytes((at + i) % 251 for i in range(length))
        self.all += chunk
        self.buffer.append(chunk, self.now)

    @rule(patience=st.integers(min_value=0, max_value=5))
    def what_is_too_old_goes(self, patience: int) -> None:
        before, oldest = self.buffer.start, self.buffer.oldest
        self.buffer.trim(self.now - patience)
        assert self.buffer.start == before or oldest <= self.now - patience
        if self.buffer.start > before and not self.is_open:
            self.silent = max(self.silent, self.buffer.start)
        if self.is_open:
            self.silent = max(self.silent, min(self.buffer.start, self.speech_from))

    @rule(at=st.integers(min_value=0, max_value=400))
    def an_interim_is_said(self, at: int) -> None:
        if not self.is_open:
            self.is_open, self.speech_from = True, at
        self.buffer.opened(at)

    @rule(sample=st.integers(min_value=0, max_value=400), back=st.integers(0, 9))
    def a_final_covers(self, sample: int, back: int) -> None:
        self.is_open = False
        self.covered = max(self.covered, min(sample, len(self.all) // 2))
        self.buffer.cover(sample, sample - back)

    @precondition(lambda self: self.buffer.is_whole)
    @rule(most=st.integers(min_value=1, max_value=50))
    def everything_due_is_heard_again(self, most: int) -> None:
        at, heard = self.buffer.due * 2, b""
        while piece := self.buffer.read(at + len(heard), most):
            heard += piece
        assert heard == self.all[at:]

    @invariant()
    def every_sample_after_the_last_final_is_held_or_passed_over(self) -> None:
        due = max(self.covered, self.silent)
        assert self.buffer.due == due
        assert self.buffer.end == len(self.all) // 2
        assert self.buffer.is_whole == (self.buffer.start <= due)

    @invariant()
    def what_is_held_is_what_came(self) -> None:
        first, last = self.buffer.start, self.buffer.end
        assert self.buffer.held(first, last) == self.all[first * 2 : last * 2]


TestReplayBuffer = ReplayBufferMachine.TestCase
TestReplayBuffer.settings = settings(deadline=None, max_examples=50, stateful_step_count=30)


def test_the_bound_is_kept_whatever_comes() -> None:
    buffer = ReplayBuffer(LIMIT)
    for length in (1, 7, 80, 3, 33):
        buffer.append(bytes(length), 0.0)
        buffer.trim(0.0)
        assert buffer.end - buffer.start <= max(LIMIT, length // 2 + 1)


def test_an_open_segment_that_outgrows_the_buffer_cannot_be_heard_again_until_a_final() -> None:
    buffer = ReplayBuffer(LIMIT)
    buffer.opened(0)
    for _ in range(6):
        buffer.append(bytes(20), 0.0)
        buffer.trim(0.0)
    whole = [buffer.is_whole]
    buffer.cover(55)
    whole.append(buffer.is_whole)
    assert whole == [False, True]
    assert buffer.due == 55


def test_silence_that_outgrows_the_buffer_is_let_go_and_the_rest_can_be_heard_again() -> None:
    buffer = ReplayBuffer(LIMIT)
    for _ in range(6):
        buffer.append(bytes(20), 0.0)
        buffer.trim(0.0)
    assert buffer.is_whole
    assert buffer.due == buffer.start == 20
