"""The replay buffer, and where a reopened stream begins in it.

Proves that what has to be heard again is held byte for byte; not that a recogniser hears the same
in it a second time, which `test_reopened_speech` shows on recordings.
"""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from app.asr.replay import ReplayBuffer
from app.asr.seam import quiet_start

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
TestReplayBuffer.settings = settings(deadline=None, max_examples=100, stateful_step_count=30)


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


RATE = 16_000


def speech(seconds: float) -> bytes:
    return bytes(np.tile([8000, -8000], round(seconds * RATE / 2)).astype("<i2").tobytes())


def test_a_stream_begins_in_the_pause_and_not_in_the_scrap_of_a_word_before_it() -> None:
    scrap, pause = speech(0.1), bytes(round(0.2 * RATE) * 2)
    assert quiet_start(scrap + pause + speech(0.05), RATE) == round(0.1 * RATE)
    assert quiet_start(pause + speech(0.1), RATE) == 0


def test_where_there_is_no_pause_a_stream_begins_at_once() -> None:
    assert quiet_start(speech(0.3), RATE) == 0
    assert quiet_start(b"", RATE) == 0


@given(pcm=st.binary(max_size=4000).map(lambda raw: raw[: len(raw) // 2 * 2]))
@settings(deadline=None)
def test_a_start_is_always_inside_the_audio(pcm: bytes) -> None:
    at = quiet_start(pcm, 8000)
    assert 0 <= at < max(1, len(pcm) // 2)
