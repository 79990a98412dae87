"""How streams end that their clients did not end: drains, deadlines, clients that do not read."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from riva.client.proto import health_pb2 as health
from riva.client.proto import health_pb2_grpc

from app.emulator import After, Emulator, Script, ScriptedResult, Stall, StreamScript
from app.gateway.settings.gateway import RecognitionMode
from tests.app.gateway.conftest import Log
from tests.app.gateway.grpc_front.calls import (
    Heard,
    audio,
    channel_of,
    config,
    converse,
    ended,
    stub_of,
)
from tests.support.gateways.child_process import free_port, process
from tests.support.gateways.running import (
    DEADLINE_S,
    HELLO_WORLD,
    Running,
    eventually,
    running_gateway,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECOND = [config(), *[audio()] * 10]
LONG = tuple(
    ScriptedResult(at=0.1 + i / 100, text=f"{'word ' * 3000}{i}", is_final=True) for i in range(12)
)
"""More than gRPC takes for a client that does not read."""


class Speaker:
    """A client that has said a second, and may say more or end."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._messages: asyncio.Queue[Any] = asyncio.Queue()
        for one in SECOND:
            self._messages.put_nowait(one)
        self.call = stub_of(channel).StreamingRecognize(self._sent())
        self.heard = Heard()

    async def _sent(self) -> AsyncIterator[Any]:
        while (message := await self._messages.get()) is not None:
            yield message

    def end(self) -> None:
        self._messages.put_nowait(None)

    async def first_final(self) -> None:
        async for response in self.call:
            self.heard.responses.append(response)
            if self.heard.finals:
                return

    async def to_the_end(self) -> Heard:
        return await ended(self.call, self.heard)


@asynccontextmanager
async def speaker(gateway: Running) -> AsyncIterator[Speaker]:
    async with channel_of(gateway) as channel:
        one = Speaker(channel)
        await one.first_final()
        yield one


async def test_a_drain_makes_everything_final_and_says_when_to_come_back(
    emulator: Emulator,
) -> None:
    async with running_gateway(emulator, app_grpc_port=0) as gateway, speaker(gateway) as one:
        gateway.gateway.begin_drain()
        heard = await one.to_the_end()
        assert heard.finals == ["hello ", "world "]
        assert heard.status is grpc.StatusCode.UNAVAILABLE
        assert heard.details == "The gateway is going away; connect again"
        assert heard.trailers["perch-code"] == "going_away"
        assert heard.trailers["retry-after"] == "1"
        # Its connection is told to go elsewhere, and nobody else gets in.
        assert (await converse(gateway, SECOND)).status is grpc.StatusCode.UNAVAILABLE


async def test_who_ends_a_stream_in_time_does_not_notice_the_drain(emulator: Emulator) -> None:
    async with (
        running_gateway(
            emulator, app_grpc_port=0, app_drain_grace_s=60, app_drain_timeout_s=60
        ) as gateway,
        speaker(gateway) as one,
    ):
        gateway.gateway.begin_drain()
        one.end()
        heard = await one.to_the_end()
    assert heard.status is grpc.StatusCode.OK, heard
    assert heard.finals == ["hello ", "world "]


async def test_who_had_ended_a_stream_before_the_drain_does_not_notice_it_either(
    emulator: Emulator,
) -> None:
    slow = Stall.model_validate({"do": "stall", "after": After(results=2), "seconds": 1.0})
    emulator.set_script(Script(streams=(HELLO_WORLD.model_copy(update={"fault": slow}),)))
    async with (
        running_gateway(emulator, app_grpc_port=0, app_drain_timeout_s=60) as gateway,
        speaker(gateway) as one,
    ):
        one.end()
        await emulator.wait_for(lambda streams: streams[-1].half_closed)
        gateway.gateway.begin_drain()
        heard = await one.to_the_end()
    assert heard.status is grpc.StatusCode.OK, heard
    assert heard.finals == ["hello ", "world "]


async def test_a_drain_tells_each_connection_to_go_elsewhere_while_its_streams_go_on(
    emulator: Emulator,
) -> None:
    async with (
        running_gateway(
            emulator, app_grpc_port=0, app_drain_grace_s=60, app_drain_timeout_s=60
        ) as gateway,
        channel_of(gateway) as channel,
    ):
        one = Speaker(channel)
        await one.first_final()
        assert channel.get_state() is grpc.ChannelConnectivity.READY
        gateway.gateway.begin_drain()
        async with asyncio.timeout(DEADLINE_S):
            await channel.wait_for_state_change(grpc.ChannelConnectivity.READY)
        one.end()
        assert (await one.to_the_end()).status is grpc.StatusCode.OK


