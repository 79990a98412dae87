"""A gateway in a process of its own, started as in production."""

import asyncio
import os
import socket as sockets
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from app.emulator import Emulator
from tests.support.gateways.running import DEADLINE_S


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with sockets.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@asynccontextmanager
async def process(
    emulator: Emulator, folder: Path, *, stdout: int = PIPE, **settings: str
) -> AsyncIterator[tuple[Process, int]]:
    """Run `python -m app.gateway` until it listens; its log goes to that descriptor."""
    port = free_port()
    root = str(Path(__file__).parents[3])
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": root,
        "APP_HOST": "127.0.0.1",
        "APP_PORT": str(port),
        "RIVA_HOST": emulator.host,
        "RIVA_PORT": str(emulator.grpc_port),
        "RIVA_HTTP_PORT": str(emulator.http_port),
        **settings,
    }
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.gateway", env=environment, cwd=folder, stdout=stdout, stderr=PIPE
    )
    try:
        async with asyncio.timeout(DEADLINE_S), httpx.AsyncClient() as http:
            while running.returncode is None:
                try:
                    answer = await http.get(f"http://127.0.0.1:{port}/readyz")
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
                    continue
                if answer.status_code == 200:
                    break
                await asyncio.sleep(0.05)
        yield running, port
    finally:
        if running.returncode is None:
            running.kill()
        await running.communicate()
