"""Recognize, the list of models, and the health service."""

import asyncio
import io
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import numpy as np
import pytest
import soundfile
from riva.client.proto import health_pb2 as health
from riva.client.proto import health_pb2_grpc
from riva.client.proto import riva_asr_pb2 as asr

from app.emulator import Emulator, Script
from tests.app.gateway.grpc_front.calls import METHOD, Metadata, channel_of, config, stub_of
from tests.support.gateways.running import (
    Running,
    eventually,
    finish_loading,
    running_emulator,
    running_gateway,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

STATUS = health.HealthCheckResponse.ServingStatus
SERVICE = "nvidia.riva.asr.RivaSpeechRecognition"
RATE = 16_000


def tone(seconds: float = 1.0) -> np.ndarray[Any, Any]:
    return (8000 * np.sin(np.arange(round(RATE * seconds)) / 8)).astype("<i2")


def file_of(kind: str, subtype: str | None = None) -> bytes:
    written = io.BytesIO()
    soundfile.write(written, tone(), RATE, format=kind, subtype=subtype)
    return written.getvalue()


def wav() -> bytes:
    written = io.BytesIO()
    with wave.open(written, "wb") as made:
        made.setnchannels(1)
        made.setsampwidth(2)
        made.setframerate(RATE)
        made.writeframes(tone().tobytes())
    return written.getvalue()


def recording(content: bytes, **fields: Any) -> Any:  # noqa: ANN401 - protobuf's own
    chosen = {"sample_rate_hertz": RATE, "language_code": "en-US", **fields}
    return asr.RecognizeRequest(config=asr.RecognitionConfig(**chosen), audio=content)


@asynccontextmanager
async def refused(status: grpc.StatusCode) -> AsyncIterator[list[grpc.aio.AioRpcError]]:
    """Expect a call of the block to be refused, and give the error."""
    found: list[grpc.aio.AioRpcError] = []
    with pytest.raises(grpc.aio.AioRpcError) as told:
        yield found
    found.append(told.value)
    assert told.value.code() is status, told.value


@pytest.mark.parametrize(
    "request_",
    [
        recording(tone().tobytes(), encoding=1),
        recording(tone().tobytes()),
        recording(wav()),
        recording(wav(), encoding=1),
        recording(file_of("FLAC"), encoding=2),
        recording(file_of("OGG", "OPUS"), encoding=4),
        recording(b"\xd5" * RATE, encoding=20),
        recording(b"\xff" * RATE, encoding=3),
        recording(np.repeat(tone(), 2).tobytes(), encoding=1, audio_channel_count=2),
    ],
    ids=["pcm", "unsaid", "wav", "wav as pcm", "flac", "opus", "alaw", "mulaw", "two channels"],
)
async def test_a_recording_is_heard_whatever_it_is_written_in(
    front: Running,
    emulator: Emulator,
    request_: Any,  # noqa: ANN401 - protobuf's own
) -> None:
    request_.id.value = "rec-1"
    request_.config.enable_word_time_offsets = True
    async with channel_of(front) as channel:
        answer = await stub_of(channel).Recognize(request_)
    assert emulator.streams[-1].audio_seconds == pytest.approx(1.0, abs=0.05)
    [result] = answer.results
    assert result.alternatives[0].transcript == "hello world "
    assert [word.word for word in result.alternatives[0].words] == ["hello", "world"]
    assert result.audio_processed == pytest.approx(1.0, abs=0.05)
    assert answer.id.value == "rec-1"
    assert front.gateway.admission.sessions == 0


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (recording(tone().tobytes(), encoding=2), "audio is 'without its header'"),
        (recording(tone().tobytes(), encoding=9), "encoding is 9"),
        (recording(tone().tobytes(), language_code="x y"), "language"),
        (recording(b"PK\x03\x04" + bytes(2000)), "The audio"),
    ],
    ids=["no flac", "no encoding", "no language", "no sound"],
)
async def test_a_recording_that_cannot_be_heard_is_refused_in_words(
    front: Running,
    sent: Any,  # noqa: ANN401 - protobuf's own
    told: str,
) -> None:
    async with channel_of(front) as channel, refused(grpc.StatusCode.INVALID_ARGUMENT) as found:
        await stub_of(channel).Recognize(sent)
    assert told in (found[0].details() or "")


async def test_nothing_is_heard_of_a_recording_without_a_sample(front: Running) -> None:
    async with channel_of(front) as channel:
        assert not (await stub_of(channel).Recognize(recording(b""))).results


async def test_a_recording_over_the_limit_is_refused(front: Running) -> None:
    async with channel_of(front) as channel, refused(grpc.StatusCode.RESOURCE_EXHAUSTED):
        await stub_of(channel).Recognize(recording(bytes(5 * 2**20)))