async def test_health_is_told_before_the_drain_ends_anybody(emulator: Emulator) -> None:
    status = health.HealthCheckResponse.ServingStatus
    async with (
        running_gateway(
            emulator, app_grpc_port=0, app_drain_grace_s=60, app_drain_timeout_s=60
        ) as gateway,
        channel_of(gateway) as channel,
        speaker(gateway) as one,
    ):
        watch = health_pb2_grpc.HealthStub(channel).Watch(health.HealthCheckRequest())
        told = aiter(watch)
        assert (await anext(told)).status == status.SERVING
        gateway.gateway.begin_drain()
        assert (await anext(told)).status == status.NOT_SERVING
        assert await watch.code() is grpc.StatusCode.UNAVAILABLE
        assert not one.call.done()
        one.end()
        assert (await one.to_the_end()).status is grpc.StatusCode.OK


async def test_recognition_that_is_switched_off_ends_a_stream_with_its_finals(
    emulator: Emulator,
) -> None:
    async with running_gateway(emulator, app_grpc_port=0) as gateway, speaker(gateway) as one:
        gateway.gateway.switch_recognition(RecognitionMode.OFF)
        heard = await one.to_the_end()
        refused = await converse(gateway, SECOND)
    assert heard.finals == ["hello ", "world "]
    assert heard.status is refused.status is grpc.StatusCode.UNAVAILABLE
    assert heard.trailers["perch-code"] == refused.trailers["perch-code"] == "recognition_off"


async def test_a_stream_in_which_nobody_says_anything_ends(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, app_grpc_port=0, ws_idle_timeout_s=0.3) as gateway,
        speaker(gateway) as one,
    ):
        heard = await one.to_the_end()
    assert heard.status is grpc.StatusCode.DEADLINE_EXCEEDED
    assert heard.trailers["perch-code"] == "idle_timeout"
    assert heard.finals == ["hello ", "world "]


async def test_a_client_that_does_not_read_loses_its_session_and_no_other(
    emulator: Emulator, log: Log
) -> None:
    emulator.set_script(Script(streams=(StreamScript(results=LONG),)))
    async with (
        running_gateway(emulator, app_grpc_port=0, ws_send_timeout_s=0.3) as gateway,
        channel_of(gateway) as channel,
    ):
        call = stub_of(channel).StreamingRecognize()
        for one in SECOND:
            await call.write(one)
        admission = gateway.gateway.admission
        await eventually(lambda: admission.sessions == 0 and "slow_reader" in log.text)
        # Until it reads what it was sent it is one of its client's connections.
        assert admission.connections == 1
        emulator.set_script(Script(streams=(StreamScript(results=LONG[:1]),)))
        assert (await converse(gateway, SECOND)).status is grpc.StatusCode.OK
        heard = await ended(call)
        await eventually(lambda: admission.connections == 0)
    assert heard.status is grpc.StatusCode.DEADLINE_EXCEEDED
    assert heard.trailers["perch-code"] == "slow_reader"


async def test_a_client_that_never_reads_and_leaves_is_no_connection_any_more(
    emulator: Emulator, log: Log
) -> None:
    emulator.set_script(Script(streams=(StreamScript(results=LONG),)))
    async with running_gateway(emulator, app_grpc_port=0, ws_send_timeout_s=0.3) as gateway:
        admission = gateway.gateway.admission
        async with channel_of(gateway) as channel:
            call = stub_of(channel).StreamingRecognize()
            for one in SECOND:
                await call.write(one)
            await eventually(lambda: "slow_reader" in log.text)
            call.cancel()
        await eventually(lambda: (admission.connections, admission.sessions) == (0, 0))


async def test_a_process_told_to_end_finishes_its_streams_and_exits_0(
    emulator: Emulator, tmp_path: Path
) -> None:
    port = free_port()
    async with process(emulator, tmp_path, APP_DRAIN_GRACE_S="0", APP_GRPC_PORT=str(port)) as (
        running,
        http_port,
    ):
        where = Running("", f"http://127.0.0.1:{http_port}", None, None, None, grpc_port=port)  # type: ignore[arg-type]  # its port is all that is known
        async with speaker(where) as one:
            running.send_signal(signal.SIGTERM)
            heard = await one.to_the_end()
        output, errors = await running.communicate()
    assert heard.finals == ["hello ", "world "]
    assert heard.status is grpc.StatusCode.UNAVAILABLE
    assert running.returncode == 0
    assert errors == b""
    assert b"Traceback" not in output


async def test_a_port_that_is_taken_is_named_with_what_to_change(
    emulator: Emulator, tmp_path: Path
) -> None:
    async with (
        running_gateway(emulator, app_grpc_port=0) as gateway,
        process(emulator, tmp_path, APP_GRPC_PORT=str(gateway.grpc_port)) as (running, _),
    ):
        _, errors = await running.communicate()
    assert running.returncode == 1
    assert f"cannot listen on 127.0.0.1:{gateway.grpc_port}".encode() in errors
    assert b"set APP_HOST or APP_GRPC_PORT to another" in errors
