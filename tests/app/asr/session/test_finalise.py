"""Everything said so far becomes final, and the stream goes on: when, how often and in which order.

Over real gRPC, with a recogniser that hears the numbers in the samples. Where a real word is cut by
the caller's own call, its halves are heard as what they are; that is not shown here.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.asr import Finalised, Interrupted, Resumed, SessionOptions, Transcript
from app.asr.session.feeding import feeding
from tests.app.asr.conftest import client_of
from tests.app.asr.session.pushing import Caller, events_of
from tests.app.asr.sound import Microphone, of
from tests.app.asr.talker import RATE, WORD_S, Talker, Turns, chunks, names, said, speech
from tests.support.recognisers.fake_riva import FakeRiva, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from app.asr import RivaASRClient, StreamEvent

LATE = Talker(words_a_final=None)  # one that gives finals at half-close alone


class Speaker:
    """Audio whose iterator asks for finals itself, after the bytes it is told."""

    def __init__(self, audio: bytes, asks: Iterable[int], size: int = 2000) -> None:
        self.control = Caller()
        self.asked: list[float] = []
        self._audio = audio
        self._asks = sorted(asks)
        self._size = size

    async def speak(self) -> AsyncIterator[bytes]:
        at = 0
        while at < len(self._audio) or self._asks:
            while self._asks and self._asks[0] <= at:
                self._asks.pop(0)
                self.asked.append(at // 2 / RATE)
                self.control.finalise()
            end = min([at + self._size, len(self._audio), *self._asks[:1]])
            if end > at:
                yield self._audio[at:end]
            at = end


async def hear(client: RivaASRClient, speaker: Speaker) -> list[StreamEvent]:
    events = events_of(client, speaker.speak(), speaker.control)
    return [event async for event in events]


def finals(events: list[StreamEvent]) -> list[Transcript]:
    return [event for event in events if isinstance(event, Transcript) and event.is_final]


def answers(events: list[StreamEvent]) -> list[float]:
    return [event.position for event in events if isinstance(event, Finalised)]


async def test_what_was_said_before_becomes_final_and_the_stream_goes_on() -> None:
    speaker = Speaker(speech(8), [len(speech(4))])
    async with serving(FakeRiva(script=LATE)) as riva, client_of(riva) as client:
        events = [event for event in await hear(client, speaker) if not is_interim(event)]
        assert len(riva.streams) == 2
    first, answer, second = events
    assert isinstance(first, Transcript)
    assert isinstance(second, Transcript)
    assert answer == Finalised(position=1.0)
    assert (first.text, first.forced, first.segment_id) == ("w0 w1 w2 w3", True, 0)
    assert (second.text, second.forced, second.segment_id) == ("w4 w5 w6 w7", False, 1)
    assert second.words[0].start == pytest.approx(1.0, abs=0.002)
    assert first.cursor is not None
    assert first.cursor.segment_id == 1


def is_interim(event: StreamEvent) -> bool:
    return isinstance(event, Transcript) and not event.is_final


async def test_calls_without_new_audio_are_answered_without_a_further_stream() -> None:
    microphone, control = Microphone(), Caller()
    microphone.speak(speech(2))
    async with serving(FakeRiva(script=LATE)) as riva, client_of(riva) as client:
        listener = events_of(client, microphone.listen(), control)
        async with aclosing(listener) as events:
            assert is_interim(await anext(events))
            for _ in range(3):
                control.finalise()
                answer = [event async for event in until_answered(events)][-1]
                assert answer == Finalised(position=0.5)
            assert len(riva.streams) == 1
            assert control.cursor is not None
            assert 0.4 <= control.cursor.position <= 0.5
            assert (control.cursor.covered, control.cursor.segment_id) == (0.5, 1)
            microphone.speak(speech(4)[len(speech(2)) :])
            microphone.stop()
            rest = [event async for event in events]
            assert len(riva.streams) == 2
    assert said(finals(rest)) == names(2, 4)


async def until_answered(events: AsyncIterator[StreamEvent]) -> AsyncIterator[StreamEvent]:
    async for event in events:
        yield event
        if isinstance(event, Finalised):
            return


async def test_a_call_before_any_audio_is_answered_and_costs_nothing_that_follows() -> None:
    async with serving(FakeRiva(script=LATE)) as riva, client_of(riva) as client:
        session = client.session(SessionOptions())
        session.finalise()
        async with session, feeding(session, of(chunks(speech(3)))):
            events = [event async for event in session]
    assert events[0] == Finalised(position=0.0)
    assert said(finals(events)) == names(0, 3)


async def test_a_call_at_the_end_of_the_audio_is_answered_before_the_stream_ends() -> None:
    audio = speech(3)
    speaker = Speaker(audio, [len(audio), len(audio)])
    async with serving(FakeRiva(script=LATE)) as riva, client_of(riva) as client:
        events = await hear(client, speaker)
        assert len(riva.streams) == 1
    assert said(finals(events)) == names(0, 3)
    assert set(answers(events)) == {0.75}
    assert isinstance(events[-1], Finalised)


async def test_a_call_after_the_stream_has_ended_does_nothing() -> None:
    speaker = Speaker(speech(1), [])
    async with serving(FakeRiva(script=LATE)) as riva, client_of(riva) as client:
        events = await hear(client, speaker)
        speaker.control.finalise()
    assert answers(events) == []
    assert speaker.control.cursor is not None


async def test_a_call_while_the_one_before_is_answered_is_answered_after_it() -> None:
    ending, held, control = asyncio.Event(), asyncio.Event(), Caller()

    async def hold() -> None:
        ending.set()
        await held.wait()

    async def speak() -> AsyncIterator[bytes]:
        yield speech(2)
        control.finalise()
        await ending.wait()
        yield speech(4)[len(speech(2)) :]
        control.finalise()
        held.set()

    script = Turns([Talker(words_a_final=None, at_end=hold), LATE])
    async with serving(FakeRiva(script=script)) as riva, client_of(riva) as client:
        events = [event async for event in events_of(client, speak(), control)]
    assert answers(events) == [0.5, 1.0]
    assert [final.text for final in finals(events)] == ["w0 w1", "w2 w3"]
    assert all(final.forced for final in finals(events))


async def test_a_call_in_answer_to_a_forced_final_covers_the_audio_that_came_meanwhile() -> None:
    taken, asked, control = asyncio.Event(), asyncio.Event(), Caller()

    async def speak() -> AsyncIterator[bytes]:
        yield speech(2)
        control.finalise()
        yield speech(4)[len(speech(2)) :]
        taken.set()
        await asked.wait()

    script = Talker(words_a_final=None, ends=False)
    events = []
    async with serving(FakeRiva(script=script)) as riva, client_of(riva) as client:
        async for event in events_of(client, speak(), control):
            events.append(event)
            if isinstance(event, Transcript) and event.is_final and not asked.is_set():
                await taken.wait()
                control.finalise()
                asked.set()
    assert answers(events) == [0.5, 1.0]
    assert [final.text for final in finals(events)] == ["w0 w1", "w2 w3"]
    check_answers(events)


async def test_a_call_while_the_recogniser_is_away_is_answered_when_it_is_back() -> None:
    lost, control = asyncio.Event(), Caller()

    async def speak() -> AsyncIterator[bytes]:
        yield speech(2)
        await lost.wait()
        yield speech(4)[len(speech(2)) :]
        control.finalise()
        control.finalise()
        yield speech(6)[len(speech(4)) :]

    script = Turns([Talker(words_a_final=None, dies_after=1), LATE])
    async with (
        serving(FakeRiva(script=script)) as riva,
        client_of(riva, reopen_delay_ms=1) as client,
    ):
        events = []
        async for event in events_of(client, speak(), control):
            events.append(event)
            if isinstance(event, Interrupted):
                lost.set()
    assert [type(event) for event in events if not isinstance(event, Transcript)] == [
        Interrupted,
        Resumed,
        Finalised,
    ]
    assert answers(events) == [1.0]
    assert [final.text for final in finals(events)] == ["w0 w1 w2 w3", "w4 w5"]


async def test_a_recogniser_that_dies_while_it_answers_is_asked_again_elsewhere() -> None:
    script = Turns([Talker(words_a_final=None, dies_at_end=True), LATE])
    speaker = Speaker(speech(6), [len(speech(3))])
    async with (
        serving(FakeRiva(script=script)) as riva,
        client_of(riva, reopen_delay_ms=1) as client,
    ):
        events = await hear(client, speaker)
    assert answers(events) == [0.75]
    assert [final.text for final in finals(events)] == ["w0 w1 w2", "w3 w4 w5"]


@given(
    asks=st.lists(st.integers(0, len(speech(10))), max_size=5),
    size=st.sampled_from([331, 2000, 5001, 80_000]),
    words_a_final=st.sampled_from([None, 1, 3]),
    deaths=st.lists(st.integers(1, 4), max_size=2),
    ends=st.booleans(),
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_whenever_it_is_called_no_word_is_lost_or_doubled_and_each_call_is_answered(
    asks: list[int], size: int, words_a_final: int | None, deaths: list[int], ends: bool
) -> None:
    speaker = Speaker(speech(10), asks, size)
    stays = Talker(words_a_final=words_a_final, ends=ends)
    dying = [Talker(words_a_final=words_a_final, ends=ends, dies_after=n) for n in deaths]
    async with (
        serving(FakeRiva(script=Turns([*dying, stays]))) as riva,
        client_of(riva, reopen_delay_ms=1) as client,
    ):
        events = await hear(client, speaker)
    heard = finals(events)
    assert said(heard) == names(0, 10)
    assert [final.segment_id for final in heard] == list(range(len(heard)))
    positions = answers(events)
    assert positions == sorted(positions)
    for asked in speaker.asked:
        assert any(position >= asked for position in positions)
    check_answers(events)


def check_answers(events: list[StreamEvent]) -> None:
    """At each answer, every word that ends before its position was said."""
    so_far: list[Transcript] = []
    for event in events:
        if isinstance(event, Transcript):
            so_far.append(event)
        elif isinstance(event, Finalised):
            whole = int(event.position / WORD_S + 1e-6)
            assert said(so_far)[:whole] == names(0, whole)
