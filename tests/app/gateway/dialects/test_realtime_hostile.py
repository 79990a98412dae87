"""Whatever a realtime client sends is an intent or a documented error, and nobody else notices.

Also what a client hears when the recogniser fails for good. That a NIM or OpenAI says the same is
not proved here.
"""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from app.asr import Transcript
from app.contract import ContractError, ErrorCode
from app.contract.fields import ResumeOffer
from app.emulator import After, Emulator, Fail, Script, StreamScript
from app.gateway.dialects import events
from app.gateway.dialects.codec import DialectCodec, Handshake, Sent
from app.gateway.dialects.intents import Reply, SessionRequest, Start
from app.gateway.dialects.realtime.nim import NimCodec
from app.gateway.dialects.realtime.openai import OpenAIRealtimeCodec
from app.gateway.dialects.realtime.shared import SharedPathCodec
from app.gateway.settings.gateway import GatewaySettings
from tests.app.gateway.dialects.test_openai_realtime import (
    HEADERS,
    MANUAL,
    PATH,
    append,
    connected,
)
from tests.support.gateways.running import Running, said, said_until, send

CODECS = (OpenAIRealtimeCodec, NimCodec, SharedPathCodec)
OFFER = ResumeOffer(token="t", window_s=1, heartbeat_s=1)
HANDSHAKE = Handshake(connection_id="c", path="/v1/realtime")
TYPES = (
    "input_audio_buffer.append",
    "input_audio_buffer.commit",
    "input_audio_buffer.clear",
    "input_audio_buffer.done",
    "session.update",
    "transcription_session.update",
    "session.end",
    "response.create",
)
KEYS = (
    *("type", "audio", "input", "format", "rate", "transcription", "model", "language", "prompt"),
    *("keywords", "languages", "turn_detection", "silence_duration_ms", "include"),
    *("input_audio_format", "input_audio_transcription", "input_audio_params", "sample_rate_hz"),
    *("num_channels", "recognition_config", "word_boosting", "enable_word_boosting"),
    *("word_boosting_list", "phrases", "boost", "endpointing_config", "stop_history"),
    *("stop_threshold", "speaker_diarization", "enable_speaker_diarization"),
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["server_vad", "audio/pcm", "audio/pcmu", "pcm16", "none", "transcription"])
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)
SESSIONS = st.dictionaries(
    st.sampled_from(KEYS), st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=3), max_size=2
)
MESSAGES = st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES) | VALUES},
    optional={
        "session": SESSIONS | VALUES,
        "audio": st.sampled_from(["AAAA", "AA==", "A", "äö", ""]) | VALUES,
        "event_id": VALUES,
        "runtime_config": VALUES,
    },
)


def sent(codec: DialectCodec, text: str) -> Iterator[Sent]:
    """Yield what a client is sent for a message, as the connection has it sent."""
    try:
        for intent in codec.parse(text):
            match intent:
                case Start(request):
                    yield from codec.render(events.Started("s", request, None))
                case Reply(texts):
                    yield from texts
    except ContractError as error:
        yield from codec.render(events.Failed(error=error))


def final(text: str) -> events.Result:
    transcript = Transcript(
        text=text,
        is_final=True,
        words=(),
        confidence=None,
        stability=None,
        audio_processed=None,
        channel=None,
        languages=(),
        segment_id=0,
    )
    return events.Result(
        transcript=transcript, segment_id=0, segment_start=0.0, segment_end=1.0, age=0.0
    )


@pytest.mark.parametrize("codec", CODECS)
@given(st.lists(MESSAGES, max_size=6))
def test_any_events_are_answered_in_the_dialects_shape(
    codec: type[DialectCodec], messages: list[dict[str, object]]
) -> None:
    one = codec.open(HANDSHAKE, GatewaySettings())
    texts = [*one.render(events.Opened(OFFER))]
    for message in messages:
        texts += sent(one, json.dumps(message))
    texts += one.result(final("so it is"))
    texts += one.render(events.Finalised(1.0))
    texts += one.render(events.Stopped("s", 1.0, 1))
    for text in texts:
        event = json.loads(text)
        assert event["type"]
        assert event["event_id"]
        if event["type"] == "error":
            assert event["error"]["message"]


