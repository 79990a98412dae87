"""Where another stream goes on, whatever happened before: every word once, in order.

A stateful test beside a plain model: loud words, some with pauses between them, and a recogniser
that takes a scrap of a word for the word, says up to 0.3 s too early where a word ends, and may
have heard more than its final says. Stops inside words are in `test_restart`, real speech in
`test_real_restarts` and `test_resumed_speech`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from app.asr import AsrError, Cursor, Transcript, Word
from app.asr.session.buffer import ReplayBuffer
from app.asr.session.coverage import BEGINNING, Coverage, checked

RATE = 1000
JITTER = st.sampled_from([-300, -150, -24, 0, 24, 80])
SCRAP = 25  # samples of a word that are heard as a word
PAUSE = st.one_of(st.just(0), st.integers(60, 900))


@dataclass
class Session:
    """The client's side: the audio with its words, and what it was told of them."""

    audio: bytes = b""
    spoken: list[tuple[int, int]] = field(default_factory=list)  # samples

    @property
    def end(self) -> int:
        return len(self.audio) // 2

    def speak(self, pause: int, length: int) -> None:
        start = self.end + pause
        self.spoken.append((start, start + length))
        loud = np.tile([9000, -9000], length)[:length].astype("<i2").tobytes()
        self.audio += bytes(pause * 2) + loud


@dataclass(frozen=True)
class Told:
    """What the client has after a final: the words so far, and where it could go on."""

    words: tuple[str, ...]
    cursor: Cursor


class CoverageMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.session = Session()
        self.told = [Told((), BEGINNING)]
        self.words: tuple[str, ...] = ()
        self.go_on_from(BEGINNING)

    def go_on_from(self, cursor: Cursor) -> None:
        origin = round(cursor.position * RATE)
        self.buffer = ReplayBuffer(10**9, origin)
        self.coverage = Coverage(self.buffer, RATE, cursor, interims=True)
        self.buffer.append(self.session.audio[origin * 2 :], 0.0)
        self.open_stream(origin)

    def open_stream(self, start: int) -> None:
        self.start = self.sent = start
        self.heard = 0

    def audible(self) -> list[int]:
        """The words that this stream has heard, by number."""
        return [
            number
            for number, (start, end) in enumerate(self.session.spoken)
            if self.start <= end - SCRAP and end <= self.sent
        ]

    def transcript(self, numbers: list[int], jitter: int, *, times: bool = True) -> Transcript:
        words = []
        for number in numbers if times else ():
            start, end = self.session.spoken[number]
            start = max(start, self.start)
            end = max(start, min(self.sent, end + jitter))
            words.append(
                Word(
                    word=f"w{number}",
                    start=(start - self.start) / RATE,
                    end=(end - self.start) / RATE,
                    confidence=None,
                    speaker=None,
                    language=None,
                )
            )
        return Transcript(
            text=" ".join(f"w{number}" for number in numbers),
            is_final=True,
            words=tuple(words),
            confidence=None,
            stability=None,
            audio_processed=(self.sent - self.start) / RATE,
            channel=None,
            languages=(),
            segment_id=0,
        )

    def receive(self, final: Transcript | None) -> None:
        if final is None:
            return
        self.words += tuple(final.text.split())
        assert final.segment_id == self.told[-1].cursor.segment_id
        assert final.cursor is not None
        assert final.cursor.position >= self.told[-1].cursor.position
        self.told.append(Told(self.words, final.cursor))

    @initialize()
    def the_session_begins_with_words(self) -> None:
        self.somebody_speaks([(300, 250), (0, 150), (60, 400)])

    @rule(words=st.lists(st.tuples(PAUSE, st.integers(100, 600)), min_size=1, max_size=4))
    def somebody_speaks(self, words: list[tuple[int, int]]) -> None:
        before = self.session.end
        for pause, length in words:
            self.session.speak(pause, length)
        self.buffer.append(self.session.audio[before * 2 :], 0.0)

    @rule(share=st.sampled_from([0.1, 0.5, 0.9, 1.0]))
    def the_recogniser_hears_on(self, share: float) -> None:
        self.sent += round((self.session.end - self.sent) * share)

    @rule(jitter=JITTER, most=st.sampled_from([1, 2, 99]))
    def it_says_a_final(self, jitter: int, most: int = 99) -> None:
        if numbers := self.audible()[self.heard :][:most]:
            self.heard += len(numbers)
            self.receive(self.coverage.note(self.transcript(numbers, jitter), self.sent))

    @rule(share=st.sampled_from([0.5, 1.0]), jitter=JITTER)
    def it_hears_on_and_says_a_final(self, share: float, jitter: int) -> None:
        self.the_recogniser_hears_on(share)
        self.it_says_a_final(jitter)

    @rule()
    def it_breaks_and_another_one_goes_on(self) -> None:
        assert self.coverage.is_fit
        start = self.coverage.next_start
        self.coverage.reopened(start)
        self.open_stream(start)

    @rule(back=st.integers(0, 3))
    def the_client_goes_on_elsewhere_from_a_final_it_has(self, back: int) -> None:
        del self.told[max(1, len(self.told) - back) :]
        self.words = self.told[-1].words
        self.go_on_from(self.told[-1].cursor)

    @rule()
    def the_client_goes_on_elsewhere_from_where_the_stream_says(self) -> None:
        assert self.coverage.cursor is not None
        self.go_on_from(self.coverage.cursor)

    @rule(
        jitter=JITTER,
        pause=st.sampled_from([0, 40, 500]),
        manner=st.sampled_from(["final", "stands", "stands without times"]),
        since=st.sampled_from([0, 60, 900]),
    )
    def it_is_cut_in_a_pause(self, jitter: int, pause: int, manner: str, since: int) -> None:
        before = self.session.end
        self.session.audio += bytes(2 * pause)
        self.buffer.append(self.session.audio[before * 2 :], 0.0)
        self.sent = self.session.end
        numbers = self.audible()[self.heard :]
        standing, heard_at = None, None
        if numbers:
            said = self.transcript(numbers, jitter, times=manner != "stands without times")
            if manner == "final":
                self.receive(self.coverage.note(said, self.sent))
            else:
                standing = said
                heard_at = min(self.sent, self.session.spoken[numbers[-1]][1] + since) - self.start
        since_s = None if heard_at is None else heard_at / RATE
        self.receive(self.coverage.end(self.sent, standing, since_s))
        self.it_breaks_and_another_one_goes_on()

    @invariant()
    def each_word_was_said_once_and_in_order(self) -> None:
        assert list(self.words) == [f"w{number}" for number in range(len(self.words))]

    def teardown(self) -> None:
        self.sent = self.session.end
        if numbers := self.audible()[self.heard :]:
            self.receive(self.coverage.note(self.transcript(numbers, 0), self.sent))
        assert len(self.words) == len(self.session.spoken)


TestCoverage = CoverageMachine.TestCase
TestCoverage.settings = settings(deadline=None, max_examples=75, stateful_step_count=30)


@pytest.mark.parametrize(
    ("cursor", "field"),
    [
        (Cursor(position=-0.1, covered=0.0, segment_id=0), "position"),
        (Cursor(position=float("nan"), covered=0.0, segment_id=0), "position"),
        (Cursor(position=0.0, covered=float("inf"), segment_id=0), "covered"),
        (Cursor(position=0.0, covered=0.0, segment_id=-1), "segment_id"),
    ],
)
def test_a_cursor_that_cannot_be_is_refused_by_name(cursor: Cursor, field: str) -> None:
    with pytest.raises(AsrError, match="INVALID_ARGUMENT") as caught:
        checked(cursor)
    assert f"resume_from.{field}" in caught.value.message
