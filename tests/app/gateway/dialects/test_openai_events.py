"""Events of an upload come while it is heard, and who hangs up among them frees what it held.

The recogniser is a real gRPC server that says its last word only once the first was read.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from app.emulator import Emulator
from tests.app.gateway.uploading import recording
from tests.support.gateways.running import DEADLINE_S, Running, eventually, running_gateway
from tests.support.recognisers.fake_riva import FakeRiva, Stream, final, serving, word

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Waiting(FakeRiva):
    """Says one word, and the second when it is told to."""

    def __init__(self) -> None:
        super().__init__(script=self._say)
        self.go_on = asyncio.Event()

    async def _say(self, stream: Stream) -> None:
        await stream.receive()
        await stream.say(final("hello", word("hello", 0, 100)))
        await self.go_on.wait()
        await stream.receive_all()
        await stream.say(final("world", word("world", 200, 300)))


@asynccontextmanager
async def events(riva: Waiting, gateway: Running) -> AsyncIterator[AsyncIterator[str]]:
    """Post a recording; give the lines of its events as they come."""
    async with (
        asyncio.timeout(DEADLINE_S),
        httpx.AsyncClient(base_url=gateway.http_url, timeout=DEADLINE_S) as http,
        http.stream(
            "POST",
            "/v1/audio/transcriptions",
            data={"model": "whisper-1", "stream": "true"},
            files={"file": ("talk.wav", recording("WAV", "PCM_16"))},
        ) as answer,
    ):
        assert answer.status_code == 200
        assert not riva.go_on.is_set()
        yield (line.removeprefix("data: ") async for line in answer.aiter_lines() if line)


async def test_a_delta_is_read_while_the_recording_is_still_heard(
    emulator: Emulator,
) -> None:
    riva = Waiting()
    async with (
        serving(riva),
        running_gateway(emulator, {"port": riva.port, "http_port": 0}) as gateway,
        events(riva, gateway) as lines,
    ):
        assert json.loads(await anext(lines))["delta"] == "hello"
        # Only who has read the first can have the second said.
        riva.go_on.set()
        rest = [json.loads(line) async for line in lines]
    assert rest == [
        {"type": "transcript.text.delta", "delta": " world"},
        {"type": "transcript.text.done", "text": "hello world"},
    ]


async def test_who_hangs_up_after_the_first_delta_frees_what_it_held(emulator: Emulator) -> None:
    riva = Waiting()
    async with (
        serving(riva),
        running_gateway(emulator, {"port": riva.port, "http_port": 0}) as gateway,
    ):
        async with events(riva, gateway) as lines:
            assert json.loads(await anext(lines))["delta"] == "hello"
            assert gateway.gateway.admission.sessions == 1
        await eventually(lambda: gateway.gateway.admission.sessions == 0)
        await eventually(lambda: gateway.gateway.uploads.counts().active == 0)
