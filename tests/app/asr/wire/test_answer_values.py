"""Numbers that are none in a recogniser's results: they are unknown, and the words come as ever.

Whatever protobuf can carry is tried: NaN, infinities, negative and absurd times, confidences,
channels. That a real recogniser sends such is not claimed.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from riva.client.proto import riva_asr_pb2

from app.asr import AsrError
from app.asr.session.buffer import ReplayBuffer
from app.asr.session.coverage import BEGINNING, Coverage
from app.asr.wire.results import StreamResults, join_finals, offline_transcripts
from app.asr.wire.timeline import Timeline
from tests.app.asr.conftest import client_of
from tests.app.asr.sound import of, tone
from tests.support.recognisers.fake_riva import FakeRiva, Stream, final, interim, serving, word

if TYPE_CHECKING:
    from app.asr import Transcript

RATE = 16_000
HEARD_S = 5.0
LATEST_S = HEARD_S + 10.0  # what recognisers fill up

INT32 = st.one_of(st.integers(-(2**31), 2**31 - 1), st.integers(-600, 16_000))
FLOAT = st.floats(width=32, allow_nan=True, allow_infinity=True)
WORD = st.builds(
    riva_asr_pb2.WordInfo,
    word=st.text(max_size=8),
    start_time=INT32,
    end_time=INT32,
    confidence=FLOAT,
    speaker_tag=INT32,
    language_code=st.text(max_size=50),
)
ALTERNATIVE = st.builds(
    riva_asr_pb2.SpeechRecognitionAlternative,
    transcript=st.text(max_size=20),
    confidence=FLOAT,
    words=st.lists(WORD, max_size=5),
    language_code=st.lists(st.text(max_size=50), max_size=20),
)
RESULT = st.builds(
    riva_asr_pb2.StreamingRecognitionResult,
    alternatives=st.lists(ALTERNATIVE, max_size=2),
    is_final=st.booleans(),
    stability=FLOAT,
    channel_tag=INT32,
    audio_processed=FLOAT,
)


def check(transcript: Transcript) -> None:
    """Everything in it is a number that can be, or unknown."""
    json.dumps(asdict(transcript), allow_nan=False)
    assert transcript.text == transcript.text.strip() != ""
    scores = [transcript.confidence, *(word.confidence for word in transcript.words)]
    assert all(score is None or -1000 <= score <= 1.001 for score in scores)
    assert transcript.stability is None or 0 < transcript.stability <= 1.001
    assert transcript.audio_processed is None or 0 <= transcript.audio_processed <= LATEST_S
    assert transcript.channel is None or transcript.channel > 0
    assert all(0 < len(code) <= 35 for code in transcript.languages)
    for said in transcript.words:
        assert 0 <= said.start <= said.end <= LATEST_S
        assert said.speaker is None or said.speaker > 0
    for one, two in pairwise(transcript.words):
        assert one.start <= two.start


@example(results=[final("a", audio_processed=math.nan, confidence=math.nan)])
@example(results=[final("a", word("a", 0, -1), audio_processed=math.inf)])
@example(results=[interim("a", audio_processed=-math.inf, stability=math.nan)])
@given(results=st.lists(RESULT, max_size=4))
@settings(deadline=None)
async def test_whatever_a_recogniser_sends_every_number_is_one_or_unknown(
    results: list[Any],
) -> None:
    timeline = Timeline(RATE)
    timeline.add_audio(round(HEARD_S * RATE))
    heard = StreamResults(timeline.to_caller, timeline.sent_seconds, word_times=True)
    buffer = ReplayBuffer(10**9)
    buffer.append(tone(HEARD_S), 0.0)
    coverage = Coverage(buffer, RATE, BEGINNING, interims=True)
    response = riva_asr_pb2.StreamingRecognizeResponse(results=results)
    texts = []
    async for transcript in heard.transcripts(response):
        check(transcript)
        texts.append(transcript.text)
        # And whoever reckons with it can.
        coverage.note(transcript, buffer.end)
        assert 0 <= coverage.next_start <= buffer.end
    said = [r.alternatives[0].transcript.strip() for r in results if r.alternatives]
    assert texts == [text for text in said if text]
    coverage.end(buffer.end, heard.standing.as_final())
    assert 0 <= coverage.next_start <= buffer.end


@given(results=st.lists(RESULT, max_size=4))
@settings(deadline=None)
async def test_the_same_holds_for_files(results: list[Any]) -> None:
    response = riva_asr_pb2.RecognizeResponse(
        results=[
            riva_asr_pb2.SpeechRecognitionResult(
                alternatives=result.alternatives,
                channel_tag=result.channel_tag,
                audio_processed=result.audio_processed,
            )
            for result in results
        ]
    )
    finals = await offline_transcripts(response, duration=HEARD_S, word_times=True)
    for transcript in finals:
        check(transcript)
    whole = join_finals(finals, duration=HEARD_S)
    assert whole.confidence is None or math.isfinite(whole.confidence)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, -1.0, 1e30])
async def test_a_session_goes_on_over_numbers_that_are_none(number: float) -> None:
    async def script(stream: Stream) -> None:
        await stream.receive()
        await stream.say(interim("hel", stability=number, audio_processed=number))
        said = word("hello", 0, 400, confidence=number)
        await stream.say(final("hello", said, confidence=number, audio_processed=number))
        await stream.say(final("again", word("again", 450, 2**31 - 1), audio_processed=0.9))
        await stream.receive_all()

    async with serving(FakeRiva(script=script)) as riva, client_of(riva) as client:
        heard = [t async for t in client.stream_transcribe(of([tone(1.0)]))]
    shown, first, second = heard
    assert (shown.text, first.text, second.text) == ("hel", "hello", "again")
    assert shown.stability is shown.audio_processed is first.audio_processed is None
    # Riva's scores are like logarithms: a negative one is a score.
    unknown = number if number == -1.0 else None
    assert first.confidence == first.words[0].confidence == unknown
    assert second.words == ()
    assert second.cursor is not None


async def test_a_word_that_is_where_no_audio_is_takes_the_times_of_its_result_along() -> None:
    timeline = Timeline(RATE)
    timeline.add_audio(RATE)
    results = StreamResults(timeline.to_caller, timeline.sent_seconds, word_times=True)
    for start, end, is_kept in (
        (0, 900, True),
        (-400, 900, True),  # before the beginning, by what recognisers round
        (-600, 900, False),
        (500, 400, False),
        (500, 10_900, True),  # behind the end, by what they fill up
        (500, 11_100, False),
    ):
        response = riva_asr_pb2.StreamingRecognizeResponse(
            results=[final("a b", word("a", 0, 100), word("b", start, end))]
        )
        [transcript] = [t async for t in results.transcripts(response)]
        assert len(transcript.words) == (2 if is_kept else 0), (start, end)


async def test_words_that_all_lie_at_0_have_no_times_and_cover_what_the_recogniser_had_used() -> (
    None
):
    async def script(stream: Stream) -> None:
        # What it says to have used must have come: of no more than was sent is anything believed.
        while len(stream.audio) < 0.8 * 2 * RATE:
            await stream.receive()
        said = [word("hello", 0, 0), word("again", 0, 0)]
        await stream.say(final("hello again", *said, audio_processed=0.8))
        await stream.receive_all()

    async with serving(FakeRiva(script=script)) as riva, client_of(riva) as client:
        [heard] = [t async for t in client.stream_transcribe(of([tone(1.0)]))]
    assert heard.words == ()
    assert heard.cursor is not None
    assert heard.cursor.covered == pytest.approx(0.8)


async def test_an_error_is_the_only_thing_that_comes_of_too_much() -> None:
    results = StreamResults(lambda seconds: seconds, lambda: 0.0, word_times=True)
    response = riva_asr_pb2.StreamingRecognizeResponse(results=[final("a" * 200_001)])
    with pytest.raises(AsrError, match="ANSWER_TOO_LARGE"):
        assert [t async for t in results.transcripts(response)]
