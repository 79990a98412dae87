"""The moments of a session, on a clock that the test moves."""

from __future__ import annotations

import pytest

from app.client.events import Reconnected
from app.client.timeline import Timeline, span
from app.contract.fields import WordTiming
from tests.support.gateways import scripted as play


class Clock:
    """Time that tests set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timeline(clock: Clock) -> Timeline:
    return Timeline(chunk_s=0.5, clock=clock)


def word(end: float) -> WordTiming:
    return WordTiming(word="a", start=end - 0.1, end=end, confidence=0.5)


def test_nothing_has_happened_before_anything_does(timeline: Timeline) -> None:
    assert timeline.begun_at is timeline.first_interim_at is timeline.stop_at is None
    assert timeline.last_final_after_stop_at is timeline.stopped_at is None
    assert timeline.sent_of(0.0) is None
    assert list(timeline.final_lags()) == []


def test_a_moment_of_the_audio_was_sent_with_its_message(timeline: Timeline, clock: Clock) -> None:
    for clock.now in (100.0, 101.0, 103.0):
        timeline.sent()
    assert timeline.begun_at == 100.0
    assert [timeline.sent_of(at) for at in (0.0, 0.49, 0.5, 1.0, 1.49)] == [100, 100, 101, 103, 103]
    assert timeline.sent_of(1.5) is timeline.sent_of(-1.0) is None


def test_the_first_interim_is_the_first_with_text(timeline: Timeline, clock: Clock) -> None:
    for clock.now, text in ((1.0, ""), (2.0, "  "), (3.0, "a"), (4.0, "ab")):
        timeline.received(play.interim(0, text))
    assert timeline.first_interim_at == 3.0


def test_how_long_a_final_took_is_told_of_those_before_the_stop_that_name_words(
    timeline: Timeline, clock: Clock
) -> None:
    for clock.now in (100.0, 100.5, 101.0):
        timeline.sent()
    clock.now = 102.0
    timeline.received(play.final(0, "a b", [word(0.2), word(0.7)]))
    timeline.received(play.final(1, "no words"))
    timeline.received(play.final(2, "beyond what was sent", [word(9.0)]))
    clock.now = 103.0
    timeline.stop_requested()
    timeline.received(play.final(3, "after the stop", [word(0.7)]))
    assert list(timeline.final_lags()) == [1.5]
    assert [final.segment_id for _, final in timeline.finals] == [0, 1, 2, 3]


def test_a_last_final_counts_only_from_the_stop_on(timeline: Timeline, clock: Clock) -> None:
    found = []
    timeline.received(play.final(0, "a"))
    found.append(timeline.last_final_after_stop_at)
    clock.now = 101.0
    timeline.stop_requested()
    found.append(timeline.last_final_after_stop_at)
    for clock.now in (101.0, 102.0):
        timeline.received(play.final(1, "b"))
        found.append(timeline.last_final_after_stop_at)
    assert found == [None, None, 101.0, 102.0]
    clock.now = 104.0
    timeline.stopped()
    assert span(timeline.stop_at, timeline.stopped_at) == 3.0
    assert span(None, 1.0) is span(1.0, None) is None


def test_a_reconnection_is_noted_and_is_no_final(timeline: Timeline) -> None:
    event = Reconnected(outage_s=1, replayed_s=2, position=3, segment_id=4, reason="gone")
    timeline.received(event)
    assert timeline.reconnects == [event]
    assert timeline.finals == []
