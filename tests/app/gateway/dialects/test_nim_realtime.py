"""The NIM's realtime transcription on the wire, by the flow of nvidia-riva-client's script.

The recogniser follows a script: how real speech fares is tests/clients.
"""

import base64
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
import soundfile
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from app.emulator import Emulator, Script, ScriptedResult, ScriptedWord, StreamScript
from tests.support.gateways.running import Running, running_gateway, said, said_until, send

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/v1/realtime?intent=transcription"
SECOND = base64.b64encode(bytes(32_000)).decode()
TRANSCRIPTION = "conversation.item.input_audio_transcription"
ASKED = {
    "input_audio_format": "none",
    "input_audio_params": {"sample_rate_hz": 16_000, "num_channels": 1},
    "recognition_config": {
        "max_alternatives": 1,
        "enable_automatic_punctuation": True,
        "enable_word_time_offsets": True,
        "enable_profanity_filter": False,
        "enable_verbatim_transcripts": True,
    },
}
WORDS = StreamScript(
    results=(
        ScriptedResult(at=0.2, text="good"),
        ScriptedResult(at=0.4, text="good morning"),
        ScriptedResult(
            at=0.8,
            text="Good morning.",
            is_final=True,
            words=(
                ScriptedWord(word="Good", start=0.1, end=0.2),
                ScriptedWord(word="morning.", start=0.2, end=0.7, confidence=0.5),
            ),
        ),
        ScriptedResult(at=3600, text="Thank you.", is_final=True),
    )
)


@asynccontextmanager
async def connected(
    gateway: Running, path: str = PATH, **session: object
) -> AsyncIterator[ClientConnection]:
    """Yield a connection that was greeted and updated."""
    async with connect(gateway.url + path) as socket:
        assert (await said(socket))["type"] == "conversation.created"
        await send(socket, "transcription_session.update", session={**ASKED, **session})
        assert (await said(socket))["type"] == "transcription_session.updated"
        yield socket


async def append(socket: ClientConnection, audio: str = SECOND, **more: object) -> None:
    await send(socket, "input_audio_buffer.append", audio=audio, **more)
    await send(socket, "input_audio_buffer.commit")


async def until_last(socket: ClientConnection) -> list[dict[str, Any]]:
    """Return what is said up to the last result, without what only acknowledges."""
    events = [await said(socket)]
    while not events[-1].get("is_last_result"):
        events.append(await said(socket))
    return [one for one in events if one["type"] != "input_audio_buffer.committed"]


def completed(events: list[dict[str, Any]]) -> list[tuple[str, bool]]:
    return [(one["transcript"], one["is_last_result"]) for one in events if "transcript" in one]


async def test_the_clients_flow_ends_with_the_last_words_in_the_last_result(
    gateway: Running, emulator: Emulator
) -> None:
    emulator.set_script(Script(streams=(WORDS,)))
    async with connected(gateway) as socket:
        await append(socket)
        events = await said_until(socket, f"{TRANSCRIPTION}.completed")
        await send(socket, "input_audio_buffer.done")
        events += await until_last(socket)
    assert [one["delta"] for one in events if "delta" in one] == ["good", "good morning"]
    assert completed(events) == [("Good morning.", False), ("Thank you.", True)]
    first = next(one for one in events if "transcript" in one)
    assert first["words_info"]["words"] == [
        {"word": "Good", "start_time": 100, "end_time": 200, "confidence": 0.0, "speaker_tag": 0},
        {
            "word": "morning.",
            "start_time": 200,
            "end_time": 700,
            "confidence": 0.5,
            "speaker_tag": 0,
        },
    ]
    assert first["vad_states"] == {"vad_states": []}
    ids = [one["item_id"] for one in events if "delta" in one]
    assert set(ids) == {first["item_id"]}


async def test_commits_after_every_piece_are_acknowledged_and_end_nothing(
    emulator: Emulator,
) -> None:
    emulator.set_script(Script(streams=(WORDS,)))
    # Far more commits than control messages that a client may send.
    async with (
        running_gateway(emulator, ws_control_burst=4, ws_control_rate=0.01) as gateway,
        connected(gateway) as socket,
    ):
        for _ in range(20):
            await append(socket, base64.b64encode(bytes(1600)).decode())
        await send(socket, "input_audio_buffer.done")
        events = [await said(socket)]
        while not events[-1].get("is_last_result"):
            events.append(await said(socket))
    acknowledged = [one for one in events if one["type"] == "input_audio_buffer.committed"]
    assert len(acknowledged) == 20
    assert completed(events) == [("Good morning.", False), ("Thank you.", True)]


async def test_a_done_without_audio_has_an_empty_last_result(gateway: Running) -> None:
    async with connected(gateway) as socket:
        await send(socket, "input_audio_buffer.done")
        assert completed(await until_last(socket)) == [("", True)]


async def test_words_are_left_out_unless_they_are_asked_for(
    gateway: Running, emulator: Emulator
) -> None:
    emulator.set_script(Script(streams=(WORDS,)))
    without = {"enable_word_time_offsets": False}
    async with connected(gateway, recognition_config=without) as socket:
        await append(socket)
        await send(socket, "input_audio_buffer.done")
        events = await until_last(socket)
    assert [one["words_info"] for one in events if "transcript" in one] == 2 * [{"words": []}]


async def test_a_forced_end_of_utterance_makes_final_and_goes_on(
    gateway: Running, emulator: Emulator
) -> None:
    emulator.set_script(Script(streams=(WORDS, WORDS)))
    async with connected(gateway) as socket:
        await append(socket, runtime_config={"force_eou": "true"})
        events = [await said(socket)]
        while completed(events) != [("Good morning.", False), ("Thank you.", False)]:
            events.append(await said(socket))
        await append(socket)
        await send(socket, "input_audio_buffer.done")
        assert completed(await until_last(socket))[-1] == ("Thank you.", True)


