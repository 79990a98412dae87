"""The metrics of sessions whose recogniser was lost, and of sessions that were resumed."""

import pytest

from app.emulator import After, Emulator, Fail, Script, ScriptedResult, StreamScript
from tests.app.gateway.raw_http import measured
from tests.app.gateway.session.words import A
from tests.support.gateways.running import (
    SILENCE_100MS,
    client,
    running_gateway,
    said,
    said_until,
    send,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_lost_recogniser_and_its_return_are_counted(emulator: Emulator) -> None:
    one = ScriptedResult(at=0.2, text="one", is_final=True)
    breaks = Fail(do="fail", after=After(results=1), status="UNAVAILABLE", message="gone")
    emulator.set_script(
        Script(streams=(StreamScript(results=(one,), fault=breaks), StreamScript()))
    )
    async with running_gateway(emulator) as gateway:
        async with client(gateway) as socket:
            await A.begin(socket)
            await socket.send(SILENCE_100MS * 5)
            heard = await said_until(socket, "transcription")
            while sum(message["type"] == "warning" for message in heard) < 2:
                heard.append(await said(socket))
            await send(socket, "stop_transcription")
            await said_until(socket, "session_stopped")
        assert (
            measured(
                gateway, "perch_stream_interruptions_total", code="UNAVAILABLE", group="default"
            )
            == 1
        )
        assert measured(gateway, "perch_stream_reopenings_total") == 1
        assert measured(gateway, "perch_stream_outage_seconds_count") == 1


async def test_resumes_are_counted_by_outcome(emulator: Emulator) -> None:
    async with running_gateway(emulator) as gateway:
        async with client(gateway) as socket:
            await A.begin(socket, resumable=True, resume="nonsense")
            assert (await said(socket))["code"] == "resume_rejected"
            await A.begin(socket, resumable=True, heartbeat=0.5)
            point = (await said_until(socket, "heartbeat"))[-1]["resume"]
        assert measured(gateway, "perch_session_resumes_total", outcome="ok") is None
        async with client(gateway) as socket:
            await A.begin(socket, resumable=True, resume=point["token"])
            assert (await said(socket))["resumed"] is not None
        assert measured(gateway, "perch_session_resumes_total", outcome="ok") == 1
        assert measured(gateway, "perch_session_resumes_total", outcome="rejected") == 1
