"""A real target (uvicorn) and a real TLS front for the tests of the local listener."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import trustme
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request as WebRequest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from ops.local.load_balancer.connections import MAX_CLIENTS
from ops.local.load_balancer.listener import Connections
from ops.local.load_balancer.proxy import Proxy
from ops.local.load_balancer.routing import Answer, Request, Target


@dataclass(frozen=True)
class Front:
    """A TLS listener under test."""

    port: int
    context: ssl.SSLContext

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(scope="session")
def client_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def application(name: str) -> Starlette:
    async def who(request: WebRequest) -> Response:
        seen = [[key, value] for key, value in request.headers.items()]
        return JSONResponse({"name": name, "headers": seen})

    async def echo(request: WebRequest) -> Response:
        return Response(await request.body())

    async def refuse_early(request: WebRequest) -> Response:
        del request
        return PlainTextResponse("too large", status_code=413, headers={"connection": "close"})

    async def talk(socket: WebSocket) -> None:
        if "refuse" in socket.query_params:
            await socket.send_denial_response(PlainTextResponse("full", status_code=503))
            return
        await socket.accept()
        await socket.send_text(name)
        try:
            while True:
                message = await socket.receive_bytes()
                if message == b"bye":
                    await socket.close(1008, "as asked")
                    return
                await socket.send_bytes(message)
        except WebSocketDisconnect:
            return

    return Starlette(
        routes=[
            Route("/who", who),
            Route("/readyz", who),
            Route("/echo", echo, methods=["POST"]),
            Route("/refuse", refuse_early, methods=["POST"]),
            WebSocketRoute("/talk", talk),
        ]
    )


@asynccontextmanager
async def running_target(name: str) -> AsyncIterator[Target]:
    config = uvicorn.Config(application(name), host="127.0.0.1", port=0, log_config=None)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn offers a flag and no event
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Target(name=name, host="127.0.0.1", port=port)
    finally:
        server.should_exit = True
        await task


Chooser = Callable[[Request], Target | Answer]


@asynccontextmanager
async def running_front(
    choose: Chooser,
    server_tls: ssl.SSLContext,
    client_tls: ssl.SSLContext,
    *,
    idle_seconds: Callable[[], float] = lambda: 30.0,
    limit: int = MAX_CLIENTS,
) -> AsyncIterator[Front]:
    proxy = Proxy(choose=choose, idle_seconds=idle_seconds, port=8443)
    connections = Connections(proxy, limit)
    server = await asyncio.start_server(connections.accept, "127.0.0.1", 0, ssl=server_tls)
    try:
        yield Front(port=server.sockets[0].getsockname()[1], context=client_tls)
    finally:
        server.close()
        await connections.close()
        assert not connections._clients.tasks


@pytest.fixture
def unused_tcp_port() -> int:
    """A port on which nobody listens: taken and given back a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
