"""A client written from the description of the predecessor's FastAPI server, over raw `websockets`.

Does not prove that speech is recognised well: the recogniser follows a script.
"""

import struct
from datetime import datetime, timedelta

import pytest
from websockets.asyncio.client import connect

from app.asr import Endpointing
from app.emulator import Emulator
from app.gateway.dialects.b import CodecB
from app.gateway.dialects.intents import Start
from app.gateway.settings.gateway import GatewaySettings
from tests.support.gateways.running import (
    PATH_B,
    SILENCE_100MS,
    Running,
    client,
    said,
    said_until,
    send,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_hello_tells_what_is_really_implemented(gateway: Running) -> None:
    async with connect(gateway.url + PATH_B + "?client_id=kiosk-7") as socket:
        hello = await said(socket)
    assert (hello["type"], hello["status"], hello["client_id"]) == (
        "connection",
        "connected",
        "kiosk-7",
    )
    assert hello["protocol_version"] == "1.0"
    assert hello["transcription_method"] == "riva_grpc"
    formats = hello["supported_audio_formats"]
    assert {16000, 44100, 48000} <= set(formats["sample_rates"])
    assert formats["encodings"] == ["pcm16", "float32"]
    assert formats["channels"] == [1, 2]


async def test_a_recording_gives_results_and_its_whole_transcript_when_it_stops(
    gateway: Running,
) -> None:
    async with client(gateway, PATH_B) as socket:
        await send(
            socket,
            "start_recording",
            config={"sample_rate": 16000, "encoding": "pcm16", "language": "en-US"},
        )
        started = await said(socket)
        for _ in range(10):
            await socket.send(SILENCE_100MS)
        await send(socket, "stop_recording")
        heard = await said_until(socket, "recording_stopped")
    assert started["type"] == "recording_started"
    assert started["config"]["sample_rate"] == 16000
    assert started["transcription_method"] == "riva_grpc"
    assert datetime.fromisoformat(started["timestamp"]).utcoffset() == timedelta(0)
    assert [message["type"] for message in heard] == [
        "partial",
        "transcription",
        "partial",
        "transcription",
        "recording_stopped",
    ]
    interim, first, _, last, stopped = heard
    assert (interim["text"], interim["is_final"], interim["words"]) == ("hel", False, [])
    assert (first["segment_id"], first["text"], first["method"]) == (0, "hello", "riva_grpc")
    # Word times count from the segment, whose place in the recording stands beside them.
    assert (first["start"], first["end"], first["duration"]) == (0.1, 0.45, 0.35)
    assert first["words"][0]["start"] == 0.0
    assert first["words"][0]["end"] == 0.35
    assert (last["segment_id"], last["start"], last["end"]) == (1, 0.6, 0.9)
    assert stopped["final_transcript"] == "hello world"
    assert (stopped["total_duration"], stopped["total_segments"]) == (1.0, 2)
    assert stopped["transcription_method"] == "riva_grpc"


async def test_every_advertised_format_is_read_as_what_it_is(
    gateway: Running, emulator: Emulator
) -> None:
    async with client(gateway, PATH_B) as socket:
        hello_formats = [
            (rate, encoding, channels)
            for rate in (8000, 44100, 48000)
            for encoding in ("pcm16", "float32")
            for channels in (1, 2)
        ]
        for rate, encoding, channels in hello_formats:
            await send(
                socket,
                "start_recording",
                config={"sample_rate": rate, "encoding": encoding, "channels": channels},
            )
            await said_until(socket, "recording_started")
            width = {"pcm16": 2, "float32": 4}[encoding]
            await socket.send(bytes(rate * width * channels))
            await send(socket, "stop_recording")
            stopped = (await said_until(socket, "recording_stopped"))[-1]
            assert stopped["total_duration"] == 1.0
            stream = emulator.streams[-1]
            assert stream.sample_rate == rate
            assert stream.audio_seconds == pytest.approx(1.0)


async def test_binary_that_begins_with_a_brace_is_audio(
    gateway: Running, emulator: Emulator
) -> None:
    async with client(gateway, PATH_B) as socket:
        await send(socket, "start_recording")
        await said(socket)
        # Valid UTF-8, and no JSON: the predecessor took it for a broken message.
        await socket.send(b'{"type": "ping",')
        await send(socket, "stop_recording")
        heard = await said_until(socket, "recording_stopped")
    assert "pong" not in [message["type"] for message in heard]
    assert emulator.streams[-1].audio_seconds == pytest.approx(8 / 16000)


async def test_configure_sets_what_the_next_recording_starts_with(
    gateway: Running, emulator: Emulator
) -> None:
    async with client(gateway, PATH_B) as socket:
        await send(socket, "configure", sample_rate=8000, vad_threshold=0.02, silence_duration=0.5)
        configured = await said(socket)
        await send(socket, "start_recording")
        started = await said(socket)
        await send(socket, "stop_recording")
        await said_until(socket, "recording_stopped")
    assert configured["type"] == "configured"
    assert configured["config"]["sample_rate"] == 8000
    assert configured["config"]["silence_duration"] == 0.5
    # There is no energy threshold in the recogniser; saying so beats pretending.
    assert configured["ignored"] == ["vad_threshold"]
    assert started["config"]["sample_rate"] == 8000
    assert emulator.streams[-1].sample_rate == 8000


async def test_what_the_old_page_sends_on_open_and_on_stop_does_no_harm(gateway: Running) -> None:
    async with client(gateway, PATH_B) as socket:
        await send(socket, "config", sample_rate=48000)
        await send(socket, "end")
        await send(socket, "ping")
        assert (await said(socket))["type"] == "pong"
        await send(socket, "start_recording")
        await socket.send(SILENCE_100MS * 10)
        await send(socket, "end")
        stopped = (await said_until(socket, "recording_stopped"))[-1]
    assert stopped["final_transcript"] == "hello world"


async def test_an_unknown_type_is_a_warning_that_old_pages_overlook(gateway: Running) -> None:
    async with client(gateway, PATH_B) as socket:
        await send(socket, "set_mood")
        warning = await said(socket)
    assert (warning["type"], warning["code"]) == ("warning", "unknown_message_type")


async def test_mistakes_are_errors_with_code_and_method_and_the_connection_stays(
    gateway: Running,
) -> None:
    async with client(gateway, PATH_B) as socket:
        await socket.send("[1]")
        error = await said(socket)
        assert (error["error"], error["code"]) == ("Invalid JSON message", "invalid_json")
        assert error["transcription_method"] == "riva_grpc"
        await send(socket, "stop_recording")
        assert (await said(socket))["code"] == "no_active_session"
        await socket.send(SILENCE_100MS)
        assert (await said(socket))["code"] == "audio_before_start"
        await send(socket, "start_recording", config={"encoding": "mp3"})
        assert (await said(socket))["error"] == (
            'Invalid message: config.encoding is "mp3"; accepted: "pcm16" or "float32"'
        )
        await send(socket, "start_recording")
        await said_until(socket, "recording_started")
        await send(socket, "start_recording")
        assert (await said(socket))["code"] == "session_active"


async def test_float_samples_beyond_full_scale_or_not_numbers_do_no_harm(gateway: Running) -> None:
    async with client(gateway, PATH_B) as socket:
        await send(socket, "start_recording", config={"encoding": "float32"})
        await said(socket)
        odd = [float("nan"), float("inf"), float("-inf"), 7.5, -7.5]
        await socket.send(struct.pack("<5f", *odd) * 3200)
        await send(socket, "stop_recording")
        stopped = (await said_until(socket, "recording_stopped"))[-1]
    assert stopped["total_duration"] == 1.0


async def test_a_silence_shorter_than_a_millisecond_is_one() -> None:
    codec = CodecB("a", GatewaySettings.model_validate({}))
    codec.parse('{"type":"configure","silence_duration":0.0001}')
    (start,) = codec.parse('{"type":"start_recording"}')
    assert isinstance(start, Start)
    assert start.request.endpointing == Endpointing(stop_history_ms=1)
