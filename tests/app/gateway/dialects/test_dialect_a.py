"""A client written from the description of the predecessor's main bridge, over raw `websockets`.

Does not prove that speech is recognised well: the recogniser follows a script.
"""

from datetime import UTC, datetime, timedelta

import pytest
from websockets.asyncio.client import connect

from app.emulator import Emulator
from tests.support.gateways.running import (
    SILENCE_100MS,
    Running,
    client,
    running_gateway,
    said,
    said_until,
    send,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_hello_announces_what_a_session_starts_with(gateway: Running) -> None:
    async with connect(gateway.url) as socket:
        hello = await said(socket)
    assert hello["type"] == "connection"
    assert hello["server_config"] == {
        "sample_rate": 16000,
        "channels": 1,
        "frame_ms": 100,
        "riva_target": "riva",
    }
    assert len(hello["connection_id"]) == 36
    assert datetime.fromisoformat(hello["timestamp"]).utcoffset() == timedelta(0)
    assert hello["limits"]["max_message_bytes"] == 10 * 1024 * 1024


@pytest.mark.parametrize("path", ["/", "/asr", "/ws", "/any/path?client=1"])
async def test_every_path_but_one_speaks_dialect_a(gateway: Running, path: str) -> None:
    async with connect(gateway.url + path) as socket:
        assert "connection_id" in await said(socket)


async def test_a_stream_gives_interims_finals_with_word_times_and_flushes_on_stop(
    gateway: Running,
) -> None:
    async with client(gateway) as socket:
        await send(socket, "start_transcription", enable_partials=True, config={"ignored": 1})
        started = await said(socket)
        for _ in range(10):
            await socket.send(SILENCE_100MS)
        await send(socket, "stop_transcription")
        heard = await said_until(socket, "session_stopped")
    assert started["type"] == "session_started"
    assert started["enable_partials"] is True
    assert [message["type"] for message in heard] == [
        "partial",
        "transcription",
        "partial",
        "transcription",
        "session_stopped",
    ]
    assert [message["segment_id"] for message in heard[:-1]] == [0, 0, 1, 1]
    interim, first, _, last, stopped = heard
    assert (interim["text"], interim["is_final"], interim["stability"]) == ("hel", False, 0.5)
    assert (first["text"], first["is_final"], first["confidence"]) == ("hello", True, 0.75)
    assert first["words"] == [
        {"word": "hello", "start": 0.1, "end": 0.45, "confidence": 0.5, "speaker": None}
    ]
    assert last["text"] == "world"
    # The recogniser said no confidence: zero would be a lie.
    assert last["confidence"] is None
    assert last["words"][0]["confidence"] is None
    assert all(message["processing_time_ms"] >= 0 for message in heard[:-1])
    assert stopped["connection_id"] == started["connection_id"]
    assert stopped["audio_seconds"] == 1.0


async def test_without_partials_only_finals_come(gateway: Running) -> None:
    async with client(gateway) as socket:
        await send(socket, "start_transcription", enable_partials=False)
        await socket.send(SILENCE_100MS * 10)
        await send(socket, "stop_transcription")
        heard = await said_until(socket, "session_stopped")
    assert [message["type"] for message in heard] == [
        "session_started",
        "transcription",
        "transcription",
        "session_stopped",
    ]


async def test_a_second_session_on_one_connection_counts_segments_from_zero(
    gateway: Running,
) -> None:
    async with client(gateway) as socket:
        for _ in range(2):
            await send(socket, "start_transcription")
            await socket.send(SILENCE_100MS * 10)
            await send(socket, "stop_transcription")
            heard = await said_until(socket, "session_stopped")
            finals = [m for m in heard if m["type"] == "transcription"]
            assert [(m["segment_id"], m["text"]) for m in finals] == [(0, "hello"), (1, "world")]


async def test_start_and_stop_in_one_breath_give_an_empty_session(gateway: Running) -> None:
    async with client(gateway) as socket:
        await send(socket, "start_transcription")
        await send(socket, "stop_transcription")
        heard = await said_until(socket, "session_stopped")
    assert heard[-1]["audio_seconds"] == 0.0


async def test_what_start_asks_for_reaches_the_recogniser(
    gateway: Running, emulator: Emulator
) -> None:
    async with client(gateway) as socket:
        await send(
            socket,
            "start_transcription",
            hotwords=["Perch", "Riva"],
            hotword_boost=15,
            sample_rate=8000,
            language="en-US",
            endpointing={"stop_history_ms": 500},
        )
        started = await said(socket)
        await socket.send(bytes(1600))
        await send(socket, "stop_transcription")
        await said_until(socket, "session_stopped")
    stream = emulator.streams[-1]
    assert (stream.sample_rate, stream.language) == (8000, "en-US")
    assert stream.hotwords == ("Perch", "Riva")
    assert stream.request_id == started["session_id"]


async def test_ping_is_answered_with_the_time_and_what_it_carried(gateway: Running) -> None:
    async with client(gateway) as socket:
        before = datetime.now(UTC)
        await send(socket, "ping", timestamp=12.5)
        pong = await said(socket)
    assert pong["type"] == "pong"
    assert pong["client_timestamp"] == 12.5
    assert datetime.fromisoformat(pong["timestamp"]) >= before - timedelta(seconds=1)


async def test_metrics_tell_the_truth_about_bridge_recogniser_and_connection(
    gateway: Running,
) -> None:
    async with client(gateway) as socket, client(gateway):
        await send(socket, "start_transcription")
        await said(socket)
        await socket.send(SILENCE_100MS * 3)
        await socket.send(SILENCE_100MS * 3)
        await said_until(socket, "transcription")
        await send(socket, "get_metrics")
        during = (await said_until(socket, "metrics"))[-1]
        await send(socket, "stop_transcription")
        await said_until(socket, "session_stopped")
        await send(socket, "get_metrics")
        after = await said(socket)
    assert during["bridge"]["active_connections"] == 2
    assert during["bridge"]["active_transcription_sessions"] == 1
    assert during["connection"]["session_active"] is True
    assert during["connection"]["total_audio_chunks"] == 2
    assert during["riva"]["current_segment_id"] == 1
    assert after["bridge"]["active_transcription_sessions"] == 0
    assert after["riva"]["total_audio_duration_s"] == pytest.approx(0.6)
    assert after["riva"]["total_segments"] == 2
    assert after["connection"]["total_transcriptions"] == 2
    # The predecessor leaked the recogniser's address here.
    assert after["riva"]["host"] == "riva"


async def test_control_mistakes_get_the_old_sentences_and_the_connection_stays(
    gateway: Running,
) -> None:
    async with client(gateway) as socket:
        await socket.send("no json")
        assert (await said(socket))["error"] == "Invalid JSON message"
        await send(socket, "audio")
        unknown = await said(socket)
        assert (unknown["error"], unknown["code"]) == (
            "Unknown message type: audio",
            "unknown_message_type",
        )
        await send(socket, "stop_transcription")
        assert (await said(socket))["error"] == "No active transcription session"
        await socket.send(SILENCE_100MS)
        stray = await said(socket)
        assert (stray["code"], stray["retryable"], stray["retry_after"]) == (
            "audio_before_start",
            False,
            None,
        )
        await send(socket, "start_transcription")
        assert (await said(socket))["type"] == "session_started"
        await send(socket, "start_transcription")
        assert (await said(socket))["error"] == "Transcription session already active"
        await send(socket, "start_transcription", sample_rate="fast")
        wrong = await said(socket)
        assert wrong["error"] == (
            'Invalid message: sample_rate is "fast"; accepted: a whole number from 8000 to 48000'
        )
        await send(socket, "ping")
        assert (await said(socket))["type"] == "pong"


async def test_stray_audio_is_told_once_until_the_next_start(gateway: Running) -> None:
    async with client(gateway) as socket:
        for _ in range(50):
            await socket.send(SILENCE_100MS)
        await send(socket, "ping")
        heard = await said_until(socket, "pong")
    assert [message["type"] for message in heard] == ["error", "pong"]


async def test_audio_still_under_way_after_the_stop_is_no_mistake(gateway: Running) -> None:
    async with client(gateway) as socket:
        await send(socket, "start_transcription")
        await socket.send(SILENCE_100MS * 10)
        await send(socket, "stop_transcription")
        await socket.send(SILENCE_100MS)
        heard = await said_until(socket, "session_stopped")
        await socket.send(SILENCE_100MS)
        await send(socket, "ping")
        heard += await said_until(socket, "pong")
    assert not [message for message in heard if message["type"] == "error"]


async def test_a_sample_cut_in_two_is_joined_and_half_a_sample_at_the_end_is_reported(
    gateway: Running, emulator: Emulator
) -> None:
    async with client(gateway) as socket:
        await send(socket, "start_transcription")
        await socket.send(b"\x01")
        await socket.send(b"\x02\x03")
        await socket.send(b"\x04\x05")
        await send(socket, "stop_transcription")
        heard = await said_until(socket, "session_stopped")
    warning = next(message for message in heard if message["type"] == "warning")
    assert warning["code"] == "half_sample"
    assert emulator.streams[-1].audio_seconds == pytest.approx(2 / 16000)


async def test_audio_is_resampled_only_where_the_operator_asks_for_it(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, audio_riva_sample_rate=16000) as gateway,
        client(gateway) as socket,
    ):
        await send(socket, "start_transcription", sample_rate=48000, encoding="float32")
        for _ in range(10):
            await socket.send(bytes(48000 * 4 // 10))
        await send(socket, "stop_transcription")
        await said_until(socket, "session_stopped")
    stream = emulator.streams[-1]
    assert stream.sample_rate == 16000
    assert stream.audio_seconds == pytest.approx(1.0, abs=0.001)
