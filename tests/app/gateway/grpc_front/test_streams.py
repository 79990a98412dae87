"""StreamingRecognize, by a real client over a real socket; the emulator follows a script."""

import asyncio
from typing import Any

import grpc
import numpy as np
import pytest
from riva.client.proto import riva_asr_pb2 as asr

from app.emulator import Emulator, Script, StreamScript
from app.emulator.scripting.script import After, Fail
from tests.app.gateway.conftest import Log
from tests.app.gateway.grpc_front.calls import (
    METHOD,
    audio,
    channel_of,
    config,
    converse,
    ended,
    stub_of,
)
from tests.support.gateways.running import (
    DEADLINE_S,
    HELLO_WORLD,
    Running,
    eventually,
    running_gateway,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECOND = [audio()] * 10


async def test_a_stream_is_heard_to_its_last_word_and_ends_well(front: Running, log: Log) -> None:
    heard = await converse(front, [config(enable_word_time_offsets=True), *SECOND])
    assert (heard.status, heard.details) == (grpc.StatusCode.OK, "")
    # Its finals end in a blank, as Riva's do.
    assert heard.finals == ["hello ", "world "]
    interim = heard.results[0]
    assert (interim.alternatives[0].transcript, interim.is_final) == ("hel", False)
    assert interim.stability == 0.5
    [hello, _] = [one for one in heard.results if one.is_final]
    assert hello.alternatives[0].confidence == 0.75
    assert hello.channel_tag == 1
    [word] = hello.alternatives[0].words
    assert (word.word, word.start_time, word.end_time, word.confidence) == ("hello", 100, 450, 0.5)
    [line] = [one for one in log.lines if one["event"] == "stream ended"]
    assert (line["dialect"], line["reason"], line["finals"]) == ("riva", "stopped", 2)


async def test_neither_words_nor_interims_come_unasked(front: Running) -> None:
    heard = await converse(front, [config(interims=False), *SECOND])
    assert heard.finals == ["hello ", "world "]
    assert all(one.is_final and not one.alternatives[0].words for one in heard.results)


async def test_what_a_request_is_marked_with_every_answer_is_marked_with(front: Running) -> None:
    first = config()
    first.id.value = "call-7"
    heard = await converse(front, [first, *SECOND])
    assert {response.id.value for response in heard.responses} == {"call-7"}


async def test_the_recogniser_is_asked_for_what_the_client_asks_for(
    front: Running, emulator: Emulator
) -> None:
    asked = config(
        sample_rate_hertz=8000,
        language_code="en_us",
        speech_contexts=[asr.SpeechContext(phrases=["Perch", "Parakeet"], boost=20.0)],
    )
    await converse(front, [asked, *SECOND])
    stream = emulator.streams[-1]
    assert (stream.sample_rate, stream.language) == (8000, "en-US")
    assert stream.hotwords == ("Perch", "Parakeet")


@pytest.mark.parametrize(("encoding", "silence"), [(3, b"\xff"), (20, b"\xd5")])
async def test_telephony_is_heard_as_samples_of_sixteen_bits(
    front: Running, emulator: Emulator, encoding: int, silence: bytes
) -> None:
    await converse(
        front, [config(encoding=encoding, sample_rate_hertz=8000), audio(silence * 8000)]
    )
    stream = emulator.streams[-1]
    assert (stream.sample_rate, stream.encoding) == (8000, "LINEAR_PCM")
    assert stream.audio_seconds == pytest.approx(1.0)


async def test_two_channels_are_averaged(front: Running, emulator: Emulator) -> None:
    both = np.zeros((16_000, 2), "<i2").tobytes()
    await converse(front, [config(audio_channel_count=2), audio(both)])
    assert emulator.streams[-1].audio_seconds == pytest.approx(1.0)


async def test_a_client_may_have_what_it_said_made_final_and_go_on(emulator: Emulator) -> None:
    # Where nothing is made final by itself.
    way = {"quiet_gap_s": 0.0}
    async with running_gateway(emulator, riva=way, app_grpc_port=0) as gateway:
        finals = await finals_of_a_forced_end(gateway)
    assert finals == ["hello ", "world "]


async def finals_of_a_forced_end(front: Running) -> list[str]:
    messages: asyncio.Queue[Any] = asyncio.Queue()
    for one in (config(), *SECOND, audio(b"", force_eou="true")):
        messages.put_nowait(one)

    async def sent() -> Any:  # noqa: ANN401 - protobuf's own
        while (message := await messages.get()) is not None:
            yield message

    async with channel_of(front) as channel:
        call = stub_of(channel).StreamingRecognize(sent(), timeout=DEADLINE_S)
        finals: list[str] = []
        async for response in call:
            finals += [one.alternatives[0].transcript for one in response.results if one.is_final]
            if len(finals) == 2:
                # Owed until the recogniser was asked for it.
                messages.put_nowait(None)
    return finals


async def test_a_recogniser_that_dies_is_noticed_by_nobody(
    front: Running, emulator: Emulator
) -> None:
    dies = Fail.model_validate(
        {"do": "fail", "after": After(audio_seconds=0.6), "status": "UNAVAILABLE", "message": "no"}
    )
    broken = HELLO_WORLD.model_copy(update={"fault": dies})
    emulator.set_script(Script(streams=(broken, HELLO_WORLD)))
    before = len(emulator.streams)
    heard = await converse(front, [config(), *SECOND])
    assert heard.status is grpc.StatusCode.OK
    assert heard.finals[0] == "hello "
    assert heard.finals[-1] == "world "
    assert len(emulator.streams) == before + 2


async def test_a_client_that_cancels_leaves_nothing_behind(front: Running, log: Log) -> None:
    async def sent() -> Any:  # noqa: ANN401 - protobuf's own
        yield config()
        for one in SECOND:
            yield one
        await asyncio.Event().wait()

    admission = front.gateway.admission
    async with channel_of(front) as channel:
        call = stub_of(channel).StreamingRecognize(sent())
        await anext(aiter(call))
        assert (admission.connections, admission.sessions) == (1, 1)
        call.cancel()
        await eventually(lambda: (admission.connections, admission.sessions) == (0, 0))
    [line] = [one for one in log.lines if one["event"] == "stream ended"]
    assert line["reason"] == "disconnected"


async def test_bytes_that_are_no_message_are_answered_in_words(front: Running) -> None:
    async with channel_of(front) as channel:
        raw: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(
            f"{METHOD}StreamingRecognize"
        )
        heard = await ended(raw(iter([b"\xff"])))
    assert heard.status is grpc.StatusCode.INVALID_ARGUMENT
    assert "StreamingRecognizeRequest" in heard.details
    assert heard.trailers == {"perch-code": "invalid_message"}


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        ([], "the first message is 'missing'"),
        ([audio()], "the first message is 'audio_content'"),
        ([audio(b""), config()], "the first message is 'audio_content'"),
        ([config(), config()], "streaming_config is 'sent again'"),
    ],
    ids=["nothing", "audio first", "empty audio first", "twice"],
)
async def test_a_stream_begins_with_its_configuration_and_has_one(
    front: Running, messages: list[Any], told: str
) -> None:
    heard = await converse(front, messages)
    assert heard.status is grpc.StatusCode.INVALID_ARGUMENT
    assert told in heard.details


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"encoding": 7}, "encoding is 7; accepted: LINEAR_PCM, FLAC, MULAW, OGGOPUS, ALAW"),
        ({"sample_rate_hertz": 7999}, "sample_rate_hertz is 7999; accepted: 8000 to 48000"),
        ({"audio_channel_count": 3}, "audio_channel_count is 3; accepted: 1, or 2"),
        ({"language_code": "not a language"}, "language"),
        (
            {"enable_separate_recognition_per_channel": True},
            "enable_separate_recognition_per_channel is 'true'; accepted: false",
        ),
        (
            {"diarization_config": asr.SpeakerDiarizationConfig(enable_speaker_diarization=True)},
            "diarization_config.enable_speaker_diarization is 'true'; accepted: false",
        ),
        (
            {"speech_contexts": [asr.SpeechContext(phrases=["x"], boost=float("nan"))]},
            "speech_contexts.boost is nan",
        ),
        (
            {
                "speech_contexts": [
                    asr.SpeechContext(phrases=["x"], boost=1.0),
                    asr.SpeechContext(phrases=["y"], boost=2.0),
                ]
            },
            "speech_contexts.boost is '2 values'; accepted: one for all phrases",
        ),
        (
            {"speech_contexts": [asr.SpeechContext(phrases=[" "])]},
            "speech_contexts.phrases is ' '",
        ),
        (
            {"endpointing_config": asr.EndpointingConfig(stop_history=0)},
            "endpointing_config.stop_history is 0; accepted: 1 to 60000 ms",
        ),
        (
            {"endpointing_config": asr.EndpointingConfig(stop_threshold=2.0)},
            "endpointing.stop_threshold",
        ),
        ({"custom_configuration": {"secret.key": "1"}}, "custom_configuration is 'secret.key'"),
    ],
    ids=lambda found: found if isinstance(found, str) else "",
)
async def test_what_cannot_be_had_is_refused_by_name(
    front: Running, fields: dict[str, Any], told: str
) -> None:
    heard = await converse(front, [config(**fields), *SECOND])
    assert heard.status is grpc.StatusCode.INVALID_ARGUMENT, heard
    assert told in heard.details
    assert not heard.responses


