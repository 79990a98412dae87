"""What nobody sane sends by gRPC: a documented status, no traceback, and neighbours undisturbed.

That nothing is written to the log as a traceback holds the fixture of every gateway test.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from riva.client.proto import riva_asr_pb2 as asr

from tests.app.gateway.grpc_front.calls import METHOD, audio, channel_of, config, converse
from tests.support.gateways.running import DEADLINE_S, Running, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXTS = st.text(max_size=200)
NUMBERS = st.integers(-(2**31), 2**31 - 1)
FLOATS = st.floats(width=32)

CONFIGS = st.builds(
    asr.RecognitionConfig,
    encoding=st.one_of(st.sampled_from([0, 1, 2, 3, 4, 20]), NUMBERS),
    sample_rate_hertz=st.one_of(st.sampled_from([0, 8000, 16_000, 48_000]), NUMBERS),
    language_code=st.one_of(st.sampled_from(["", "en", "en-US", "en_us", "xx"]), TEXTS),
    max_alternatives=NUMBERS,
    profanity_filter=st.booleans(),
    speech_contexts=st.lists(
        st.builds(asr.SpeechContext, phrases=st.lists(TEXTS, max_size=3), boost=FLOATS), max_size=3
    ),
    audio_channel_count=st.one_of(st.sampled_from([0, 1, 2]), NUMBERS),
    enable_word_time_offsets=st.booleans(),
    enable_automatic_punctuation=st.booleans(),
    enable_separate_recognition_per_channel=st.sampled_from([False, False, True]),
    model=st.one_of(st.just(""), TEXTS),
    verbatim_transcripts=st.booleans(),
    diarization_config=st.builds(
        asr.SpeakerDiarizationConfig,
        enable_speaker_diarization=st.sampled_from([False, False, True]),
        max_speaker_count=NUMBERS,
    ),
    custom_configuration=st.dictionaries(TEXTS, TEXTS, max_size=2),
    endpointing_config=st.one_of(
        st.none(),
        st.builds(
            asr.EndpointingConfig,
            start_history=NUMBERS,
            start_threshold=FLOATS,
            stop_history=NUMBERS,
            stop_threshold=FLOATS,
            stop_history_eou=NUMBERS,
            stop_threshold_eou=FLOATS,
        ),
    ),
)
FIRST = st.builds(
    lambda one, interims: asr.StreamingRecognizeRequest(
        streaming_config=asr.StreamingRecognitionConfig(config=one, interim_results=interims)
    ),
    CONFIGS,
    st.booleans(),
)
SOUND = st.builds(
    lambda content, runtime: audio(content, **runtime),
    st.one_of(
        st.binary(max_size=4000),
        st.sampled_from([b"", b"\x00", b"fLaC", b"OggS" + bytes(60), b"RIFF\xff\xff\xff\xffWAVE"]),
    ),
    st.dictionaries(st.sampled_from(["force_eou", "other"]), st.sampled_from(["true", "x", ""])),
)
MESSAGES = st.lists(
    st.one_of(
        FIRST,
        SOUND,
        st.just(config()),
        st.just(asr.StreamingRecognizeRequest()),
    ).map(lambda message: bytes(message.SerializeToString())),
    max_size=6,
)
BYTES = st.lists(st.one_of(st.binary(max_size=300), st.just(b"\n\xff\xff\xff\xff\x0f")), max_size=3)

DOCUMENTED = {
    grpc.StatusCode.OK,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.NOT_FOUND,
}
FEW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


async def told(front: Running, method: str, messages: list[bytes]) -> grpc.StatusCode:
    """Send bytes as a client of gRPC's threads, and return the status."""

    def talk() -> grpc.StatusCode:
        with grpc.insecure_channel(f"127.0.0.1:{front.grpc_port}") as channel:
            raw: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(
                METHOD + method
            )
            call = raw(iter(messages), timeout=DEADLINE_S)
            try:
                for _ in call:
                    pass
            except grpc.RpcError:
                pass
            status: grpc.StatusCode = call.code()
            return status

    return await asyncio.to_thread(talk)


async def is_undisturbed(front: Running) -> bool:
    heard = await converse(front, [config(), *[audio()] * 10])
    return heard.status is grpc.StatusCode.OK and heard.finals == ["hello ", "world "]


@FEW
@given(messages=st.one_of(MESSAGES, BYTES))
async def test_no_stream_of_messages_does_more_than_end(
    front: Running, messages: list[bytes]
) -> None:
    assert await told(front, "StreamingRecognize", messages) in DOCUMENTED
    await eventually(lambda: front.gateway.admission.connections == 0)
    assert front.gateway.admission.sessions == 0


@FEW
@given(
    message=st.one_of(
        st.builds(asr.RecognizeRequest, config=CONFIGS, audio=st.binary(max_size=4000)).map(
            lambda one: bytes(one.SerializeToString())
        ),
        st.binary(max_size=300),
    ),
    method=st.sampled_from(["Recognize", "GetRivaSpeechRecognitionConfig"]),
)
async def test_no_recording_does_more_than_be_refused(
    front: Running, message: bytes, method: str
) -> None:
    assert await told(front, method, [message]) in DOCUMENTED
    assert front.gateway.uploads.counts().active == 0


async def test_a_neighbour_hears_nothing_of_clients_that_send_configurations_without_end(
    front: Running,
) -> None:
    endless = asr.StreamingRecognizeRequest(
        streaming_config=asr.StreamingRecognitionConfig(
            config=asr.RecognitionConfig(
                speech_contexts=[asr.SpeechContext(phrases=["x" * 99] * 5000)]
            )
        )
    )

    async def without_end() -> AsyncIterator[Any]:
        while True:
            yield endless

    async with channel_of(front) as channel:
        calls: list[Any] = [
            channel.stream_stream(
                f"{METHOD}StreamingRecognize",
                request_serializer=asr.StreamingRecognizeRequest.SerializeToString,
            )(without_end())
            for _ in range(8)
        ]
        assert await is_undisturbed(front)
        assert all([await call.code() is not grpc.StatusCode.OK for call in calls])


async def test_a_method_that_there_is_not_is_answered_so(front: Running) -> None:
    assert await told(front, "Another", [b""]) is grpc.StatusCode.UNIMPLEMENTED
