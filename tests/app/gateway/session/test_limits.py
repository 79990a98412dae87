"""Every limit: what the client hears, how the connection closes, and that nothing grows."""

import asyncio
import json
from contextlib import suppress

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.emulator import After, Emulator, Script, ScriptedResult, Stall, StreamScript
from tests.app.gateway.conftest import Log
from tests.support.gateways.running import (
    SILENCE_100MS,
    Running,
    client,
    eventually,
    last_words,
    running_gateway,
    said,
    said_until,
    send,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_connection_too_many_is_refused_before_the_upgrade(
    emulator: Emulator, log: Log
) -> None:
    async with running_gateway(emulator, ws_max_connections=1) as gateway, client(gateway):
        with pytest.raises(InvalidStatus) as refused:
            await connect(gateway.url)
    response = refused.value.response
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) >= 1
    assert json.loads(response.body)["code"] == "too_many_connections"
    # Nothing went wrong: a crowd that is turned away is no crowd of errors.
    assert {line["level"] for line in log.lines} <= {"debug", "info", "warning"}


async def test_a_session_too_many_is_refused_before_the_upgrade_or_at_the_start(
    emulator: Emulator,
) -> None:
    async with (
        running_gateway(emulator, ws_max_concurrent_sessions=1) as gateway,
        client(gateway) as early,
    ):
        async with client(gateway) as running:
            await send(running, "start_transcription")
            await said(running)
            with pytest.raises(InvalidStatus) as refused:
                await connect(gateway.url)
            assert refused.value.response.status_code == 503
            assert json.loads(refused.value.response.body)["code"] == "too_many_sessions"
            await send(early, "start_transcription")
            error = await said(early)
            assert (error["code"], error["retryable"]) == ("too_many_sessions", True)
            await send(running, "stop_transcription")
            await said_until(running, "session_stopped")
        await send(early, "start_transcription")
        assert (await said(early))["type"] == "session_started"


@pytest.mark.parametrize("payload", [bytes(1_100_000), "x" * 1_100_000])
async def test_a_message_over_the_limit_gets_its_error_before_1009(
    emulator: Emulator, payload: str | bytes
) -> None:
    async with (
        running_gateway(emulator, ws_max_message_size_mb=1) as gateway,
        client(gateway) as socket,
    ):
        await socket.send(payload)
        error, code = await last_words(socket)
    assert (error["code"], code) == ("message_too_big", 1009)
    assert error["error"] == "Message is larger than the limit of 1048576 bytes"


async def test_many_fragments_of_one_message_count_together(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, ws_max_message_size_mb=1) as gateway,
        client(gateway) as socket,
    ):
        # Whether the client still gets rid of all fragments is a race it does not matter who wins.
        with suppress(ConnectionClosed):
            await socket.send(bytes(100_000) for _ in range(50))
        error, code = await last_words(socket)
    assert (error["code"], code) == ("message_too_big", 1009)


async def test_a_control_message_over_64_kib_gets_its_error_before_1009(gateway: Running) -> None:
    async with client(gateway) as socket:
        await send(socket, "ping", timestamp="é" * 40_000)
        error, code = await last_words(socket)
    assert (error["code"], code) == ("message_too_big", 1009)


async def test_a_flood_of_control_messages_is_ended_with_1008(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, ws_control_rate=1, ws_control_burst=5) as gateway,
        client(gateway) as socket,
    ):
        for _ in range(6):
            await send(socket, "ping")
        error, code = await last_words(socket)
    assert (error["code"], error["retryable"], code) == ("rate_limited", True, 1008)


async def test_a_long_session_is_warned_finalised_and_closed_with_1008(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, ws_max_session_s=0.3, ws_warning_s=0.2) as gateway,
        client(gateway) as socket,
    ):
        await send(socket, "start_transcription")
        await socket.send(SILENCE_100MS * 10)
        heard = await said_until(socket, "error")
        error, code = await last_words(socket)
    error = error or heard[-1]
    kinds = [message["type"] for message in heard]
    warning = heard[kinds.index("warning")]
    assert warning["code"] == "session_ending"
    assert 0 < warning["seconds_left"] <= 0.2
    # The last word came before the end was reported.
    assert kinds.index("session_stopped") == len(kinds) - 2
    assert [m["text"] for m in heard if m["type"] == "transcription"] == ["hello", "world"]
    assert (error["code"], code) == ("session_too_long", 1008)


async def test_a_silent_connection_is_warned_and_closed_with_1008(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, ws_idle_timeout_s=0.3, ws_warning_s=0.2) as gateway,
        client(gateway) as socket,
    ):
        heard = await said_until(socket, "error")
        _, code = await last_words(socket)
    assert [message["code"] for message in heard] == ["idle", "idle_timeout"]
    assert code == 1008


async def test_a_silent_session_is_finalised_before_it_is_closed(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, ws_idle_timeout_s=0.2, ws_warning_s=0.2) as gateway,
        client(gateway) as socket,
    ):
        await send(socket, "start_transcription")
        await socket.send(SILENCE_100MS * 10)
        heard = await said_until(socket, "session_stopped")
        error, code = await last_words(socket)
    assert [m["text"] for m in heard if m["type"] == "transcription"] == ["hello", "world"]
    assert (error["code"], code) == ("idle_timeout", 1008)