async def test_the_bytes_of_a_file_say_their_rate_themselves(gateway: Running) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.zeros((44_100, 2)), 44_100, format="WAV", subtype="PCM_16")
    before = audio_received(gateway)
    async with connected(gateway) as socket:
        await append(socket, base64.b64encode(file.getvalue()).decode())
        await send(socket, "input_audio_buffer.done")
        assert completed(await until_last(socket))[-1] == ("world", True)
    # One second: as PCM at 16 kHz it would be more than five.
    assert audio_received(gateway) - before == pytest.approx(1, abs=0.01)


def audio_received(gateway: Running) -> float:
    sample = gateway.gateway.metrics.registry.get_sample_value("perch_audio_received_seconds_total")
    assert sample is not None
    return sample


async def test_a_part_of_a_session_is_merged_into_what_there_is(gateway: Running) -> None:
    async with connect(gateway.url + PATH) as socket:
        await said(socket)
        part = {"recognition_config": {"enable_automatic_punctuation": True}, "unknown": {"a": 1}}
        await send(socket, "transcription_session.update", session=part)
        session = (await said(socket))["session"]
    assert session["recognition_config"]["enable_automatic_punctuation"] is True
    assert session["recognition_config"]["max_alternatives"] == 1
    assert session["input_audio_params"] == {"sample_rate_hz": 16_000, "num_channels": 1}
    for absent in ("id", "object", "client_secret", "unknown"):
        assert absent not in session


@pytest.mark.parametrize(
    ("session", "param"),
    [
        ({"input_audio_format": "opus"}, "session.input_audio_format"),
        ({"input_audio_params": {"num_channels": 3}}, "session.input_audio_params.num_channels"),
        ({"input_audio_params": 3}, "session.input_audio_params"),
        (
            {"speaker_diarization": {"enable_speaker_diarization": True}},
            "session.speaker_diarization.enable_speaker_diarization",
        ),
        (
            {
                "word_boosting": {
                    "enable_word_boosting": True,
                    "word_boosting_list": [{"phrases": [1]}],
                }
            },
            "session.word_boosting.word_boosting_list",
        ),
        (
            {"endpointing_config": {"stop_threshold": 7}},
            "session.endpointing_config.stop_threshold",
        ),
    ],
)
async def test_what_would_be_silently_wrong_is_refused_by_the_name_of_its_field(
    gateway: Running, session: dict[str, object], param: str
) -> None:
    async with connect(gateway.url + "/nim" + PATH) as socket:
        await said(socket)
        await send(socket, "transcription_session.update", session=session)
        error = await said(socket)
    assert error["type"] == "error"
    assert error["error"]["param"] == param


async def test_a_model_that_there_is_not_ends_the_wait_for_a_last_result(gateway: Running) -> None:
    async with connected(gateway, input_audio_transcription={"model": "conformer"}) as socket:
        await append(socket)
        events = await until_last(socket)
    assert events[0]["error"]["code"] == "model_not_found"
    assert completed(events) == [("", True)]


@pytest.mark.parametrize(
    ("query", "headers", "subprotocols", "hello"),
    [
        ("", {}, (), "conversation.created"),
        ("", {"Authorization": "Bearer x"}, (), "session.created"),
        ("", {"OpenAI-Beta": "realtime=v1"}, (), "transcription_session.created"),
        ("&model=x", {}, (), "session.created"),
        ("", {}, ("realtime", "openai-insecure-api-key.x"), "session.created"),
        ("", {}, ("realtime", "realtime-token.x"), "conversation.created"),
        ("", {"Authorization": "Bearer x"}, ("realtime-token.x",), "conversation.created"),
    ],
)
async def test_the_handshake_says_whose_client_it_is(
    gateway: Running,
    query: str,
    headers: dict[str, str],
    subprotocols: tuple[str, ...],
    hello: str,
) -> None:
    async with connect(
        gateway.url + PATH + query,
        additional_headers=headers,
        subprotocols=[Subprotocol(name) for name in subprotocols] or None,
    ) as socket:
        assert (await said(socket))["type"] == hello
        assert socket.subprotocol in {None, "realtime"}


async def test_the_first_event_corrects_a_wrong_guess_and_there_is_no_second_hello(
    gateway: Running,
) -> None:
    async with connect(
        gateway.url + PATH, additional_headers={"Authorization": "Bearer x"}
    ) as socket:
        assert (await said(socket))["type"] == "session.created"
        await send(socket, "transcription_session.update", session=ASKED)
        assert (await said(socket))["session"]["recognition_config"]["max_alternatives"] == 1
        await append(socket)
        await send(socket, "input_audio_buffer.done")
        assert completed(await until_last(socket))[-1] == ("world", True)
    async with connect(gateway.url + PATH) as socket:
        assert (await said(socket))["type"] == "conversation.created"
        await send(socket, "session.update", session={"type": "transcription"})
        assert (await said(socket))["type"] == "session.updated"


async def test_where_only_one_of_the_two_is_offered_it_is_spoken_to_all(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, app_dialects="openai") as gateway,
        connect(gateway.url + PATH) as socket,
    ):
        assert (await said(socket))["type"] == "session.created"
        part = {"input_audio_params": {"sample_rate_hz": 8000}}
        await send(socket, "transcription_session.update", session=part)
        assert "turn_detection" in (await said(socket))["session"]
