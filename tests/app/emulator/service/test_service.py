"""The Riva service over real gRPC, with scripted speech. Wordings and status codes are those of
public reports (docs/adr/0201); no live NIM was asked.
"""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
import riva.client.proto.health_pb2 as health
import riva.client.proto.health_pb2_grpc as health_grpc
import riva.client.proto.riva_asr_pb2 as asr

from app.emulator import Emulator, EmulatorSettings, Script, serve
from tests.app.emulator.riva_calls import (
    RATE,
    Message,
    audio,
    first,
    recognition_config,
    refusal,
    stream,
    stub,
    transcripts,
)

MODEL = EmulatorSettings().model_name
SPEECH = Script.model_validate(
    {
        "streams": [
            {
                "results": [
                    {"at": 0.1, "text": "Good", "stability": 0.5},
                    {
                        "at": 0.3,
                        "text": "Good morning, Mr. O'Neil!",
                        "is_final": True,
                        "confidence": 0.9,
                        "words": [
                            {"word": "Good", "start": 0.01, "end": 0.1, "confidence": 0.8},
                            {"word": "morning,", "start": 0.1, "end": 0.2},
                        ],
                    },
                    {"at": 0.4, "text": "and"},
                    {"at": 9, "text": "And goodbye.", "is_final": True},
                ]
            }
        ]
    }
)
QUIET = EmulatorSettings(engine="none")


def settings(**changes: object) -> EmulatorSettings:
    return EmulatorSettings.model_validate({"engine": "none", **changes})


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with serve(QUIET, script=SPEECH) as running:
        yield running


async def test_a_stream_gets_interims_and_finals_in_order(emulator: Emulator) -> None:
    results = await stream(emulator, first(), *[audio()] * 5)
    assert [(r.is_final, r.alternatives[0].transcript) for r in results] == [
        (False, "good"),
        (True, "good morning mr o'neil"),
        (False, "and"),
        (True, "and goodbye"),
    ]
    assert results[0].stability == 0.5
    assert results[1].alternatives[0].confidence == pytest.approx(0.9)
    assert results[1].audio_processed == pytest.approx(0.3)


async def test_without_interim_results_there_are_finals_alone(emulator: Emulator) -> None:
    results = await stream(emulator, first(interim_results=False), *[audio()] * 5)
    assert [result.is_final for result in results] == [True, True]


async def test_punctuation_and_capitals_stay_only_where_they_were_asked_for(
    emulator: Emulator,
) -> None:
    results = await stream(emulator, first(enable_automatic_punctuation=True), audio(1))
    assert transcripts(results, final=True) == ["Good morning, Mr. O'Neil!", "And goodbye."]


async def test_words_come_on_finals_in_integer_milliseconds_where_asked_for(
    emulator: Emulator,
) -> None:
    results = await stream(emulator, first(enable_word_time_offsets=True), audio(1))
    interim, final, *_ = results
    assert not interim.alternatives[0].words
    good, morning = final.alternatives[0].words
    assert (good.word, good.start_time, good.end_time) == ("good", 10, 100)
    assert (morning.word, morning.start_time, morning.end_time) == ("morning", 100, 200)
    assert good.confidence == pytest.approx(0.8)
    assert morning.confidence == 0.0
    (without, *_) = await stream(emulator, first(interim_results=False), audio(1))
    assert not without.alternatives[0].words


async def test_the_request_id_comes_back_with_every_response(emulator: Emulator) -> None:
    async def requests() -> AsyncIterator[Message]:
        opening = first()
        opening.id.value = "call-7"
        yield opening
        yield audio(1)

    async with stub(emulator) as riva:
        ids = {response.id.value async for response in riva.StreamingRecognize(requests())}
    assert ids == {"call-7"}


@pytest.mark.parametrize(("model", "language"), [("parakeet-of-tomorrow", "en-US"), ("", "tlh")])
@pytest.mark.parametrize("status", ["INVALID_ARGUMENT", "NOT_FOUND"])
async def test_a_model_or_language_that_is_not_served_is_refused_as_unavailable(
    model: str, language: str, status: str
) -> None:
    async with serve(settings(unavailable_model_status=status)) as emulator:
        assert await refusal(emulator, first(model=model, language_code=language)) == (
            status,
            (
                "Error: Unavailable model requested given these parameters: "
                f"language_code={language}; type=online;"
            ),
        )


