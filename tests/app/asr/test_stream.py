"""A stream in good order: what goes up, what comes down, and in which sequence.

Runs over a real gRPC server with scripted answers; it does not prove that a live Riva answers like
the scripts.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from app.asr import Endpointing, Spelling, Transcript
from app.asr.wire.results import InterimPace
from tests.app.asr.conftest import client_of
from tests.app.asr.sound import Microphone, of, tone
from tests.support.recognisers.fake_riva import FakeRiva, Stream, final, interim, serving, word

if TYPE_CHECKING:
    from app.asr import RivaASRClient


async def hear(client: RivaASRClient, chunks: list[bytes], **options: object) -> list[Transcript]:
    return [t async for t in client.stream_transcribe(of(chunks), **options)]  # type: ignore[arg-type]  # each test's own


async def two_sentences(stream: Stream) -> None:
    await stream.receive()
    await stream.say(interim("hello", stability=0.5, audio_processed=0.1))
    await stream.receive()
    await stream.say(interim("hello there", stability=0.75))
    await stream.say(
        final(
            "Hello there. ", word("Hello", 40, 400, 0.5), word("there.", 480, 900), confidence=0.25
        )
    )
    await stream.receive_all()
    await stream.say(interim("good"))
    await stream.say(final("Good night.", word("Good", 1000, 1200), word("night.", 1200, 1600)))


async def test_interims_come_before_their_final_and_segments_count_from_zero() -> None:
    async with serving(FakeRiva(script=two_sentences)) as riva, client_of(riva) as client:
        heard = await hear(client, [tone(0.1)] * 4)
    assert [(t.segment_id, t.is_final, t.text) for t in heard] == [
        (0, False, "hello"),
        (0, False, "hello there"),
        (0, True, "Hello there."),
        (1, False, "good"),
        (1, True, "Good night."),
    ]


async def test_times_are_seconds_and_sorted_and_what_riva_left_out_is_none() -> None:
    async with serving(FakeRiva(script=two_sentences)) as riva, client_of(riva) as client:
        heard = await hear(client, [tone(0.1)] * 4)
    words = [w for t in heard for w in t.words]
    assert [(w.word, w.start, w.end, w.confidence) for w in words] == [
        ("Hello", 0.04, 0.4, 0.5),
        ("there.", 0.48, 0.9, None),
        ("Good", 1.0, 1.2, None),
        ("night.", 1.2, 1.6, None),
    ]
    assert {(w.speaker, w.language) for w in words} == {(None, None)}
    assert [t.stability for t in heard] == [0.5, 0.75, None, None, None]
    assert [t.confidence for t in heard] == [None, None, 0.25, None, None]
    assert [t.audio_processed for t in heard] == [0.1, None, None, None, None]
    assert {t.channel for t in heard} == {None}


async def test_words_out_of_order_are_put_in_order_of_time() -> None:
    async def script(stream: Stream) -> None:
        await stream.receive_all()
        await stream.say(final("b a", word("b", 500, 600), word("a", 100, 200)))

    async with serving(FakeRiva(script=script)) as riva, client_of(riva) as client:
        [heard] = await hear(client, [tone(0.1)])
    assert [w.word for w in heard.words] == ["a", "b"]


async def test_every_result_of_a_response_is_heard_and_empty_ones_are_skipped() -> None:
    async def script(stream: Stream) -> None:
        await stream.receive_all()
        nothing = final("")
        del nothing.alternatives[:]
        await stream.say(nothing, final("one"), final("   "), final("two"), interim("thr"))
        await stream.say()
        await stream.say(final("three", languages=["en-US", "de-DE"]))

    async with serving(FakeRiva(script=script)) as riva, client_of(riva) as client:
        heard = await hear(client, [tone(0.1)])
    assert [(t.segment_id, t.text) for t in heard] == [
        (0, "one"),
        (1, "two"),
        (2, "thr"),
        (2, "three"),
    ]
    assert heard[-1].languages == ("en-US", "de-DE")


async def test_the_end_of_the_audio_is_half_closed_and_the_last_finals_are_read_to_the_end() -> (
    None
):
    async def script(stream: Stream) -> None:
        await stream.receive_all()
        for n in range(20):
            await stream.say(final(f"late {n}"))

    async with serving(FakeRiva(script=script)) as riva, client_of(riva) as client:
        heard = await hear(client, [tone(0.1)] * 3)
        assert riva.streams[0].audio == tone(0.1) * 3
        assert not riva.streams[0].cancelled
    assert [t.text for t in heard] == [f"late {n}" for n in range(20)]


async def test_audio_that_never_comes_still_ends_in_good_order() -> None:
    async with serving(FakeRiva()) as riva, client_of(riva) as client:
        assert await hear(client, []) == []
        assert riva.streams[0].chunks == []


async def test_a_small_chunk_goes_up_at_once_and_alone() -> None:
    async def echo_lengths(stream: Stream) -> None:
        while (chunk := await stream.receive()) is not None:
            await stream.say(final(str(len(chunk))))

    microphone = Microphone()
    async with serving(FakeRiva(script=echo_lengths)) as riva, client_of(riva) as client:
        transcripts = client.stream_transcribe(microphone.listen())
        for size in (2, 320, 640):
            microphone.speak(bytes(size))
            assert (await anext(transcripts)).text == str(size)
        microphone.stop()
        assert [t async for t in transcripts] == []


async def test_a_large_chunk_is_split_at_the_configured_size() -> None:
    async with serving(FakeRiva()) as riva, client_of(riva, chunk_size_bytes=1000) as client:
        await hear(client, [tone(0.1), b"", tone(0.01)])
        assert [len(c) for c in riva.streams[0].chunks] == [1000, 1000, 1000, 200, 320]


async def test_the_first_message_is_the_whole_configuration_and_carries_no_audio() -> None:
    async with (
        serving(FakeRiva()) as riva,
        client_of(
            riva,
            profanity_filter=True,
            custom_configuration="a.b:1,c:d",
            endpointing_stop_history_ms=800,
        ) as client,
    ):
        await hear(
            client,
            [],
            sample_rate=8000,
            hotwords=["Perch", " Parakeet "],
            hotword_boost=20.0,
            language="de-DE",
            model="parakeet-streaming",
            endpointing=Endpointing(stop_history_eou_ms=320, stop_threshold=0.5),
            custom_configuration={"c": "e"},
            request_id="r-1",
        )
        opening = riva.streams[0].opening
    assert opening.WhichOneof("streaming_request") == "streaming_config"
    assert opening.id.value == "r-1"
    assert opening.streaming_config.interim_results
    config = opening.streaming_config.config
    assert (config.sample_rate_hertz, config.language_code, config.model) == (
        8000,
        "de-DE",
        "parakeet-streaming",
    )
    assert (config.encoding, config.audio_channel_count, config.max_alternatives) == (1, 1, 1)
    assert config.enable_word_time_offsets
    assert config.enable_automatic_punctuation
    assert config.profanity_filter
    assert not config.verbatim_transcripts
    assert [(list(c.phrases), c.boost) for c in config.speech_contexts] == [
        (["Perch", "Parakeet"], 20.0)
    ]
    assert dict(config.custom_configuration) == {"a.b": "1", "c": "e"}
    endpointing = config.endpointing_config
    assert (endpointing.stop_history, endpointing.stop_history_eou) == (800, 320)
    assert endpointing.stop_threshold == 0.5
    assert not endpointing.HasField("start_history")


async def test_without_endpointing_the_models_own_rules_stay() -> None:
    async with serving(FakeRiva()) as riva, client_of(riva) as client:
        await hear(client, [])
        config = riva.streams[0].opening.streaming_config.config
    assert not config.HasField("endpointing_config")
    assert config.model == ""
    assert not config.speech_contexts


async def test_interims_are_left_out_where_the_call_or_the_settings_say_so() -> None:
    async with serving(FakeRiva(script=two_sentences)) as riva:
        async with client_of(riva) as client:
            by_call = await hear(client, [tone(0.1)] * 4, enable_partials=False)
        async with client_of(riva, enable_partial_results=False) as client:
            by_settings = await hear(client, [tone(0.1)] * 4)
        asked = [s.opening.streaming_config.interim_results for s in riva.streams]
    assert [t.text for t in by_call] == ["Hello there.", "Good night."]
    assert [t.text for t in by_settings] == [t.text for t in by_call]
    assert [t.words for t in by_settings] == [t.words for t in by_call]
    assert asked == [False, False]


async def test_words_are_left_out_when_their_times_were_not_asked_for() -> None:
    async with (
        serving(FakeRiva(script=two_sentences)) as riva,
        client_of(riva, enable_word_time_offsets=False) as client,
    ):
        heard = await hear(client, [tone(0.1)] * 4)
    assert all(t.words == () for t in heard)


async def test_an_interval_thins_interims_but_never_a_segments_first_nor_a_final() -> None:
    async def script(stream: Stream) -> None:
        await stream.receive_all()
        for text in ("a", "b", "c"):
            await stream.say(interim(text))
        await stream.say(final("abc"))
        for text in ("d", "e"):
            await stream.say(interim(text))

    async with (
        serving(FakeRiva(script=script)) as riva,
        client_of(riva, partial_result_interval_ms=60_000) as client,
    ):
        heard = await hear(client, [tone(0.1)])
    # The last "e" is final: the recogniser ended without saying one.
    assert [t.text for t in heard] == ["a", "abc", "d", "e"]


INTERIM = Transcript(
    text="word",
    is_final=False,
    words=(),
    confidence=None,
    stability=None,
    audio_processed=None,
    channel=None,
    languages=(),
    segment_id=0,
)
FINAL = replace(INTERIM, is_final=True)


def test_an_interim_is_due_again_when_the_interval_has_passed() -> None:
    pace = InterimPace(0.3)
    times = (0.0, 0.1, 0.29, 0.31, 0.5, 0.62)
    assert [now for now in times if pace.passes(INTERIM, now)] == [0.0, 0.31, 0.62]
    assert pace.passes(FINAL, 0.63)
    assert pace.passes(INTERIM, 0.64)
    always = InterimPace(0.0)
    assert always.passes(INTERIM, 1.0)
    assert always.passes(INTERIM, 1.0)


def test_finals_pass_where_no_interim_is_wanted() -> None:
    pace = InterimPace(wanted=False)
    assert not pace.passes(INTERIM, 1.0)
    assert pace.passes(FINAL, 1.0)


@given(
    cuts=st.lists(st.integers(min_value=0, max_value=6400), max_size=12),
    largest=st.integers(min_value=160, max_value=4000).map(lambda n: 2 * n),
)
@settings(max_examples=25, deadline=None)
def test_however_the_audio_is_cut_the_recogniser_gets_the_same_samples(
    cuts: list[int], largest: int
) -> None:
    audio = tone(0.2)
    edges = [0, *sorted(cuts), len(audio)]
    chunks = [audio[a:b] for a, b in pairwise(edges)]

    async def run() -> tuple[list[Transcript], list[bytes]]:
        async with (
            serving(FakeRiva(script=one_word_per_50_ms)) as riva,
            client_of(riva, chunk_size_bytes=largest) as client,
        ):
            return await hear(client, chunks), riva.streams[0].chunks

    heard, sent = asyncio.run(run())
    assert b"".join(sent) == audio
    assert all(len(chunk) % 2 == 0 and 0 < len(chunk) <= largest for chunk in sent)
    assert [(t.segment_id, t.text, t.words[0].start) for t in heard] == [
        (n, f"word {n}", n * 50 / 1000) for n in range(4)
    ]


async def one_word_per_50_ms(stream: Stream) -> None:
    said = 0
    while True:
        more = await stream.receive()
        while said < len(stream.audio) // 1600:
            await stream.say(final(f"word {said}", word(f"word {said}", 50 * said, 50 * said + 50)))
            said += 1
        if more is None:
            return


async def test_a_half_sample_at_the_end_is_left_out_and_the_rest_is_heard() -> None:
    async with serving(FakeRiva()) as riva, client_of(riva) as client:
        await hear(client, [b"\x01", b"\x02\x03", b"\x04\x05"])
        assert riva.streams[0].audio == b"\x01\x02\x03\x04"


async def test_what_a_caller_says_of_the_spelling_wins_over_the_settings_and_the_rest_stays() -> (
    None
):
    asked = Spelling(punctuation=False, verbatim=True)
    async with (
        serving(FakeRiva()) as riva,
        client_of(riva, profanity_filter=True) as client,
    ):
        await hear(client, [tone(0.1)], spelling=asked)
        config = riva.streams[0].opening.streaming_config.config
    assert not config.enable_automatic_punctuation
    assert config.verbatim_transcripts
    assert config.profanity_filter
