"""A real TLS front of the local load balancer, and targets for it: uvicorn's, or scripted."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request as WebRequest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import connect

from ops.local.load_balancer.connections import MAX_CLIENTS
from ops.local.load_balancer.listener import Connections
from ops.local.load_balancer.proxy import Proxy
from ops.local.load_balancer.routing import Answer, Request, Target

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Front:
    """A TLS listener under test."""

    port: int
    context: ssl.SSLContext

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"


def client_of(front: Front) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=front.url, verify=front.context, trust_env=False)


def websocket_to(front: Front, path: str = "/talk") -> connect:
    url = f"wss://localhost:{front.port}{path}"
    return connect(url, ssl=front.context, proxy=None, compression=None)


async def raw_exchange(front: Front, sent: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("localhost", front.port, ssl=front.context)
    writer.write(sent)
    received = await reader.read()
    writer.close()
    await writer.wait_closed()
    return received


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


@asynccontextmanager
async def scripted_target(handler: Handler) -> AsyncIterator[Target]:
    """Run a target that does with each connection what it is told to, then closes it."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await handler(reader, writer)
        writer.close()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        yield Target(name="blue", host="127.0.0.1", port=server.sockets[0].getsockname()[1])


def saying(said: bytes) -> Handler:
    """Answer a request with these bytes."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        await writer.drain()

    return answer


@asynccontextmanager
async def thinking() -> AsyncIterator[tuple[Target, asyncio.Event, asyncio.Event]]:
    """Run a target that takes a request and never answers; events tell when it came and went."""
    came, gone = asyncio.Event(), asyncio.Event()

    async def think(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        came.set()
        await reader.read()
        gone.set()

    async with scripted_target(think) as target:
        yield target, came, gone