async def test_the_served_model_may_be_named(emulator: Emulator) -> None:
    await stream(emulator, first(model=MODEL), audio())


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        ([audio()], "first message of a stream must carry streaming_config"),
        ([], "first message of a stream must carry streaming_config"),
        ([first(), first()], "streaming_config may be sent once"),
        ([first(sample_rate_hertz=7999)], "sample_rate_hertz 7999 is not supported"),
        ([first(audio_channel_count=2)], "audio_channel_count 2 is not supported"),
        ([first(encoding=7)], "encoding 7 is not supported here"),
        ([first(encoding=77)], "encoding 77 is not supported here"),
        (
            [first(endpointing_config=asr.EndpointingConfig(stop_history=20))],
            "stop_history 20 ms is not supported",
        ),
    ],
)
async def test_a_stream_that_breaks_the_protocol_is_refused(
    emulator: Emulator, messages: list[Message], text: str
) -> None:
    status, said = await refusal(emulator, *messages)
    assert status == "INVALID_ARGUMENT"
    assert text in said


async def test_a_streaming_only_server_refuses_recognize(emulator: Emulator) -> None:
    async with stub(emulator) as riva:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await riva.Recognize(asr.RecognizeRequest(config=recognition_config(), audio=b"\0\0"))
    assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.value.details() == (
        "Error: Unavailable model requested given these parameters: "
        "language_code=en-US; type=offline;"
    )


async def test_an_offline_server_refuses_streams() -> None:
    async with serve(settings(tags_selector="mode=ofl")) as emulator:
        status, text = await refusal(emulator, first())
    assert (status, text.endswith("type=online;")) == ("INVALID_ARGUMENT", True)


@pytest.mark.parametrize(
    ("selector", "kinds"),
    [("mode=str", ["online"]), ("mode=ofl", ["offline"]), ("mode=all", ["online", "offline"])],
)
async def test_the_config_rpc_lists_what_is_served(selector: str, kinds: list[str]) -> None:
    request = asr.RivaSpeechRecognitionConfigRequest()
    other = asr.RivaSpeechRecognitionConfigRequest(model_name="another")
    async with serve(settings(tags_selector=selector)) as emulator, stub(emulator) as riva:
        answer = await riva.GetRivaSpeechRecognitionConfig(request)
        nothing = await riva.GetRivaSpeechRecognitionConfig(other)
    assert [(m.model_name, dict(m.parameters)) for m in answer.model_config] == [
        (MODEL, {"type": kind, "language_code": "en-US"}) for kind in kinds
    ]
    assert not nothing.model_config


async def test_a_stream_left_idle_loses_its_sequence_and_hears_so_with_the_next_chunk() -> None:
    async with serve(settings(idle_timeout=0.05), script=SPEECH) as emulator:

        async def requests() -> AsyncIterator[Message]:
            yield first()
            yield audio(0.2)
            await emulator.wait_for_stream(lambda stream: stream.freed)
            yield audio()
            await asyncio.Event().wait()

        async with stub(emulator) as riva:
            with pytest.raises(grpc.aio.AioRpcError) as error:
                _ = [response async for response in riva.StreamingRecognize(requests())]
    assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "must specify the START flag on the first request of the sequence" in str(
        error.value.details()
    )


async def test_a_freed_stream_that_half_closes_ends_without_its_last_words() -> None:
    async with serve(settings(idle_timeout=0.05), script=SPEECH) as emulator:

        async def requests() -> AsyncIterator[Message]:
            yield first()
            await emulator.wait_for_stream(lambda stream: stream.freed)

        async with stub(emulator) as riva:
            assert [response async for response in riva.StreamingRecognize(requests())] == []
        await emulator.wait_for_stream(lambda stream: stream.status == "OK")


async def test_a_message_above_the_limit_is_refused_and_one_below_is_not() -> None:
    async with serve(settings(max_message_bytes=100_000)) as emulator:
        await stream(emulator, first(), audio(3))
        status, text = await refusal(emulator, first(), audio(4))
    assert status == "RESOURCE_EXHAUSTED"
    assert "larger than max" in text


async def test_the_limit_is_four_mebibytes_as_grpc_has_it() -> None:
    chunk = asr.StreamingRecognizeRequest(audio_content=bytes(5 * 2**20))
    async with serve(QUIET) as emulator:
        status, text = await refusal(emulator, first(), chunk)
    assert (status, "vs. 4194304" in text) == ("RESOURCE_EXHAUSTED", True)