async def test_audio_far_faster_than_real_time_is_slowed_down_not_refused(
    emulator: Emulator,
) -> None:
    async with (
        running_gateway(
            emulator, audio_max_realtime_factor=20, audio_realtime_burst_s=1.0
        ) as gateway,
        client(gateway) as socket,
    ):
        begun = asyncio.get_running_loop().time()
        await send(socket, "start_transcription")
        await socket.send(SILENCE_100MS * 50)
        await send(socket, "stop_transcription")
        stopped = (await said_until(socket, "session_stopped"))[-1]
        taken = asyncio.get_running_loop().time() - begun
    assert stopped["audio_seconds"] == 5.0
    # 4 s beyond the burst at 20 times real time cannot take less.
    assert taken >= 4 / 20


async def test_a_stalled_recogniser_stops_the_reading_of_the_socket(emulator: Emulator) -> None:
    emulator.set_script(Script(streams=(StreamScript(fault=Stall(do="stall", stop_reading=True)),)))
    async with (
        running_gateway(
            emulator,
            audio_queue_s=1,
            audio_max_realtime_factor=0,
            ws_stall_timeout_s=1.0,
        ) as gateway,
        client(gateway) as socket,
    ):
        await send(socket, "start_transcription")
        await said(socket)
        sent = 0

        async def flood() -> None:
            nonlocal sent
            while True:
                await socket.send(bytes(320_000))
                sent += 320_000

        flooding = asyncio.create_task(flood())
        error, code = await last_words(socket)
        flooding.cancel()
        await asyncio.gather(flooding, return_exceptions=True)
        queued = gateway.gateway.metrics.registry.get_sample_value("perch_queue_audio_seconds")
    assert (error["code"], error["retryable"], code) == ("asr_stalled", True, 1013)
    assert queued == 0
    # Loopback socket buffers and gRPC's window take a few MB; a gateway that buffered would take
    # all.
    assert sent < 64 * 1024 * 1024


async def test_the_queue_never_holds_more_than_its_bound(emulator: Emulator) -> None:
    emulator.set_script(Script(streams=(StreamScript(fault=Stall(do="stall", stop_reading=True)),)))
    async with (
        running_gateway(
            emulator,
            # More than gRPC's windows take: the bound on unsent audio is to be met first.
            {"replay_s": 300.0},
            audio_queue_s=1,
            audio_max_realtime_factor=0,
            ws_stall_timeout_s=1.0,
        ) as gateway,
        client(gateway) as socket,
    ):
        await send(socket, "start_transcription")
        await said(socket)
        # 300 s of audio in one message.
        sending = asyncio.create_task(socket.send(bytes(9_600_000)))
        seen: list[float] = []

        def ended() -> bool:
            seen.extend(session.queued_seconds for session in gateway.gateway.sessions)
            return not gateway.gateway.sessions

        await eventually(ended)
        await asyncio.gather(sending, return_exceptions=True)
    assert 1.0 <= max(seen) <= 1.1


async def test_pongs_that_wait_behind_unread_audio_do_not_count_as_silence(
    emulator: Emulator,
) -> None:
    emulator.set_script(Script(streams=(StreamScript(fault=Stall(do="stall", stop_reading=True)),)))
    async with (
        running_gateway(
            emulator,
            audio_queue_s=0.2,
            audio_max_realtime_factor=0,
            ws_ping_interval_s=0.1,
            ws_ping_timeout_s=0.1,
            ws_stall_timeout_s=0.6,
        ) as gateway,
        client(gateway) as socket,
    ):
        await send(socket, "start_transcription")
        await socket.send(bytes(9_600_000))
        error, code = await last_words(socket)
    assert (error["code"], code) == ("asr_stalled", 1013)


async def test_a_client_that_answers_no_ping_is_let_go(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, ws_ping_interval_s=0.1, ws_ping_timeout_s=0.1) as gateway,
        client(gateway) as socket,
    ):
        socket.transport.pause_reading()
        await eventually(lambda: not gateway.gateway.sessions)
        assert gateway.gateway.admission.connections == 0
        socket.transport.abort()


async def test_a_client_that_does_not_read_is_cut_and_hears_why_if_it_reads_again(
    emulator: Emulator,
) -> None:
    talkative = StreamScript(
        results=tuple(ScriptedResult(at=0.01, text="blah " * 20_000) for _ in range(50)),
        repeat_every=0.1,
    )
    emulator.set_script(Script(streams=(talkative,)))
    async with (
        running_gateway(emulator, ws_send_timeout_s=0.3) as gateway,
        client(gateway, max_queue=1) as socket,
    ):
        await send(socket, "start_transcription")
        await socket.send(SILENCE_100MS * 10)
        await eventually(lambda: not gateway.gateway.sessions)
        error, code = await last_words(socket)
    assert (error["code"], code) == ("slow_reader", 1008)


async def test_results_that_never_come_after_the_stop_end_with_1013(emulator: Emulator) -> None:
    emulator.set_script(
        Script(streams=(StreamScript(fault=Stall(do="stall", after=After(audio_seconds=0.05))),))
    )
    async with (
        running_gateway(emulator, ws_final_timeout_s=0.3) as gateway,
        client(gateway) as socket,
    ):
        await send(socket, "start_transcription")
        await socket.send(SILENCE_100MS)
        await send(socket, "stop_transcription")
        error, code = await last_words(socket)
    assert (error["code"], code) == ("asr_stalled", 1013)
