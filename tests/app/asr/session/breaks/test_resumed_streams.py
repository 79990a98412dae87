"""A session that goes on in another stream from a cursor, and what a stream tells of its breaks.

Over real gRPC, with a recogniser that hears the numbers in the samples. The client that keeps its
audio is played by the test; that a real recogniser hears the same is in `test_resumed_speech`.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.asr import (
    AsrError,
    Cursor,
    Interrupted,
    Resumed,
    RivaASRClient,
    SessionOptions,
    StreamEvent,
    Transcript,
)
from app.asr.session.feeding import feeding
from tests.app.asr.conftest import client_of
from tests.app.asr.sound import of, tone
from tests.app.asr.talker import RATE, WORD_S, Talker, Turns, chunks, names, said, speech
from tests.support.recognisers.fake_riva import FakeRiva, Stream, final, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

AUDIO = speech(10)


def rest(cursor: Cursor | None, size: int = 2000) -> list[bytes]:
    return chunks(AUDIO if cursor is None else AUDIO[round(cursor.position * RATE) * 2 :], size)


async def finals(
    client: RivaASRClient, cursor: Cursor | None = None, size: int = 2000
) -> list[Transcript]:
    stream = client.stream_transcribe(of(rest(cursor, size)), resume_from=cursor)
    return [transcript async for transcript in stream if transcript.is_final]


def check(heard: list[Transcript]) -> None:
    """Every word once, at its time, in segments that are numbered without a gap."""
    assert said(heard) == names(0, 10)
    assert [transcript.segment_id for transcript in heard] == list(range(len(heard)))
    words = [word for transcript in heard for word in transcript.words]
    for number, word in enumerate(words):
        assert word.start == pytest.approx(number * WORD_S, abs=0.002)


@pytest.mark.parametrize("words_a_final", [1, 2, 3])
async def test_from_the_cursor_of_every_final_the_rest_is_heard_once(words_a_final: int) -> None:
    script = Talker(words_a_final=words_a_final)
    async with serving(FakeRiva(script=script)) as riva, client_of(riva) as client:
        undisturbed = await finals(client)
        check(undisturbed)
        for index, transcript in enumerate(undisturbed):
            assert transcript.cursor is not None
            assert transcript.cursor.segment_id == index + 1
            check([*undisturbed[: index + 1], *await finals(client, transcript.cursor)])


@given(
    stops=st.lists(st.integers(1, 12), max_size=4),
    deaths=st.lists(st.integers(1, 3), max_size=2),  # three young deaths in a row are the end
    size=st.sampled_from([333, 2000, 9000]),
    words_a_final=st.sampled_from([1, 2, 4]),
)
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_however_often_and_wherever_a_client_goes_on_every_word_comes_once(
    stops: list[int], deaths: list[int], size: int, words_a_final: int
) -> None:
    dying = [Talker(words_a_final=words_a_final, dies_after=words) for words in deaths]
    script = Turns([*dying, Talker(words_a_final=words_a_final)])
    got: list[Transcript] = []
    async with (
        serving(FakeRiva(script=script)) as riva,
        client_of(riva, reopen_delay_ms=1) as client,
    ):
        for stop in [*stops, None]:
            cursor = got[-1].cursor if got else None
            stream = client.stream_transcribe(of(rest(cursor, size)), resume_from=cursor)
            async with aclosing(stream) as transcripts:
                left = stop
                async for transcript in transcripts:
                    if transcript.is_final:
                        got.append(transcript)
                    left = None if left is None else left - 1
                    if left == 0:
                        break
    check(got)


async def test_a_cursor_that_cannot_be_is_refused_before_any_stream_is_opened() -> None:
    async with serving(FakeRiva()) as riva, client_of(riva) as client:
        with pytest.raises(AsrError, match="INVALID_ARGUMENT"):
            await finals(client, Cursor(position=0.0, covered=-1.0, segment_id=0))
        assert riva.streams == []


async def test_the_cursor_moves_over_long_silence_without_any_final() -> None:
    positions = []
    async with (
        serving(FakeRiva()) as riva,
        client_of(riva, replay_s=1) as client,
        asyncio.timeout(20),
    ):
        session = client.session(SessionOptions())
        assert session.cursor == Cursor(position=0.0, covered=0.0, segment_id=0)

        async def silence() -> AsyncIterator[bytes]:
            for _ in range(24):
                yield bytes(3200)
                assert session.cursor is not None
                positions.append(session.cursor.position)

        # It asks for interims and gets none for as long as a recogniser is given.
        async with session, feeding(session, silence()):
            async for _ in session:
                raise AssertionError
    assert positions == sorted(positions)
    assert positions[0] == 0.0
    assert 1.0 <= positions[-1] <= 1.6


async def test_there_is_no_cursor_while_a_replay_would_lose_words() -> None:
    async def vague(stream: Stream) -> None:
        await stream.receive()
        await stream.say(final("hello"))
        await stream.receive_all()

    async with (
        serving(FakeRiva(script=vague)) as riva,
        client_of(riva) as client,
        client.session(SessionOptions(), unsent_s=1.0) as session,
    ):
        await session.send(tone(0.1))
        heard = await anext(session)
        assert isinstance(heard, Transcript)
        assert (heard.text, heard.cursor) == ("hello", None)
        # The final counts as soon as its consumer is done with it.
        assert session.cursor == Cursor(position=0.0, covered=0.0, segment_id=0)
        session.end()
        with pytest.raises(StopAsyncIteration):
            await anext(session)
        assert session.segment_id == 1


def changes(events: list[StreamEvent]) -> list[StreamEvent]:
    return [event for event in events if not isinstance(event, Transcript)]


async def test_a_break_is_told_with_its_end_in_order_with_the_transcripts() -> None:
    script = Turns([Talker(dies_after=3), Talker()])
    async with (
        serving(FakeRiva(script=script)) as riva,
        client_of(riva, reopen_delay_ms=1) as client,
    ):
        events = [event async for event in client.stream_events(of(chunks(AUDIO)))]
    lost, back = changes(events)
    assert isinstance(lost, Interrupted)
    assert isinstance(back, Resumed)
    assert lost.code == "UNAVAILABLE"
    assert 0.75 <= lost.position <= 2.5
    # No pause lies between these words: the last one is heard again.
    assert 0.25 <= back.replayed_from <= 0.5
    assert 0 <= back.outage <= 20
    at = events.index(lost)
    assert events.index(back) == at + 1
    assert said([e for e in events[:at] if isinstance(e, Transcript)]) == names(0, 3)
    check([e for e in events if isinstance(e, Transcript)])


async def test_a_replaced_stream_and_one_that_broke_after_everything_was_said_tell_nothing() -> (
    None
):
    async with (
        serving(FakeRiva(script=Talker())) as riva,
        client_of(riva, max_stream_s=0.0001) as client,
    ):
        replaced = []
        spoken = asyncio.Event()

        async def audio() -> AsyncIterator[bytes]:
            first, *rest = chunks(AUDIO, len(AUDIO) // 2)
            yield first
            await spoken.wait()  # a call whose audio has ended is not replaced
            for chunk in rest:
                yield chunk

        async for event in client.stream_events(audio()):
            replaced.append(event)
            spoken.set()
        assert len(riva.streams) > 1
    async with (
        serving(FakeRiva(script=Talker(dies_at_end=True))) as riva,
        client_of(riva) as client,
    ):
        ended = [event async for event in client.stream_events(of(chunks(AUDIO)))]
    assert changes(replaced) == changes(ended) == []


async def test_an_error_says_which_span_of_the_audio_is_in_no_final() -> None:
    dropping = Talker(words_a_final=9, dies_after=1, dies_of=grpc.StatusCode.INTERNAL)
    script = Turns([Talker(dies_after=4, dies_of=grpc.StatusCode.INTERNAL), dropping])
    events: list[StreamEvent] = []

    async def listen(client: RivaASRClient) -> None:
        async for event in client.stream_events(of([AUDIO])):
            events.append(event)  # noqa: PERF401 - kept although the stream ends in an error

    async with (
        serving(FakeRiva(script=script)) as riva,
        client_of(riva, reopen_delay_ms=1) as client,
    ):
        with pytest.raises(AsrError, match="INTERNAL") as caught:
            await listen(client)
    assert caught.value.lost == pytest.approx((1.0, 2.5))
    assert [type(event) for event in changes(events)] == [Interrupted, Resumed] * 2


async def test_an_error_before_the_stream_is_open_lost_nothing() -> None:
    async with client_of(FakeRiva(port=1), max_retries=0) as client:
        with pytest.raises(AsrError) as caught:
            await finals(client)
    assert caught.value.lost is None
