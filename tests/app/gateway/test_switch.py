"""The kill switch: what the file may say, and what clients of a real gateway notice.

The recognisers follow scripts. That a stream moves without losing a word is shown with the streams,
in `tests/app/asr`.
"""

import json
import os
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from app.emulator import Emulator, Script, ScriptedResult, StreamScript
from app.gateway.settings.gateway import RecognitionMode
from app.gateway.switch import RecognitionSwitch
from tests.app.gateway.conftest import Log
from tests.app.gateway.uploading import recording, upload
from tests.support.gateways.running import (
    SILENCE_100MS,
    Running,
    client,
    eventually,
    last_words,
    running_emulator,
    running_gateway,
    said,
    said_until,
    send,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

ON, OFF, FALLBACK = RecognitionMode


class Follower:
    """A switch, and what it did."""

    def __init__(self, file: Path, configured: RecognitionMode, *, can_fall_back: bool) -> None:
        self.done: list[RecognitionMode] = []
        self.switch = RecognitionSwitch(
            configured, file, can_fall_back=can_fall_back, act=self.done.append
        )


def write(word: Path, content: str) -> None:
    word.write_text(content, encoding="utf-8")


def remove(word: Path) -> None:
    word.unlink()


def make_folder(word: Path) -> None:
    word.unlink()
    word.mkdir()


@pytest.fixture
def word(tmp_path: Path) -> Path:
    return tmp_path / "recognition"


async def test_the_file_wins_while_it_says_a_word_and_its_last_word_holds(word: Path) -> None:
    follower = Follower(word, ON, can_fall_back=True)
    for content, mode in (
        (None, ON),
        ("off\n", OFF),
        ("", OFF),
        ("of", OFF),
        ("\xff", OFF),
        (" FALLBACK ", FALLBACK),
        ("off" * 1000, FALLBACK),
        ("on", ON),
    ):
        if content is not None:
            write(word, content)
        await follower.switch.refresh()
        assert follower.switch.mode is mode
    remove(word)
    await follower.switch.refresh()
    assert follower.done == [OFF, FALLBACK, ON]


async def test_a_file_that_cannot_be_followed_is_logged_once_and_its_content_never(
    word: Path, log: Log
) -> None:
    follower = Follower(word, OFF, can_fall_back=False)
    write(word, "made-up-secret")
    for _ in range(3):
        await follower.switch.refresh()
    make_folder(word)
    for _ in range(3):
        await follower.switch.refresh()
    told = [line["problem"] for line in log.lines if "not followed" in line["event"]]
    assert told == ["it holds none of on, off, fallback", f"{word} cannot be read (Is a directory)"]
    assert "made-up-secret" not in log.text
    assert follower.switch.mode is OFF


async def test_a_pipe_that_nobody_writes_to_holds_nothing_up(word: Path) -> None:
    os.mkfifo(word)
    follower = Follower(word, ON, can_fall_back=False)
    assert await follower.switch.refresh() is False


async def test_a_fallback_that_is_not_there_is_refused_and_logged(word: Path, log: Log) -> None:
    write(word, "fallback")
    follower = Follower(word, ON, can_fall_back=False)
    await follower.switch.refresh()
    assert follower.switch.mode is ON
    assert follower.done == []
    assert "RIVA_FALLBACK_ENDPOINTS is empty" in log.text


async def refusal(gateway: Running) -> tuple[int, str, str | None]:
    with pytest.raises(InvalidStatus) as refused:
        await connect(gateway.url)
    response = refused.value.response
    code = json.loads(response.body)["code"]
    return response.status_code, code, response.headers.get("Retry-After")


async def ready(gateway: Running, query: str = "") -> httpx.Response:
    async with httpx.AsyncClient(base_url=gateway.http_url) as http:
        return await http.get(f"/readyz{query}")


async def test_off_takes_nothing_new_and_on_takes_it_again_without_a_restart(
    emulator: Emulator, word: Path
) -> None:
    async with (
        running_gateway(emulator, app_recognition_file=word) as gateway,
        client(gateway) as early,
    ):
        write(word, "off")
        await eventually(lambda: gateway.gateway.admission.switched_off)
        assert await refusal(gateway) == (503, "recognition_off", "30")
        await send(early, "start_transcription")
        error, code = await last_words(early)
        assert (error["code"], error["retry_after"], code) == ("recognition_off", 30.0, 1013)
        refused = await upload(gateway, recording("WAV", "PCM_16"))
        assert (refused.status_code, refused.json()["code"]) == (503, "recognition_off")
        answer = await ready(gateway)
        assert answer.status_code == 503
        assert answer.json()["recognition"] == "off"
        assert answer.json()["reasons"] == ["recognition is switched off"]
        write(word, "on")
        await eventually(lambda: not gateway.gateway.admission.switched_off)
        async with client(gateway) as late:
            await send(late, "start_transcription")
            assert (await said(late))["type"] == "session_started"
        assert (await ready(gateway)).status_code == 200
        registry = gateway.gateway.metrics.registry
        for mode in ("off", "on"):
            name = "perch_recognition_switches_total"
            assert registry.get_sample_value(name, {"mode": mode}) == 1


async def test_what_runs_is_finalised_before_it_is_told_that_recognition_is_off(
    emulator: Emulator, word: Path
) -> None:
    async with (
        running_gateway(emulator, app_recognition_file=word) as gateway,
        client(gateway) as socket,
    ):
        await send(socket, "start_transcription")
        await socket.send(SILENCE_100MS * 10)
        await said_until(socket, "transcription")
        write(word, "off")
        heard = await said_until(socket, "error")
        _, code = await last_words(socket)
        assert gateway.gateway.admission.sessions == 0
    assert [message["text"] for message in heard if message["type"] == "transcription"] == ["world"]
    assert heard[-2]["type"] == "session_stopped"
    assert (heard[-1]["code"], heard[-1]["retry_after"], code) == ("recognition_off", 30.0, 1013)


async def test_a_session_moves_to_the_fallback_and_is_told_so(
    emulator: Emulator, word: Path
) -> None:
    async with running_emulator() as fallback:
        place = f"{fallback.host}:{fallback.grpc_port}/{fallback.http_port}"
        async with (
            running_gateway(
                emulator, riva={"fallback_endpoints": place}, app_recognition_file=word
            ) as gateway,
            client(gateway) as socket,
        ):
            await send(socket, "start_transcription")
            await socket.send(SILENCE_100MS)
            await said(socket)
            write(word, "fallback")
            warning = (await said_until(socket, "warning"))[-1]
            await eventually(lambda: any(not stream.status for stream in fallback.streams))
            await send(socket, "stop_transcription")
            await said_until(socket, "session_stopped")
    assert warning["code"] == "recognition_moved"


async def test_no_machine_is_replaced_for_being_switched_off_even_with_its_recogniser_down(
    word: Path,
) -> None:
    write(word, "off")
    async with (
        running_emulator(Script(loading_seconds=3600)) as emulator,
        running_gateway(emulator, app_recognition_file=word) as gateway,
    ):
        # What the file says counts before the first client comes.
        assert gateway.gateway.admission.switched_off
        assert (await ready(gateway, "?ignore=capacity")).status_code == 200
        assert (await ready(gateway)).status_code == 503
        gateway.gateway.begin_drain()
        assert (await ready(gateway, "?ignore=capacity")).status_code == 503


async def test_no_machine_is_replaced_for_a_fallback_that_is_away(
    emulator: Emulator, word: Path
) -> None:
    write(word, "fallback")
    ways = {"fallback_endpoints": "127.0.0.1:1/0", "timeout_ms": 500}
    async with running_gateway(emulator, riva=ways, app_recognition_file=word) as gateway:
        assert (await ready(gateway)).status_code == 503
        assert (await ready(gateway, "?ignore=capacity")).status_code == 200
        write(word, "on")
        await eventually(lambda: gateway.gateway.readiness.unready_reason is None)
        assert (await ready(gateway)).status_code == 200


async def test_the_fallback_serves_while_the_file_says_so(emulator: Emulator, word: Path) -> None:
    other = StreamScript(results=(ScriptedResult(at=3600, text="elsewhere", is_final=True),))

    async def heard(gateway: Running) -> str:
        async with client(gateway) as socket:
            await send(socket, "start_transcription")
            await socket.send(SILENCE_100MS * 10)
            await send(socket, "stop_transcription")
            messages = await said_until(socket, "session_stopped")
        return " ".join(m["text"] for m in messages if m["type"] == "transcription")

    async with running_emulator(Script(streams=(other,))) as fallback:
        place = f"{fallback.host}:{fallback.grpc_port}/{fallback.http_port}"
        async with running_gateway(
            emulator, riva={"fallback_endpoints": place}, app_recognition_file=word
        ) as gateway:
            switch = gateway.gateway.switch
            assert await heard(gateway) == "hello world"
            write(word, "fallback")
            await eventually(lambda: switch.mode is FALLBACK)
            assert await heard(gateway) == "elsewhere"
            assert (await ready(gateway)).json()["recognition"] == "fallback"
            write(word, "on")
            await eventually(lambda: switch.mode is ON)
            assert await heard(gateway) == "hello world"
