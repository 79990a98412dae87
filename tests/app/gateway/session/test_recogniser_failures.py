"""What a client hears when the recogniser refuses, breaks, is busy, or is not there.

The recogniser is a real gRPC server that follows a script; that a NIM fails in the same words is
not proved here.
"""

import pytest

from app.emulator import After, Emulator, Fail, Kill, Script, ScriptedResult, StreamScript
from app.gateway.dialects.a import CodecA
from tests.app.gateway.conftest import Log
from tests.support.gateways.running import (
    PATH_B,
    SILENCE_100MS,
    Running,
    client,
    finish_loading,
    last_words,
    running_emulator,
    running_gateway,
    said,
    said_until,
    send,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


def failing(status: str, message: str = "no", *, results: int = 0) -> Script:
    """Return a script whose stream fails after so many results."""
    said_before = tuple(
        ScriptedResult(at=0.05, text=f"word {i}", is_final=True) for i in range(results)
    )
    after = After(results=results) if results else After(audio_seconds=0.1)
    fault = Fail.model_validate(
        {"do": "fail", "after": after, "status": status, "message": message}
    )
    return Script(streams=(StreamScript(results=said_before, fault=fault),))


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("UNAVAILABLE", ("asr_overloaded", True, 1013)),
        ("RESOURCE_EXHAUSTED", ("asr_overloaded", True, 1013)),
        ("DEADLINE_EXCEEDED", ("asr_overloaded", True, 1013)),
        ("INTERNAL", ("asr_failed", True, 1011)),
        ("UNKNOWN", ("asr_failed", False, 1011)),
        ("UNAUTHENTICATED", ("asr_failed", False, 1011)),
    ],
)
async def test_a_stream_that_breaks_is_told_then_closed(
    gateway: Running, emulator: Emulator, status: str, expected: tuple[str, bool, int]
) -> None:
    emulator.set_script(failing(status, "secret internal text 10.0.0.7"))
    async with client(gateway) as socket:
        await send(socket, "start_transcription")
        await socket.send(SILENCE_100MS * 2)
        error, closed = await last_words(socket)
    assert (error["code"], error["retryable"], closed) == expected
    assert error["error"].startswith("Riva streaming error: ")
    assert "10.0.0.7" not in error["error"]
    assert (error["retry_after"] is not None) == error["retryable"]


async def test_what_was_heard_before_the_break_is_delivered_before_the_error(
    gateway: Running, emulator: Emulator
) -> None:
    emulator.set_script(failing("UNKNOWN", results=2))
    async with client(gateway, PATH_B) as socket:
        await send(socket, "start_recording")
        await socket.send(SILENCE_100MS * 2)
        heard = await said_until(socket, "error")
    assert [message["type"] for message in heard[1:]] == ["transcription", "transcription", "error"]
    assert heard[-1]["transcription_method"] == "riva_grpc"


async def test_a_refused_start_leaves_the_connection_open_for_a_better_one(
    gateway: Running, emulator: Emulator
) -> None:
    async with client(gateway) as socket:
        await send(socket, "start_transcription", language="xx-XX")
        refused = (await said_until(socket, "error"))[-1]
        assert refused["code"] == "asr_rejected"
        assert refused["error"].startswith("Failed to start session: ")
        assert "for the language xx-XX" in refused["error"]
        assert refused["error"].endswith("; accepted: en-US.")
        assert refused["retryable"] is False
        assert gateway.gateway.admission.sessions == 0
        await send(socket, "start_transcription", language="en-US")
        await socket.send(SILENCE_100MS * 10)
        await send(socket, "stop_transcription")
        heard = await said_until(socket, "session_stopped")
    assert heard[-1]["segments"] == 2
    assert emulator.streams[-1].language == "en-US"


async def test_a_lost_connection_to_the_recogniser_is_told_then_closed(
    gateway: Running, emulator: Emulator
) -> None:
    kill = Kill(do="kill", after=After(audio_seconds=0.1), what="connection")
    emulator.set_script(Script(streams=(StreamScript(fault=kill),)))
    async with client(gateway) as socket:
        await send(socket, "start_transcription")
        await socket.send(SILENCE_100MS * 2)
        error, closed = await last_words(socket)
    assert error["code"] in {"asr_overloaded", "asr_failed"}
    assert error["retryable"] is True
    assert closed in {1011, 1013}


async def test_a_start_while_the_recogniser_loads_is_refused_and_succeeds_when_it_is_ready() -> (
    None
):
    script = Script(loading_seconds=3600)
    async with (
        running_emulator(script) as emulator,
        running_gateway(emulator, app_ready_probe_interval_s=3600) as gateway,
        client(gateway) as socket,
    ):
        await send(socket, "start_transcription")
        error = await said(socket)
        assert (error["error"], error["code"], error["retryable"]) == (
            "Failed to connect to Riva server",
            "asr_unavailable",
            True,
        )
        await finish_loading(emulator)
        await gateway.gateway.readiness.refresh()
        await send(socket, "start_transcription")
        assert (await said(socket))["type"] == "session_started"


async def test_a_fault_of_the_gateway_is_told_without_its_inside(
    gateway: Running, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("inside of the gateway")

    monkeypatch.setattr(CodecA, "result", broken)
    async with client(gateway) as socket:
        await send(socket, "start_transcription")
        await socket.send(SILENCE_100MS * 10)
        error, closed = await last_words(socket)
    assert (error["code"], closed) == ("internal_error", 1011)
    assert error["error"] == "Message processing error: internal error"
    assert "inside of the gateway" in log.text
    log.forget()
    assert gateway.gateway.admission.sessions == 0


async def test_upstream_errors_are_counted_by_code(gateway: Running, emulator: Emulator) -> None:
    registry = gateway.gateway.metrics.registry
    name, labels = "perch_upstream_errors_total", {"code": "DATA_LOSS", "group": "default"}
    before = registry.get_sample_value(name, labels) or 0
    emulator.set_script(failing("DATA_LOSS"))
    async with client(gateway) as socket:
        await send(socket, "start_transcription")
        await socket.send(SILENCE_100MS * 2)
        await last_words(socket)
    assert registry.get_sample_value(name, labels) == before + 1
