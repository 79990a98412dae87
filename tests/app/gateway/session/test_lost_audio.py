"""Which audio is in no final when a session ends badly, as its client is told."""

import pytest

from app.emulator import (
    After,
    Emulator,
    Script,
    ScriptedResult,
    Stall,
    StreamScript,
)
from app.gateway.dialects.a import CodecA
from tests.app.gateway.conftest import Log
from tests.app.gateway.session.results import DEAF
from tests.app.gateway.session.words import A, Words, both
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


@both
async def test_a_session_that_is_cut_by_the_drain_says_which_audio_is_in_no_final(
    emulator: Emulator, dialect: Words
) -> None:
    emulator.set_script(DEAF)
    async with (
        running_gateway(emulator, app_drain_timeout_s=0.3) as gateway,
        client(gateway, dialect.path) as socket,
    ):
        await dialect.begin(socket)
        await socket.send(SILENCE_100MS * 10)
        await said_until(socket, "transcription")
        await eventually(lambda: all(s.queued_seconds == 0 for s in gateway.gateway.sessions))
        gateway.gateway.begin_drain()
        error, code = await last_words(socket)
    assert (error["code"], code) == ("drain_deadline", 1012)
    assert 0.4 <= error["lost"]["start"] <= 0.5
    assert error["lost"]["end"] == 1.0


async def test_a_stalled_recogniser_and_a_broken_rule_name_the_lost_audio_too(
    emulator: Emulator,
) -> None:
    for end, changes in (
        ("stop", {"ws_final_timeout_s": 0.3}),
        ("binary", {"ws_max_message_size_mb": 0.1}),
    ):
        emulator.set_script(DEAF)
        async with (
            running_gateway(emulator, None, **changes) as gateway,
            client(gateway) as socket,
        ):
            await A.begin(socket)
            await socket.send(SILENCE_100MS * 10)
            await said_until(socket, "transcription")
            if end == "stop":
                await send(socket, "stop_transcription")
            else:
                await socket.send(bytes(200_000))
            error, _ = await last_words(socket)
        assert error["code"] == ("asr_stalled" if end == "stop" else "message_too_big")
        assert 0.4 <= error["lost"]["start"] <= 0.5
        assert error["lost"]["end"] == 1.0


async def test_a_fault_of_the_gateway_names_what_the_client_was_not_told(
    gateway: Running, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("inside of the gateway")

    monkeypatch.setattr(CodecA, "result", broken)
    async with client(gateway) as socket:
        await A.begin(socket)
        await socket.send(SILENCE_100MS * 10)
        error, _ = await last_words(socket)
    log.forget()
    # The final that could not be put into words was never sent: its audio is lost as well.
    assert (error["code"], error["lost"]) == ("internal_error", {"start": 0.0, "end": 1.0})


async def test_what_a_final_covers_may_be_unknown_and_then_nothing_is_said_about_loss(
    emulator: Emulator,
) -> None:
    wordless = ScriptedResult(at=0.5, text="one", is_final=True)
    emulator.set_script(
        Script(
            streams=(
                StreamScript(results=(wordless,), fault=Stall(do="stall", after=After(results=1))),
            )
        )
    )
    async with (
        running_gateway(emulator, ws_final_timeout_s=0.3) as gateway,
        client(gateway) as socket,
    ):
        await A.begin(socket, resumable=True)
        await socket.send(SILENCE_100MS * 10)
        one = (await said_until(socket, "transcription"))[-1]
        await send(socket, "stop_transcription")
        error, _ = await last_words(socket)
    assert error["code"] == "asr_stalled"
    assert (one["resume"] is None) == (error["lost"] is None)


async def test_an_error_without_a_session_names_no_loss(gateway: Running) -> None:
    async with client(gateway) as socket:
        await send(socket, "stop_transcription")
        assert (await said(socket))["lost"] is None
