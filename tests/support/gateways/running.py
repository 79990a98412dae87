"""A real gateway in front of a real gRPC server, in the test's event loop."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import pytest
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from app.asr import RivaASRClient, RivaSettings
from app.emulator import (
    Emulator,
    EmulatorSettings,
    Script,
    ScriptedResult,
    ScriptedWord,
    StreamScript,
    serve,
)
from app.gateway.core import Gateway
from app.gateway.grpc_front.server import fronted
from app.gateway.server.app import create_app
from app.gateway.server.process import GatewayServer, administered, bind, bind_admin, build_server
from app.gateway.settings.gateway import GatewaySettings

PATH_B = "/ws/transcribe"
DEADLINE_S = 40.0
SILENCE_100MS = bytes(3200)

HELLO_WORLD = StreamScript(
    results=(
        ScriptedResult(at=0.2, text="hel", stability=0.5),
        ScriptedResult(
            at=0.5,
            text="hello",
            is_final=True,
            confidence=0.75,
            words=(ScriptedWord(word="hello", start=0.1, end=0.45, confidence=0.5),),
        ),
        ScriptedResult(at=0.7, text="wor", stability=0.25),
        # Owed until the half-close: only a gateway that flushes gets it.
        ScriptedResult(
            at=3600,
            text="world",
            is_final=True,
            words=(ScriptedWord(word="world", start=0.6, end=0.9),),
        ),
    )
)
TWO_FINALS = Script(streams=(HELLO_WORLD,))


@dataclass
class Running:
    """A gateway that listens; `admin_url` and `grpc_port` only where those were set."""

    url: str
    http_url: str
    gateway: Gateway
    server: GatewayServer
    app: Starlette
    admin_url: str = ""
    grpc_port: int = 0


class Listening(Protocol):
    """A recogniser: an emulator, or another one at an address."""

    @property
    def host(self) -> str: ...
    @property
    def grpc_port(self) -> int: ...
    @property
    def http_port(self) -> int: ...


@asynccontextmanager
async def running_gateway(
    emulator: Listening, riva: Mapping[str, object] | None = None, **changes: object
) -> AsyncIterator[Running]:
    """Run a gateway on a free port; leaving the context drains and stops it.

    Args:
        emulator: The recogniser.
        riva: Further settings of the way to it.
        changes: Settings of the gateway.
    """
    settings = GatewaySettings.model_validate(
        {
            "app_host": "127.0.0.1",
            "app_port": 0,
            "app_drain_grace_s": 0.0,
            # All clients of a test have one address.
            "ws_client_share": 1.0,
            **changes,
        }
    )
    way = RivaSettings.model_validate(
        {
            "host": emulator.host,
            "port": emulator.grpc_port,
            "http_port": emulator.http_port,
            # No script comes back later than that.
            "outage_limit_s": 1.0,
            **(riva or {}),
        }
    )
    app = create_app(settings, RivaASRClient(way))
    server = build_server(settings, app)
    listener, admin_listener = bind(settings), bind_admin(settings)
    port = listener.getsockname()[1]
    gateway: Gateway = app.state.gateway
    async with (
        administered(settings, gateway, admin_listener),
        fronted(settings, gateway, server.pair) as front,
    ):
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await eventually(lambda: server.started)
            await gateway.readiness.refresh()
            running = Running(
                f"ws://127.0.0.1:{port}", f"http://127.0.0.1:{port}", gateway, server, app
            )
            if front is not None:
                running.grpc_port = front.port
            if admin_listener is not None:
                running.admin_url = f"http://127.0.0.1:{admin_listener.getsockname()[1]}"
            yield running
        finally:
            server.should_exit = True
            await serving


@asynccontextmanager
async def running_emulator(
    script: Script = TWO_FINALS, **changes: object
) -> AsyncIterator[Emulator]:
    """Run an emulator that follows a script and hears nothing."""
    async with serve(EmulatorSettings(engine="none", **changes), script=script) as emulator:
        yield emulator


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until something is so that nothing announces."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - the program under test has no event for its tests
            await asyncio.sleep(0.01)


async def finish_loading(emulator: Emulator) -> None:
    """End a script's loading time at once."""
    emulator._runtime.readiness._held_until = 0.0
    emulator._runtime.readiness.hold(0)
    await emulator.wait_ready()


async def said(socket: ClientConnection) -> dict[str, Any]:
    """Return the next message."""
    async with asyncio.timeout(DEADLINE_S):
        message: dict[str, Any] = json.loads(await socket.recv())
    return message


async def said_until(socket: ClientConnection, kind: str) -> list[dict[str, Any]]:
    """Return every message up to and including the next of a type."""
    messages = [await said(socket)]
    while messages[-1]["type"] != kind:
        messages.append(await said(socket))
    return messages


async def last_words(socket: ClientConnection) -> tuple[dict[str, Any], int]:
    """Read to the end; return the last message and the close code."""
    heard: list[dict[str, Any]] = [{}]

    async def read_on() -> None:
        while True:
            heard.append(await said(socket))

    with pytest.raises(ConnectionClosed) as closed:
        await read_on()
    assert closed.value.rcvd is not None
    return heard[-1], closed.value.rcvd.code


async def send(socket: ClientConnection, kind: str, **fields: object) -> None:
    """Send a control message."""
    await socket.send(json.dumps({"type": kind, **fields}))


@asynccontextmanager
async def client(
    running: Running,
    path: str = "/",
    **options: Any,  # noqa: ANN401 - handed on to websockets
) -> AsyncIterator[ClientConnection]:
    """Connect and take the hello."""
    async with connect(running.url + path, compression=None, **options) as socket:
        hello = await said(socket)
        assert hello["type"] == "connection"
        yield socket
