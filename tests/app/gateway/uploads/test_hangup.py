"""Whoever hangs up while work is done for it: the work ends, and what it held is free.

The recogniser is a real gRPC server that never answers, so that what ends does so by the hang-up.
"""

import asyncio
from asyncio import StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from starlette.requests import ClientDisconnect

from app.emulator import Emulator
from app.gateway.server.protocol import hang_up_watch
from app.gateway.telemetry.uploads import UploadCounts
from app.gateway.uploads.hangup import until_hang_up
from tests.app.gateway.uploading import recording
from tests.support.gateways.running import DEADLINE_S, Running, eventually, running_gateway
from tests.support.recognisers.fake_riva import FakeRiva, hear_for_ever, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

ONLINE = {"model": {"type": "online"}}
NEXT = b"GET /healthz HTTP/1.1\r\nHost: perch\r\n\r\n"
BOTH = {"model": {"type": "online"}, "whole": {"type": "offline"}}


class Deaf(FakeRiva):
    """Answers neither kind of call, and says when one was cancelled."""

    def __init__(self, models: dict[str, dict[str, str]]) -> None:
        super().__init__(script=hear_for_ever, models=models)
        self.asked = asyncio.Event()
        self.given_up = asyncio.Event()

    async def StreamingRecognize(self, _: object, context: Any) -> None:  # noqa: N802, ANN401 - Riva's name; generated, untyped
        self.asked.set()
        try:
            await super().StreamingRecognize(_, context)
        finally:
            self.given_up.set()

    async def Recognize(self, _: object, __: object) -> None:  # noqa: N802 - Riva's name
        self.asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.given_up.set()


def outcome(gateway: Running, name: str) -> float | None:
    return gateway.gateway.metrics.registry.get_sample_value(
        "perch_uploads_total", {"outcome": name}
    )


@asynccontextmanager
async def uploading(gateway: Running, share: float = 1.0) -> AsyncIterator[StreamWriter]:
    """Send an upload, or a share of it, on a connection that the test hangs up."""
    request = httpx.Request(
        "POST",
        gateway.http_url + "/transcribe/file",
        files={"file": ("talk.wav", recording("WAV", "PCM_16"))},
    )
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    head = "\r\n".join(["POST /transcribe/file HTTP/1.1", *lines, "", ""]).encode()
    body = request.read()
    port = int(gateway.http_url.rpartition(":")[2])
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(head + body[: int(len(body) * share)])
        await writer.drain()
        yield writer
    finally:
        writer.close()


@pytest.mark.parametrize("models", [ONLINE, BOTH], ids=["stream", "offline"])
@pytest.mark.parametrize("how", ["close", "abort"])
@pytest.mark.parametrize("pipelined", [b"", b"G", NEXT, NEXT * 5000], ids=len)
async def test_an_upload_whose_client_hung_up_ends_at_the_recogniser_and_frees_its_slot(
    emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    models: dict[str, dict[str, str]],
    how: str,
    pipelined: bytes,
) -> None:
    monkeypatch.setattr(hang_up_watch, "LOOK_S", 0.05)
    async with (
        asyncio.timeout(DEADLINE_S),
        serving(Deaf(models)) as riva,
        running_gateway(emulator, {"port": riva.port, "http_port": 0}) as gateway,
        uploading(gateway) as client,
    ):
        assert isinstance(riva, Deaf)
        await riva.asked.wait()
        assert gateway.gateway.admission.sessions == 1
        # Behind what is not read yet the end is not read either.
        client.write(pipelined)
        client.close() if how == "close" else client.transport.abort()
        await riva.given_up.wait()
        await eventually(lambda: gateway.gateway.admission.sessions == 0)
        await eventually(lambda: outcome(gateway, "disconnected") == 1)


async def test_an_upload_that_is_broken_off_leaves_nothing(gateway: Running) -> None:
    async with uploading(gateway, share=0.5) as client:
        await eventually(lambda: gateway.gateway.uploads.counts().active == 1)
        client.close()
        await eventually(lambda: gateway.gateway.uploads.counts() == UploadCounts())
        await eventually(lambda: outcome(gateway, "disconnected") == 1)


class Channel:
    """An ASGI receive channel."""

    def __init__(self) -> None:
        self.hung_up = asyncio.Event()

    async def receive(self) -> dict[str, object]:
        await self.hung_up.wait()
        return {"type": "http.disconnect"}


async def test_work_is_waited_for_when_its_client_hung_up() -> None:
    channel, cleaned = Channel(), []

    async def work() -> None:
        channel.hung_up.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)

    with pytest.raises(ClientDisconnect):
        await until_hang_up(channel.receive, work())
    assert cleaned


async def test_an_answer_and_an_error_of_the_work_come_out_as_they_are() -> None:
    async def answer() -> int:
        return 5

    async def fail() -> int:
        raise KeyError("work")

    assert await until_hang_up(Channel().receive, answer()) == 5
    with pytest.raises(KeyError, match="work"):
        await until_hang_up(Channel().receive, fail())


async def test_a_caller_that_is_cancelled_takes_its_work_along() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    caller = asyncio.create_task(until_hang_up(Channel().receive, work()))
    await begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert ended.is_set()
