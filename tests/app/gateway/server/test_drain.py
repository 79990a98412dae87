"""The end of a gateway: signals, last words, close codes, exit status.

The process is the real one, started as in production. The recogniser follows a script.
"""

import signal
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.emulator import After, Emulator, Script, Stall, StreamScript
from app.gateway.dialects.a import CodecA
from app.gateway.settings.gateway import RecognitionMode
from tests.support.gateways.child_process import free_port, process
from tests.support.gateways.running import (
    PATH_B,
    SILENCE_100MS,
    last_words,
    running_gateway,
    said,
    said_until,
    send,
)
from tests.support.gateways.running import client as client_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_sigterm_flushes_every_session_says_why_closes_with_1001_and_exits_0(
    emulator: Emulator, tmp_path: Path
) -> None:
    async with process(emulator, tmp_path, APP_DRAIN_GRACE_S="0") as (running, port):
        url = f"ws://127.0.0.1:{port}"
        async with connect(url) as busy, connect(url) as idle, connect(url + PATH_B) as recording:
            for socket in (busy, idle, recording):
                await said(socket)
            await send(busy, "start_transcription")
            await send(recording, "start_recording")
            for socket in (busy, recording):
                await said(socket)
                await socket.send(SILENCE_100MS * 10)
                await said_until(socket, "transcription")
            running.send_signal(signal.SIGTERM)
            heard = await said_until(busy, "error")
            recorded = await said_until(recording, "error")
            _, busy_code = await last_words(busy)
            _, recording_code = await last_words(recording)
            idle_error, idle_code = await last_words(idle)
        output, errors = await running.communicate()
    kinds = [message["type"] for message in heard if message["type"] != "partial"]
    assert kinds == ["warning", "transcription", "session_stopped", "error"]
    assert heard[-1]["code"] == idle_error["code"] == "going_away"
    # Zero lost finals: the last word is there although nobody said stop.
    assert [m["text"] for m in heard if m["type"] == "transcription"] == ["world"]
    assert recorded[-2]["final_transcript"] == "hello world"
    assert (busy_code, recording_code, idle_code) == (1001, 1001, 1001)
    assert running.returncode == 0
    assert errors == b""
    assert b"Traceback" not in output
    assert b'"event": "stopped"' in output


async def test_new_connections_are_refused_while_sessions_finish_by_themselves(
    emulator: Emulator,
) -> None:
    async with (
        running_gateway(emulator, app_drain_grace_s=60, app_drain_timeout_s=60) as gateway,
        client_of(gateway) as socket,
    ):
        await send(socket, "start_transcription")
        await said(socket)
        await socket.send(SILENCE_100MS * 10)
        gateway.gateway.begin_drain()
        warning = (await said_until(socket, "warning"))[-1]
        with pytest.raises(InvalidStatus) as refused:
            await connect(gateway.url)
        await send(socket, "stop_transcription")
        heard = await said_until(socket, "error")
        _, code = await last_words(socket)
    assert warning["code"] == "going_away"
    assert 0 < warning["seconds_left"] <= 60
    assert refused.value.response.status_code == 503
    assert heard[-2]["type"] == "session_stopped"
    assert (heard[-1]["code"], code) == ("going_away", 1001)


async def test_a_connection_that_is_being_opened_when_the_drain_begins_ends_with_it(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_gateway(emulator, app_drain_grace_s=60, app_drain_timeout_s=60) as gateway:

        def select_meanwhile(_offered: object) -> None:
            gateway.gateway.begin_drain()

        monkeypatch.setattr(CodecA, "select_subprotocol", select_meanwhile)
        async with connect(gateway.url) as socket:
            error, code = await last_words(socket)
    assert (error["code"], code) == ("going_away", 1001)


async def test_the_kill_switch_does_not_wait_for_the_grace_of_a_drain(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, app_drain_grace_s=60, app_drain_timeout_s=60) as gateway,
        client_of(gateway) as socket,
    ):
        await send(socket, "start_transcription")
        await socket.send(SILENCE_100MS * 10)
        await said_until(socket, "transcription")
        gateway.gateway.begin_drain()
        gateway.gateway.switch_recognition(RecognitionMode.OFF)
        heard = await said_until(socket, "error")
        _, code = await last_words(socket)
    kinds = [message["type"] for message in heard if message["type"] != "partial"]
    assert kinds == ["warning", "transcription", "session_stopped", "error"]
    assert (heard[-1]["code"], code) == ("recognition_off", 1013)


