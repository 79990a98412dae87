"""Silence that keeps a paused stream alive, and the caller's clock that must not count it.

The idle limit itself (60 s) is Riva's and is not waited for here: the interval is set to
milliseconds, and the test goes on when the server has heard the silence.
"""

from __future__ import annotations

import asyncio
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from app.asr.wire.timeline import Timeline
from tests.app.asr.conftest import client_of
from tests.app.asr.sound import Microphone, tone
from tests.support.recognisers.fake_riva import FakeRiva, Stream, final, hear_all, serving, word

RATE = 16000
SILENCE = bytes(3200)  # 0.1 s


async def test_a_pause_is_filled_with_silence_and_the_words_after_it_keep_the_callers_times() -> (
    None
):
    resumed = asyncio.Event()

    async def script(stream: Stream) -> None:
        await stream.receive()
        for _ in range(3):
            assert await stream.receive() == SILENCE
        resumed.set()
        silent = 0.3
        while (chunk := await stream.receive()) == SILENCE:
            silent += 0.1
        assert chunk == tone(0.5)
        # A word half-way into the second chunk, on the recogniser's own clock: 1 s + silence + 0.25
        # s.
        at = round((1.0 + silent + 0.25) * 1000)
        await stream.say(final("after", word("after", at, at + 100), audio_processed=1.5 + silent))
        await stream.say(final("before", word("before", 900, 1050)))

    microphone = Microphone()
    microphone.speak(tone(1.0))
    async with (
        serving(FakeRiva(script=script)) as riva,
        client_of(riva, silence_interval_s=0.02, chunk_size_bytes=64_000) as client,
    ):
        transcripts = client.stream_transcribe(microphone.listen())
        first = asyncio.ensure_future(anext(transcripts))
        await asyncio.wait_for(resumed.wait(), 20)
        microphone.speak(tone(0.5))
        after = await asyncio.wait_for(first, 20)
        before = await anext(transcripts)
        await transcripts.aclose()
    assert [(w.start, w.end) for w in after.words] == [(1.25, 1.35)]
    assert after.audio_processed == 1.5
    # The end of that word lies in our silence: for the caller it is where the audio paused.
    assert [(w.start, w.end) for w in before.words] == [(0.9, 1.0)]


async def test_no_silence_is_sent_while_audio_comes_or_after_it_has_ended() -> None:
    microphone = Microphone()
    async with (
        serving(FakeRiva(script=hear_all)) as riva,
        client_of(riva, silence_interval_s=30.0) as client,
    ):
        for _ in range(3):
            microphone.speak(tone(0.1))
        microphone.stop()
        assert [t async for t in client.stream_transcribe(microphone.listen())] == []
        assert riva.streams[0].chunks == [tone(0.1)] * 3


async def test_silence_keeps_the_configured_message_size() -> None:
    enough = asyncio.Event()

    async def script(stream: Stream) -> None:
        for _ in range(4):
            await stream.receive()
        enough.set()
        await stream.receive_all()

    microphone = Microphone()
    async with (
        serving(FakeRiva(script=script)) as riva,
        client_of(riva, silence_interval_s=0.01, chunk_size_bytes=1000) as client,
    ):
        listener = asyncio.ensure_future(anext(client.stream_transcribe(microphone.listen()), None))
        await asyncio.wait_for(enough.wait(), 20)
        microphone.stop()
        assert await asyncio.wait_for(listener, 20) is None
        chunks = riva.streams[0].chunks
    assert {len(c) for c in chunks} == {1000}
    assert set(riva.streams[0].audio) == {0}


def test_without_silence_both_clocks_agree() -> None:
    timeline = Timeline(RATE)
    timeline.add_audio(RATE)
    assert timeline.to_caller(0.123) == 0.123
    assert timeline.caller_seconds == 1.0


@given(
    steps=st.lists(
        st.tuples(st.booleans(), st.integers(min_value=1, max_value=50_000)), max_size=30
    )
)
@settings(deadline=None)
def test_each_sample_of_the_caller_is_found_again_whatever_silence_lies_between(
    steps: list[tuple[bool, int]],
) -> None:
    timeline = Timeline(RATE)
    here: list[tuple[int, int]] = []  # (first sample on the recogniser's clock, on the caller's)
    silences: list[tuple[int, int, int]] = []
    sent = mine = 0
    for is_audio, samples in steps:
        if is_audio:
            timeline.add_audio(samples)
            here.append((sent, mine))
            here.append((sent + samples - 1, mine + samples - 1))
            mine += samples
        else:
            timeline.add_silence(samples)
            silences.append((sent, sent + samples - 1, mine))
        sent += samples
    for theirs, ours in here:
        assert abs(timeline.to_caller(theirs / RATE) - ours / RATE) < 1e-5
    for first, last, paused_at in silences:
        assert abs(timeline.to_caller(first / RATE) - paused_at / RATE) < 1e-5
        assert abs(timeline.to_caller(last / RATE) - paused_at / RATE) < 1e-5


@given(
    steps=st.lists(
        st.tuples(st.booleans(), st.integers(min_value=1, max_value=50_000)), max_size=30
    ),
    moments=st.lists(st.floats(min_value=0, max_value=100), min_size=2),
)
@settings(deadline=None)
def test_time_never_runs_backwards(steps: list[tuple[bool, int]], moments: list[float]) -> None:
    timeline = Timeline(RATE)
    for is_audio, samples in steps:
        (timeline.add_audio if is_audio else timeline.add_silence)(samples)
    mapped = [timeline.to_caller(moment) for moment in sorted(moments)]
    assert all(a <= b + 1e-6 for a, b in pairwise(mapped))