async def test_nothing_is_served_while_loading() -> None:
    async with (
        serve(settings(loading_seconds=60), load_first=False) as emulator,
        stub(emulator) as riva,
    ):
        assert not emulator.ready
        status, _ = await refusal(emulator, first())
        assert status == "UNAVAILABLE"
        for method, request in (
            (riva.GetRivaSpeechRecognitionConfig, asr.RivaSpeechRecognitionConfigRequest()),
            (riva.Recognize, asr.RecognizeRequest(config=recognition_config())),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await method(request)
            assert error.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_loading_ends_by_itself() -> None:
    async with serve(settings(loading_seconds=0.05), load_first=False) as emulator:
        await emulator.wait_ready()
        await stream(emulator, first())


async def hold(emulator: Emulator, release: asyncio.Event) -> list[Message]:
    async def requests() -> AsyncIterator[Message]:
        yield first()
        await release.wait()

    async with stub(emulator) as riva:
        return [response async for response in riva.StreamingRecognize(requests())]


async def test_streams_beyond_the_slots_are_refused_where_so_configured() -> None:
    async with serve(settings(max_streams=1, when_full="refuse")) as emulator:
        release = asyncio.Event()
        holding = asyncio.create_task(hold(emulator, release))
        await emulator.wait_for_stream(lambda stream: bool(stream.sample_rate))
        assert await refusal(emulator, first()) == (
            "RESOURCE_EXHAUSTED",
            "Error: all 1 stream slots are in use",
        )
        release.set()
        await holding
        await stream(emulator, first())


async def test_streams_beyond_the_slots_wait_otherwise() -> None:
    async with serve(settings(max_streams=1), script=SPEECH) as emulator:
        release = asyncio.Event()
        holding = asyncio.create_task(hold(emulator, release))
        await emulator.wait_for_stream(lambda stream: bool(stream.sample_rate))
        waiting = asyncio.create_task(stream(emulator, first(), audio(1)))
        await emulator.wait_for_stream(lambda stream: bool(stream.sample_rate), sequence=2)
        assert emulator.streams[1].messages == 0
        release.set()
        assert transcripts(await waiting, final=True)
        await holding


async def test_the_standard_health_service_answers_for_the_server_and_the_service() -> None:
    async with (
        serve(settings(loading_seconds=0.2), load_first=False) as emulator,
        grpc.aio.insecure_channel(emulator.grpc_target) as channel,
    ):
        riva_health = health_grpc.HealthStub(channel)
        serving = health.HealthCheckResponse.ServingStatus
        watch = riva_health.Watch(health.HealthCheckRequest())
        seen = [(await watch.read()).status, (await watch.read()).status]
        assert seen == [serving.NOT_SERVING, serving.SERVING]
        watch.cancel()
        for service in ("", "nvidia.riva.asr.RivaSpeechRecognition"):
            answer = await riva_health.Check(health.HealthCheckRequest(service=service))
            assert answer.status == serving.SERVING
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await riva_health.Check(health.HealthCheckRequest(service="nvidia.riva.tts"))
        assert error.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_client_that_goes_away_ends_its_stream(emulator: Emulator) -> None:
    async with stub(emulator) as riva:
        call = riva.StreamingRecognize()
        await call.write(first())
        await emulator.wait_for_stream(lambda stream: stream.sample_rate == RATE)
        call.cancel()
        await emulator.wait_for_stream(lambda stream: stream.status == "CANCELLED")


async def test_the_journal_tells_what_a_client_sent(emulator: Emulator) -> None:
    context = asr.SpeechContext(phrases=["Brenda", "harbor"], boost=10)
    await stream(emulator, first(speech_contexts=[context]), *[audio(0.2)] * 3)
    (record,) = emulator.streams
    assert record.messages == 3
    assert record.audio_seconds == pytest.approx(0.6)
    assert (record.interims, record.finals) == (2, 2)
    assert record.hotwords == ("Brenda", "harbor")
    assert (record.half_closed, record.status) == (True, "OK")


async def test_several_emulators_live_beside_each_other() -> None:
    async with serve(QUIET) as one, serve(QUIET, script=SPEECH) as two:
        assert {one.grpc_port, one.http_port}.isdisjoint({two.grpc_port, two.http_port})
        assert await stream(one, first(), audio(1)) == []
        assert await stream(two, first(), audio(1)) != []


async def test_a_taken_port_is_an_error_and_not_a_shared_port() -> None:
    async with serve(QUIET) as one:
        with pytest.raises(RuntimeError, match="bind"):
            async with serve(settings(grpc_port=one.grpc_port)):
                pass
