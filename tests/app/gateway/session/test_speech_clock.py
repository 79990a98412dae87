"""Latencies after the begin and the end of speech, of audio whose speech is known to the sample.

Not proved: that a recogniser's word times are right; what it says is taken.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.asr import Word
from app.gateway.session import arrivals, speech_clock
from app.gateway.session.arrivals import ArrivalClock
from app.gateway.session.speech_clock import UNKNOWN, SpeechClock, SpeechLatency
from tests.support.clock import Clock, stopped

RATE = 16_000
CHUNK = 320
"""Samples in a message: 20 ms."""
BEGIN, END = 4_817, 22_409
"""First and last sample of the speech."""


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return stopped(monkeypatch, arrivals, speech_clock)


def word(begin: int = BEGIN, end: int = END) -> Word:
    return Word(
        word="one",
        start=begin / RATE,
        end=end / RATE,
        confidence=None,
        speaker=None,
        language=None,
    )


def send(clock: ArrivalClock, time: Clock, samples: int, pace: float = 1.0) -> None:
    """Send audio in messages, each when its last sample was spoken."""
    for _ in range(samples // CHUNK):
        time.now += CHUNK / RATE / pace
        clock.arrived(CHUNK / RATE)


def test_counts_from_the_message_that_held_the_first_and_the_last_sample(time: Clock) -> None:
    clock = ArrivalClock()
    speech = SpeechClock(clock)
    send(clock, time, 9_600)
    assert speech.interim() is None  # the first of its segment: no gap
    send(clock, time, 22_400)
    assert speech.interim() == pytest.approx(22_400 / RATE)
    heard = speech.final([word()])
    # Sample 4,817 is in the 16th message, 22,409 in the 71st; 9,600 and 32,000 were sent by then.
    assert heard.first_interim == pytest.approx((9_600 - 16 * CHUNK) / RATE)
    assert heard.final == pytest.approx((32_000 - 71 * CHUNK) / RATE)


def test_silence_before_and_after_speech_does_not_count_but_the_recognisers_pause_does(
    time: Clock,
) -> None:
    clock = ArrivalClock()
    speech = SpeechClock(clock)
    send(clock, time, 60 * RATE)
    send(clock, time, 9_600)
    speech.interim()
    begin, end = 60 * RATE + BEGIN, 60 * RATE + END
    send(clock, time, 22_400)
    time.now += 0.8
    heard = speech.final([word(begin, end)])
    assert heard.first_interim == pytest.approx((9_600 - 16 * CHUNK) / RATE)
    assert heard.final == pytest.approx((32_000 - 71 * CHUNK) / RATE + 0.8)


def test_each_segment_has_its_own_first_interim(time: Clock) -> None:
    clock = ArrivalClock()
    speech = SpeechClock(clock)
    send(clock, time, 32_000)
    speech.interim()
    speech.final([word()])
    send(clock, time, 32_000)
    assert speech.interim() is None
    heard = speech.final([word(32_000 + BEGIN, 32_000 + END)])
    assert heard.first_interim == pytest.approx((32_000 - 16 * CHUNK) / RATE)


def test_nothing_is_made_up_where_it_is_not_known(time: Clock) -> None:
    clock = ArrivalClock()
    speech = SpeechClock(clock)
    assert speech.final([word()]) == UNKNOWN  # no audio
    send(clock, time, 32_000)
    assert speech.final([]) == UNKNOWN  # no word times
    assert speech.final([word()]).first_interim is None  # no interim
    fast = ArrivalClock()
    send(fast, time, 20 * RATE, pace=10.0)
    assert SpeechClock(fast).final([word()]) == UNKNOWN  # a file


def test_what_came_longer_ago_than_is_remembered_has_no_latency(time: Clock) -> None:
    clock = ArrivalClock(marks=10)
    send(clock, time, 25 * CHUNK)
    assert clock.at(0.02) is None
    assert clock.at(25 * CHUNK / RATE) == time.now
    assert SpeechClock(clock).final([word(0, 25 * CHUNK)]).final == 0.0


@given(
    marks=st.integers(1, 8),
    sent=st.lists(st.floats(0.001, 1.0), min_size=1, max_size=60),
    position=st.floats(0, 70),
)
def test_a_remembered_arrival_is_the_right_one(
    marks: int, sent: list[float], position: float
) -> None:
    clock = ArrivalClock(marks=marks)
    for number, seconds in enumerate(sent):
        clock.arrived(seconds, float(number))
    found = clock.at(position)
    if found is not None:
        before = sum(sent[: int(found)])
        assert position == 0 or before <= position + 1e-5
    assert SpeechLatency(None, None) == UNKNOWN
