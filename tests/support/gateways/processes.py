"""An emulator and gateways as real processes, on free ports of the loopback address."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support.processes import POLL_S, answers

START_S = 60
STOP_S = 20


@dataclass
class Running:
    """A started process, and the line in which it said where it listens."""

    process: Process
    said: dict[str, object]
    drain: asyncio.Task[None]

    @property
    def port(self) -> int:
        return int(str(self.said["port"]))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def websocket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), STOP_S)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        await self.drain


async def _start(
    arguments: list[str], event: str, settings: Mapping[str, str], at: Path
) -> Running:
    """Start a Python module and wait for the line with an event."""
    # Nothing of this machine's own settings: what a developer has exported must not decide a test.
    inherited = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("APP_", "WS_", "AUDIO_", "LOG_", "RIVA_", "NIM_", "EMULATOR_"))
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments, cwd=at, env={**inherited, **settings}, stdout=PIPE
    )
    assert process.stdout is not None
    said: dict[str, object] = {}
    async with asyncio.timeout(START_S):
        while said.get("event") != event:
            line = await process.stdout.readline()
            assert line, f"{arguments} ended with {await process.wait()} before it said {event!r}"
            said = json.loads(line)

    async def read_on(stream: asyncio.StreamReader) -> None:
        # A full pipe would stop the process.
        while await stream.read(65536):
            pass

    return Running(process, said, asyncio.create_task(read_on(process.stdout)))


@asynccontextmanager
async def emulator(at: Path) -> AsyncIterator[Running]:
    """The embedded recogniser, ready to hear."""
    # Few interims: each is a decoding of all that was said, and one is enough to see.
    ports = ["--grpc-port", "0", "--http-port", "0", "--interim-interval", "1.5"]
    running = await _start(["app.emulator", *ports], "ready", {}, at)
    try:
        yield running
    finally:
        await running.stop()


@asynccontextmanager
async def gateway(recogniser: Running, at: Path, **settings: str) -> AsyncIterator[Running]:
    """A gateway in front of a recogniser, ready for sessions."""
    values = {
        "APP_HOST": "127.0.0.1",
        "APP_PORT": "0",
        "RIVA_HOST": "127.0.0.1",
        "RIVA_PORT": str(recogniser.said["grpc_port"]),
        "RIVA_HTTP_PORT": str(recogniser.said["http_port"]),
        "LOG_FORMAT": "json",
        **settings,
    }
    running = await _start(["app.gateway"], "listening", values, at)
    try:
        await _ready(running.url)
        yield running
    finally:
        await running.stop()


async def _ready(url: str) -> None:
    """Ask until sessions are taken."""
    async with asyncio.timeout(START_S), httpx.AsyncClient(trust_env=False) as http:
        # It is named before it is served.
        while not await answers(http, f"{url}/readyz"):  # noqa: ASYNC110 - another process has no event
            await asyncio.sleep(POLL_S)