async def test_a_model_is_found_as_people_write_it_and_foreign_names_as_the_operator_has_them(
    emulator: Emulator,
) -> None:
    aliases = {"parakeet-foreign-*": ""}
    async with running_gateway(emulator, app_grpc_port=0, app_model_aliases=aliases) as gateway:
        served = gateway.gateway.asr.known_models()[0].name
        plain = await converse(gateway, [config(model=served.upper()), *SECOND])
        asked = emulator.streams[-1].model
        foreign = await converse(gateway, [config(model="parakeet-foreign-1.1b"), *SECOND])
        default = emulator.streams[-1].model
        unknown = await converse(gateway, [config(model="another"), *SECOND])
    assert plain.status is foreign.status is grpc.StatusCode.OK
    assert (asked, default) == (served, "")
    assert unknown.status is grpc.StatusCode.NOT_FOUND
    assert served in unknown.details


async def test_a_file_is_announced_as_what_it_is(front: Running) -> None:
    heard = await converse(front, [config(encoding=2), *SECOND])
    assert heard.status is grpc.StatusCode.INVALID_ARGUMENT
    assert "accepted: 'fLaC' at its begin" in heard.details


async def test_audio_that_is_not_heard_is_told_of_at_the_end(front: Running) -> None:
    heard = await converse(front, [config(), audio(b'{"audio": "' + b"QUJD" * 400 + b'"}')])
    assert heard.status is grpc.StatusCode.OK
    assert "not heard" in heard.trailers["perch-warning"]


async def test_a_message_over_the_limit_ends_its_stream_alone(front: Running) -> None:
    heard = await converse(front, [config(), audio(bytes(5 * 2**20))])
    assert heard.status is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (await converse(front, [config(), *SECOND])).status is grpc.StatusCode.OK


async def test_a_stream_may_have_shorter_messages_than_a_recording(emulator: Emulator) -> None:
    async with running_gateway(emulator, app_grpc_port=0, ws_max_message_size_mb=1) as gateway:
        heard = await converse(gateway, [config(), audio(bytes(2 * 2**20))])
    assert heard.status is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert heard.trailers == {"perch-code": "message_too_big"}


async def test_a_script_without_a_word_is_answered_without_a_word(
    front: Running, emulator: Emulator
) -> None:
    emulator.set_script(Script(streams=(StreamScript(results=()),)))
    heard = await converse(front, [config(), *SECOND])
    assert (heard.status, heard.responses) == (grpc.StatusCode.OK, [])