async def test_a_session_that_cannot_be_finalised_in_time_is_told_and_closed_with_1012(
    emulator: Emulator,
) -> None:
    stall = Stall(do="stall", after=After(audio_seconds=0.05))
    emulator.set_script(Script(streams=(StreamScript(fault=stall),)))
    async with (
        running_gateway(emulator, app_drain_grace_s=0, app_drain_timeout_s=0.3) as gateway,
        client_of(gateway) as socket,
    ):
        await send(socket, "start_transcription")
        await said(socket)
        await socket.send(SILENCE_100MS)
        gateway.gateway.begin_drain()
        error, code = await last_words(socket)
    assert (error["code"], error["retryable"], code) == ("drain_deadline", True, 1012)


@pytest.mark.slow
async def test_a_second_signal_stops_at_once(emulator: Emulator, tmp_path: Path) -> None:
    async with process(
        emulator, tmp_path, APP_DRAIN_GRACE_S="3600", APP_DRAIN_TIMEOUT_S="3600"
    ) as (running, port):
        async with connect(f"ws://127.0.0.1:{port}") as socket:
            await said(socket)
            await send(socket, "start_transcription")
            await said(socket)
            running.send_signal(signal.SIGINT)
            await said_until(socket, "warning")
            running.send_signal(signal.SIGINT)
            with pytest.raises(ConnectionClosed):
                await said_until(socket, "never")
        await running.communicate()
    assert running.returncode == 0


@pytest.mark.slow
async def test_a_drain_over_http_is_the_one_of_sigterm_and_sigterm_after_it_hurts_nobody(
    emulator: Emulator, tmp_path: Path
) -> None:
    admin = free_port()
    async with (
        process(
            emulator,
            tmp_path,
            APP_ADMIN_PORT=str(admin),
            APP_DRAIN_GRACE_S="60",
            APP_DRAIN_TIMEOUT_S="90",
        ) as (running, port),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{admin}") as machine,
    ):
        async with connect(f"ws://127.0.0.1:{port}") as socket:
            await said(socket)
            await send(socket, "start_transcription")
            await said(socket)
            await socket.send(SILENCE_100MS * 10)
            answer = await machine.post("/drain")
            again = await machine.post("/drain")
            ready = await http.get("/readyz?ignore=capacity")
            with pytest.raises(InvalidStatus) as refused:
                await connect(f"ws://127.0.0.1:{port}")
            warning = (await said_until(socket, "warning"))[-1]
            running.send_signal(signal.SIGTERM)
            await send(socket, "ping")
            await said_until(socket, "pong")
            await send(socket, "stop_transcription")
            heard = await said_until(socket, "error")
            _, code = await last_words(socket)
        output, errors = await running.communicate()
    assert answer.status_code == again.status_code == 202
    assert answer.json().keys() == {"draining", "finalise_in", "cut_in"}
    # The second call does not begin anew.
    assert again.json()["cut_in"] <= answer.json()["cut_in"] <= 90
    assert again.json()["finalise_in"] <= answer.json()["finalise_in"] <= 60
    assert (ready.status_code, ready.json()["draining"]) == (503, True)
    assert refused.value.response.status_code == 503
    assert warning["code"] == "going_away"
    assert [message["text"] for message in heard if message["type"] == "transcription"][-1] == (
        "world"
    )
    assert heard[-2]["type"] == "session_stopped"
    assert (heard[-1]["code"], code) == ("going_away", 1001)
    assert running.returncode == 0
    assert errors == b""
    assert b"Traceback" not in output
    assert b'"event": "stopped"' in output


async def test_a_gateway_that_drains_over_http_ends_by_itself_with_0(
    emulator: Emulator, tmp_path: Path
) -> None:
    admin = free_port()
    async with (
        process(emulator, tmp_path, APP_DRAIN_GRACE_S="0", APP_ADMIN_PORT=str(admin)) as (
            running,
            _,
        ),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{admin}") as machine,
    ):
        answer = await machine.post("/drain")
        await running.communicate()
    assert answer.status_code == 202
    assert running.returncode == 0