@pytest.mark.parametrize("codec", CODECS)
@given(st.text(max_size=40) | st.binary(max_size=40))
def test_what_is_no_event_is_an_error_and_not_the_end(
    codec: type[DialectCodec], message: str | bytes
) -> None:
    one = codec.open(HANDSHAKE, GatewaySettings())
    with pytest.raises(ContractError) as raised:
        one.parse(message)
    assert raised.value.code in {ErrorCode.INVALID_JSON, ErrorCode.INVALID_MESSAGE}
    assert one.close_code(raised.value) is None


@given(
    SESSIONS
    | VALUES
    | st.fixed_dictionaries({"input_audio_params": st.dictionaries(st.sampled_from(KEYS), VALUES)})
)
def test_a_session_that_is_accepted_can_be_begun(session: object) -> None:
    for codec in (OpenAIRealtimeCodec, NimCodec):
        one = codec.open(HANDSHAKE, GatewaySettings())
        message = {"type": "transcription_session.update", "session": session}
        list(sent(one, json.dumps(message)))
        start, _ = one.parse('{"type": "input_audio_buffer.append", "audio": "AAAA"}')
        assert isinstance(start, Start)
        assert isinstance(start.request, SessionRequest)
        assert 8000 <= start.request.sample_rate <= 48_000
        assert all(isinstance(word, str) for word in start.request.hotwords)


HOSTILE = (
    "",
    "[]",
    '{"type": 1e400}',
    '{"type": "session.update", "session": {"include": 1e400}}',
    "[" * 5000,
    '{"type": "input_audio_buffer.append", "audio": "%%%"}',
    '{"type": "input_audio_buffer.append", "event_id": 1e400, "audio": 1}',
    '{"type": "session.update", "session": {"type": "\\ud800"}}',
)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_neighbour_of_somebody_hostile_hears_every_word(gateway: Running) -> None:
    async with connected(gateway, MANUAL) as good, connected(gateway) as bad:
        await append(good)
        for text in (*HOSTILE, b"\x00\xff"):
            await bad.send(text)
            assert (await said(bad))["type"] == "error", text
        await bad.send(json.dumps({"type": "session.update", "session": {"x": "y" * 70_000}}))
        with pytest.raises(ConnectionClosed):
            await said_until(bad, "session.updated")
        assert bad.close_code == 1009
        await send(good, "input_audio_buffer.commit")
        heard = await said_until(good, "conversation.item.done")
    assert heard[-2]["transcript"] == "hello world"


def breaking() -> Script:
    """Return a recogniser that fails for good as soon as it hears anything."""
    fault = Fail.model_validate(
        {"do": "fail", "after": After(audio_seconds=0.1), "status": "INTERNAL", "message": "no"}
    )
    return Script(streams=(StreamScript(results=(), fault=fault),))


@pytest.mark.asyncio(loop_scope="module")
async def test_what_was_committed_fails_where_no_recogniser_comes_back(
    gateway: Running, emulator: Emulator
) -> None:
    emulator.set_script(breaking())
    async with connected(gateway, MANUAL) as socket:
        await append(socket)
        await send(socket, "input_audio_buffer.commit")
        heard = await _rest(socket)
    committed = next(event for event in heard if event["type"] == "input_audio_buffer.committed")
    failed = heard[-1]
    assert failed["type"] == "conversation.item.input_audio_transcription.failed"
    assert failed["item_id"] == committed["item_id"]
    assert failed["error"]["code"] == "asr_failed"
    # LiveKit would give up at an error; a close it comes back after.
    assert socket.close_code == 1011


@pytest.mark.asyncio(loop_scope="module")
async def test_the_nims_client_is_told_and_not_left_waiting(
    gateway: Running, emulator: Emulator
) -> None:
    emulator.set_script(breaking())
    async with connect(gateway.url + "/nim" + PATH, additional_headers=HEADERS) as socket:
        assert (await said(socket))["type"] == "conversation.created"
        await append(socket)
        heard = await _rest(socket)
    assert [event["type"].rpartition(".")[2] for event in heard] == ["error", "completed"]
    assert heard[0]["error"]["code"] == "asr_failed"
    assert heard[1]["is_last_result"] is True
    assert socket.close_code == 1011


async def _rest(socket: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - a client's connection
    async with asyncio.timeout(20):
        return [json.loads(text) async for text in _texts(socket)]


async def _texts(socket: Any) -> Any:  # noqa: ANN401 - likewise
    while True:
        try:
            yield await socket.recv()
        except ConnectionClosed:
            return