async def test_a_recording_whose_bytes_do_not_come_is_not_waited_for(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, app_grpc_port=0, app_upload_timeout_s=0.2) as gateway,
        channel_of(gateway) as channel,
    ):
        raw: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(
            f"{METHOD}Recognize"
        )
        call = raw()
        assert await call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert gateway.gateway.uploads.counts().active == 0


TOKEN = "a-token-for-clients-of-riva"  # pragma: allowlist secret


async def test_recordings_are_for_who_may_send_them(emulator: Emulator) -> None:
    async with (
        running_gateway(
            emulator, app_grpc_port=0, app_auth_tokens=TOKEN, app_max_uploads=1
        ) as gateway,
        channel_of(gateway) as channel,
    ):
        stub = stub_of(channel)
        good: Metadata = (("authorization", f"Bearer {TOKEN}"),)
        for _ in range(3):
            # Who has read an answer may send the next one, where there is one place.
            assert (await stub.Recognize(recording(wav()), metadata=good)).results
        async with refused(grpc.StatusCode.UNAUTHENTICATED):
            await stub.Recognize(recording(wav()))
        async with refused(grpc.StatusCode.UNAUTHENTICATED):
            await stub.GetRivaSpeechRecognitionConfig(asr.RivaSpeechRecognitionConfigRequest())


async def test_the_models_are_listed_as_the_recogniser_lists_them(front: Running) -> None:
    async with channel_of(front) as channel:
        stub = stub_of(channel)
        every = await stub.GetRivaSpeechRecognitionConfig(asr.RivaSpeechRecognitionConfigRequest())
        none = await stub.GetRivaSpeechRecognitionConfig(
            asr.RivaSpeechRecognitionConfigRequest(model_name="another")
        )
    known = front.gateway.asr.known_models()
    assert [one.model_name for one in every.model_config] == [model.name for model in known]
    assert {one.parameters["type"] for one in every.model_config} <= {"online", "offline"}
    assert {one.parameters["language_code"] for one in every.model_config} == {"en-US"}
    assert not none.model_config


async def test_health_is_the_gateways_own_and_needs_no_token() -> None:
    async with (
        running_emulator() as emulator,
        running_gateway(
            emulator,
            app_grpc_port=0,
            app_auth_tokens=TOKEN,
            app_ready_probe_interval_s=0.05,
        ) as gateway,
        channel_of(gateway) as channel,
    ):
        stub = health_pb2_grpc.HealthStub(channel)

        async def is_serving(service: str = "") -> bool:
            answer = await stub.Check(health.HealthCheckRequest(service=service))
            assert answer.status in {STATUS.SERVING, STATUS.NOT_SERVING}
            return bool(answer.status == STATUS.SERVING)

        assert await is_serving()
        assert await is_serving(SERVICE)
        async with refused(grpc.StatusCode.NOT_FOUND):
            await is_serving("another")
        told = aiter(stub.Watch(health.HealthCheckRequest()))
        assert (await anext(told)).status == STATUS.SERVING
        emulator.set_script(Script(loading_seconds=3600))
        assert (await anext(told)).status == STATUS.NOT_SERVING
        assert not await is_serving()
        await finish_loading(emulator)
        assert (await anext(told)).status == STATUS.SERVING


async def test_a_full_gateway_is_a_well_one(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, app_grpc_port=0, ws_max_concurrent_sessions=1) as gateway,
        channel_of(gateway) as channel,
    ):
        call = stub_of(channel).StreamingRecognize()
        await call.write(config())
        await eventually(lambda: gateway.gateway.admission.free_sessions == 0)
        stub = health_pb2_grpc.HealthStub(channel)
        assert (await stub.Check(health.HealthCheckRequest())).status == STATUS.SERVING
        call.cancel()


async def test_a_health_check_that_never_says_its_name_is_not_waited_for_beside_others(
    front: Running,
) -> None:
    async with channel_of(front) as channel:
        raw: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(
            "/grpc.health.v1.Health/Check"
        )
        silent = [raw() for _ in range(40)]
        reads = [asyncio.ensure_future(call.read()) for call in silent]
        # The first sixteen are given a moment; the others are answered for the whole gateway.
        await eventually(lambda: sum(read.done() for read in reads) >= 24)
        well = health.HealthCheckResponse(status=STATUS.SERVING).SerializeToString()
        assert [read.result() for read in reads if read.done()].count(well) == 24
        stub = health_pb2_grpc.HealthStub(channel)
        assert (await stub.Check(health.HealthCheckRequest())).status == STATUS.SERVING
        for call in silent:
            call.cancel()
        await asyncio.gather(*reads, return_exceptions=True)
