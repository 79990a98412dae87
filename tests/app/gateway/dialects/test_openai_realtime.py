"""OpenAI's realtime transcription on the wire: what its events say, in which order.

The recogniser follows a script: how real speech fares is tests/clients.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from app.emulator import Emulator, Script, ScriptedResult, ScriptedWord, StreamScript
from tests.support.gateways.running import (
    Running,
    eventually,
    running_gateway,
    said,
    said_until,
    send,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/v1/realtime?intent=transcription"
HEADERS = {"Authorization": "Bearer any"}
TOKEN = "a-token-of-this-test-alone"  # pragma: allowlist secret
SECOND = base64.b64encode(bytes(48_000)).decode()
TRANSCRIPTION = "conversation.item.input_audio_transcription"
MANUAL = {"audio": {"input": {"turn_detection": None}}}

GROWING = StreamScript(
    results=(
        ScriptedResult(at=0.2, text="good mor"),
        ScriptedResult(at=0.4, text="good morning every"),
        ScriptedResult(at=0.6, text="good morning everyone here"),
        ScriptedResult(
            at=0.8,
            text="Good morning, everyone here.",
            is_final=True,
            words=(
                ScriptedWord(word="Good", start=0.1, end=0.2),
                ScriptedWord(word="here.", start=0.6, end=0.7),
            ),
        ),
        ScriptedResult(at=1.0, text="thank you"),
        ScriptedResult(at=3600, text="Thank you.", is_final=True),
    )
)


@asynccontextmanager
async def connected(
    gateway: Running, session: dict[str, Any] | None = None, query: str = ""
) -> AsyncIterator[ClientConnection]:
    """Yield a connection that was greeted, and updated if there is anything to say."""
    async with connect(gateway.url + PATH + query, additional_headers=HEADERS) as socket:
        assert (await said(socket))["type"] == "session.created"
        if session is not None:
            await send(socket, "session.update", session={"type": "transcription", **session})
            assert (await said(socket))["type"] == "session.updated"
        yield socket


async def append(socket: ClientConnection, audio: str = SECOND) -> None:
    await send(socket, "input_audio_buffer.append", audio=audio)


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix(f"{TRANSCRIPTION}.") for event in events]


def deltas(events: list[dict[str, Any]]) -> str:
    return "".join(event.get("delta", "") for event in events)


async def test_the_hello_has_the_whole_session_as_the_sdk_types_it(gateway: Running) -> None:
    async with connect(gateway.url + PATH, additional_headers=HEADERS) as socket:
        hello = await said(socket)
    assert hello["type"] == "session.created"
    assert hello["event_id"]
    session = hello["session"]
    assert session.pop("id").startswith("sess_")
    assert session == {
        "type": "transcription",
        "object": "realtime.transcription_session",
        "include": None,
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24_000},
                "noise_reduction": None,
                "transcription": None,
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": 500,
                },
            }
        },
    }


async def test_an_utterance_is_told_word_by_word_and_ends_by_itself(
    gateway: Running, emulator: Emulator
) -> None:
    emulator.set_script(Script(streams=(GROWING,)))
    async with connected(gateway) as socket:
        await append(socket)
        events = await said_until(socket, "conversation.item.done")
    assert kinds(events) == [
        "input_audio_buffer.speech_started",
        "delta",
        "delta",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "delta",
        "completed",
        "conversation.item.done",
    ]
    assert [event["delta"] for event in events if "delta" in event] == [
        "good",
        " morning",
        " everyone here.",
    ]
    started, stopped = events[0], events[3]
    assert (started["audio_start_ms"], stopped["audio_end_ms"]) == (0, 700)
    completed = events[-2]
    assert completed["transcript"] == "Good morning, everyone here."
    assert completed["usage"] == {"type": "duration", "seconds": 0.7}
    assert completed["content_index"] == 0
    ids = {event["item_id"] for event in events if "item_id" in event}
    assert ids == {events[5]["item"]["id"]}
    assert len({event["event_id"] for event in events}) == len(events)


async def test_a_commit_is_one_item_however_the_recogniser_cut_it(
    gateway: Running, emulator: Emulator
) -> None:
    emulator.set_script(Script(streams=(GROWING,)))
    async with connected(gateway, MANUAL) as socket:
        await append(socket)
        await append(socket)
        await send(socket, "input_audio_buffer.commit")
        events = await said_until(socket, "conversation.item.done")
    assert "input_audio_buffer.speech_started" not in kinds(events)
    committed = next(event for event in events if event["type"] == "input_audio_buffer.committed")
    assert committed["previous_item_id"] is None
    completed = events[-2]
    assert completed["item_id"] == committed["item_id"]
    assert completed["transcript"] == "Good morning, everyone here. Thank you."
    assert completed["usage"]["seconds"] == 2
    assert deltas(events) == "good morning everyone here. Thank you."
    assert {event["item_id"] for event in events if "delta" in event} == {committed["item_id"]}


async def test_each_commit_is_answered_once_in_its_order_with_or_without_words(
    gateway: Running, emulator: Emulator
) -> None:
    silent = StreamScript(results=())
    emulator.set_script(Script(streams=(GROWING, silent, silent)))
    async with connected(gateway, MANUAL) as socket:
        committed, completed = [], []
        for _ in range(3):
            await append(socket)
            await send(socket, "input_audio_buffer.commit")
            events = await said_until(socket, "conversation.item.done")
            committed += [event for event in events if event["type"].endswith(".committed")]
            completed += [event for event in events if event["type"].endswith(".completed")]
    assert [one["item_id"] for one in completed] == [one["item_id"] for one in committed]
    assert [one["previous_item_id"] for one in committed] == [
        None,
        *(one["item_id"] for one in committed[:-1]),
    ]
    assert completed[0]["transcript"].startswith("Good morning")
    assert [one["transcript"] for one in completed[1:]] == ["", ""]


async def test_what_was_cleared_is_not_told(gateway: Running, emulator: Emulator) -> None:
    emulator.set_script(Script(streams=(GROWING, GROWING)))
    async with connected(gateway, MANUAL) as socket:
        await append(socket)
        await send(socket, "input_audio_buffer.clear")
        await append(socket)
        await send(socket, "input_audio_buffer.commit")
        events = await said_until(socket, "conversation.item.done")
    assert kinds(events).count("input_audio_buffer.cleared") == 1
    assert kinds(events).count("completed") == 1
    assert events[-2]["transcript"] == "Good morning, everyone here. Thank you."


async def test_an_empty_commit_is_an_error_and_nothing_ends(gateway: Running) -> None:
    async with connected(gateway) as socket:
        await send(socket, "input_audio_buffer.commit", event_id="mine")
        error = await said(socket)
        await send(socket, "input_audio_buffer.clear")
        assert (await said(socket))["type"] == "input_audio_buffer.cleared"
    assert error["type"] == "error"
    assert error["error"]["code"] == "input_audio_buffer_commit_empty"
    assert error["error"]["event_id"] == "mine"
    assert error["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("session", "param"),
    [
        ({"type": "realtime"}, "session.type"),
        (
            {"audio": {"input": {"format": {"type": "audio/opus"}}}},
            "session.audio.input.format.type",
        ),
        (
            {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 1}}}},
            "session.audio.input.format.rate",
        ),
        (
            {"audio": {"input": {"turn_detection": {"type": "psychic"}}}},
            "session.audio.input.turn_detection.type",
        ),
        (
            {"audio": {"input": {"transcription": {"keywords": "one"}}}},
            "session.audio.input.transcription.keywords",
        ),
        ({"audio": []}, "session.audio"),
    ],
)
async def test_an_update_that_cannot_be_is_refused_by_the_name_of_its_field(
    gateway: Running, session: dict[str, object], param: str
) -> None:
    async with connected(gateway) as socket:
        await send(socket, "session.update", session=session)
        error = await said(socket)
        await send(socket, "session.update", session={"type": "transcription"})
        assert (await said(socket))["type"] == "session.updated"
    assert error["type"] == "error"
    assert error["error"]["param"] == param
    assert "accepted: " in error["error"]["message"]


async def test_an_update_changes_only_what_it_names(gateway: Running) -> None:
    async with connected(gateway) as socket:
        asked = {"model": "gpt-4o-transcribe", "language": "en", "keywords": ["Perch"]}
        first = {"audio": {"input": {"transcription": asked}}}
        second = {"audio": {"input": {"format": {"type": "audio/pcmu"}, "turn_detection": None}}}
        for session in (first, second):
            await send(socket, "session.update", session={"type": "transcription", **session})
            updated = await said(socket)
    given = updated["session"]["audio"]["input"]
    assert given["transcription"] == asked
    assert given["format"] == {"type": "audio/pcmu"}
    assert given["turn_detection"] is None


async def test_a_model_of_openais_is_the_default_one_and_a_foreign_one_is_refused(
    gateway: Running,
) -> None:
    named = {"audio": {"input": {"transcription": {"model": "universal-2"}}}}
    async with connected(gateway, named) as socket:
        for _ in range(3):
            await append(socket)
        error = await said(socket)
        renamed = {"audio": {"input": {"transcription": {"model": "gpt-4o-transcribe"}}}}
        await send(socket, "session.update", session={"type": "transcription", **renamed})
        # The audio that came for the model that is none had one error, not one each.
        assert (await said(socket))["type"] == "session.updated"
        await append(socket)
        events = await said_until(socket, "conversation.item.done")
    assert error["error"]["code"] == "model_not_found"
    assert events[-2]["transcript"] == "hello"


async def test_telephone_audio_has_a_byte_for_each_sample(gateway: Running) -> None:
    telephone = {"audio": {"input": {"format": {"type": "audio/pcma"}}}}
    async with connected(gateway, telephone) as socket:
        await append(socket, base64.b64encode(b"\xd5" * 8000).decode())
        events = await said_until(socket, "conversation.item.done")
    assert events[-2]["transcript"] == "hello"
    assert events[-2]["usage"]["seconds"] == 0.45


async def test_the_dialect_before_2025_08_has_its_own_names(gateway: Running) -> None:
    headers = {**HEADERS, "OpenAI-Beta": "realtime=v1"}
    async with connect(gateway.url + PATH, additional_headers=headers) as socket:
        hello = await said(socket)
        session = {"input_audio_format": "g711_ulaw", "turn_detection": None}
        await send(socket, "transcription_session.update", session=session)
        updated = await said(socket)
        await append(socket, base64.b64encode(b"\xff" * 8000).decode())
        await send(socket, "input_audio_buffer.commit")
        events = await said_until(socket, f"{TRANSCRIPTION}.completed")
    assert hello["type"] == "transcription_session.created"
    assert updated["type"] == "transcription_session.updated"
    assert updated["session"]["input_audio_format"] == "g711_ulaw"
    assert "conversation.item.created" in kinds(events)
    assert events[-1]["transcript"] == "hello world"


async def test_a_browser_shows_its_key_in_a_subprotocol_that_is_not_echoed(
    emulator: Emulator,
) -> None:
    offered = [Subprotocol("realtime"), Subprotocol(f"openai-insecure-api-key.{TOKEN}")]
    async with running_gateway(emulator, app_auth_tokens=TOKEN) as gateway:
        async with connect(gateway.url + PATH, subprotocols=offered) as socket:
            assert socket.subprotocol == "realtime"
            assert (await said(socket))["type"] == "session.created"
        with pytest.raises(InvalidStatus, match="401"):
            async with connect(gateway.url + PATH, additional_headers=HEADERS):
                pass


async def test_a_start_without_room_closes_for_the_client_to_come_back(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, ws_max_concurrent_sessions=1, ws_waiting_room=0) as gateway,
        connected(gateway) as first,
        connected(gateway) as second,
    ):
        await append(first)
        await said_until(first, "conversation.item.done")
        await append(second)
        with pytest.raises(ConnectionClosed):
            await said(second)
        assert second.close_code == 1013


async def test_who_waits_for_a_place_is_heard_from_the_first_word(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, ws_max_concurrent_sessions=1, ws_waiting_room=1) as gateway,
        connected(gateway) as first,
        connected(gateway, MANUAL, "&wait=30") as second,
    ):
        await append(first)
        await said_until(first, "conversation.item.done")
        await append(second)
        await send(second, "input_audio_buffer.commit")
        await eventually(lambda: gateway.gateway.admission.waiting == 1)
        await first.close()
        events = await said_until(second, "conversation.item.done")
    assert events[-2]["transcript"] == "hello world"
    assert events[-2]["usage"]["seconds"] == 1


async def test_a_drain_completes_what_was_said_and_is_no_error_event(emulator: Emulator) -> None:
    emulator.set_script(Script(streams=(GROWING,)))
    async with (
        running_gateway(emulator, app_drain_grace_s=0.2, app_drain_timeout_s=20) as gateway,
        connected(gateway, MANUAL) as socket,
    ):
        await append(socket)
        await said_until(socket, f"{TRANSCRIPTION}.delta")
        gateway.gateway.begin_drain()
        events = [json.loads(text) async for text in _rest(socket)]
    assert kinds(events)[-2:] == ["completed", "conversation.item.done"]
    assert events[-2]["transcript"] == "Good morning, everyone here. Thank you."
    assert "error" not in kinds(events)
    assert socket.close_code == 1001


async def _rest(socket: ClientConnection) -> AsyncIterator[str | bytes]:
    async with asyncio.timeout(20):
        while True:
            try:
                yield await socket.recv()
            except ConnectionClosed:
                return


async def test_an_environment_that_does_not_offer_the_dialect_has_nothing_there(
    emulator: Emulator,
) -> None:
    async with running_gateway(emulator, app_dialects="none") as gateway:
        for path in (PATH, "/openai/v1/realtime"):
            with pytest.raises(InvalidStatus, match="404"):
                async with connect(gateway.url + path):
                    pass
