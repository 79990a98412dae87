"""Every route of both listeners bounds a request's size and times, over real sockets.

Routes are asked of the applications, so one that is new is held to the same. How large an upload
and a WebSocket message may be, and how slow, is tested where they are received.
"""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from app.emulator import Emulator
from app.gateway.server.administration import create_admin_app
from app.gateway.server.protocol import handshake
from app.gateway.server.protocol import http as http_protocol
from app.gateway.server.protocol.heads import MAX_HEAD_BYTES
from app.gateway.uploads import reception
from tests.app.gateway.raw_http import cut, held, raw
from tests.support.gateways.running import Running, eventually, running_gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

DEAF = 4096
ANSWERS = 12_000
"""Even of the smallest, more than the system keeps for a socket that nobody reads."""
UNREAD = {"/", "/healthz", "/v1/models", "/transcribe/file", "/metrics", "/drain"}
"""Of every kind of answer one, small and large, of both listeners."""
SOON_S = 0.2


def paths(app: Starlette) -> Iterator[str]:
    """The paths over HTTP, a file and a path without a route among them."""
    for route in app.routes:
        if isinstance(route, Route | Mount):
            yield route.path
    yield from ("/static/main.js", "/nothing")


def listeners(gateway: Running) -> list[tuple[Running, str]]:
    """Every path, with the gateway as it is reached there."""
    admin = Running(
        gateway.admin_url, gateway.admin_url, gateway.gateway, gateway.server, gateway.app
    )
    return [
        *((gateway, path) for path in paths(gateway.app)),
        *((admin, path) for path in paths(create_admin_app(gateway.gateway))),
    ]


def request(path: str, *headers: str, method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode()


def fitting(path: str, size: int) -> bytes:
    """A request whose head has exactly so many bytes, as they are counted."""
    counted = len(b"GET") + len(path) + 4 + len("Host: localhost\r\n") + len("X: \r\n")
    return request(path, f"X: {'x' * (size - counted)}")


async def test_a_head_is_as_long_as_it_may_be_and_no_byte_longer(emulator: Emulator) -> None:
    """However it arrives: at once, or a piece at a time."""
    async with running_gateway(emulator, app_admin_port=0) as gateway:
        for place, path in listeners(gateway):
            async with raw(place, fitting(path, MAX_HEAD_BYTES)) as one:
                assert await one.status() != 431, path
            async with raw(place, fitting(path, MAX_HEAD_BYTES + 1)) as one:
                answer = await one.answer()
                assert answer.status == 431, path
                assert b'"code":"headers_too_large"' in answer.body
                assert await one.is_closed()
        head = fitting("/healthz", MAX_HEAD_BYTES + 1)
        async with raw(gateway) as one:
            for piece in (head[:9000], head[9000:-4], head[-4:]):
                await one.say(piece)
                await asyncio.sleep(0.01)
            assert await one.status() == 431
        # The line alone, and many headers.
        for long in (
            request("/healthz?" + "x" * MAX_HEAD_BYTES),
            request("/healthz", *(f"X-{number}: y" for number in range(2000))),
        ):
            async with raw(gateway, long) as one:
                assert await one.status() == 431


async def test_a_head_that_is_too_long_among_good_ones_gets_its_answer_in_its_turn(
    gateway: Running,
) -> None:
    good, bad = request("/healthz"), fitting("/healthz", MAX_HEAD_BYTES + 1)
    async with raw(gateway, good + bad + good) as one:
        assert [await one.status() for _ in range(2)] == [200, 431]
        assert await one.is_closed()


async def test_half_a_head_is_cut_in_time(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_TIMEOUT_S", SOON_S)
    async with running_gateway(emulator, app_admin_port=0) as gateway:
        async with AsyncExitStack() as stack:
            slow = [
                await stack.enter_async_context(raw(place, request(path)[:-2]))
                for place, path in listeners(gateway)
            ]
            for one in slow:
                assert await one.is_closed()
        assert cut(gateway, "late") == len(slow)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_body_that_does_not_come_holds_no_connection(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_TIMEOUT_S", SOON_S)
    monkeypatch.setattr(reception, "PATIENCE_S", SOON_S)
    async with running_gateway(emulator, app_admin_port=0) as gateway:
        async with AsyncExitStack() as stack:
            slow = [
                await stack.enter_async_context(
                    raw(place, request(path, announced, method=method) + b"5\r\nhe")
                )
                for place, path in listeners(gateway)
                # That one drains; it is served by the same protocol as its neighbours.
                if (path, method) != ("/drain", "POST")
                for announced in ("Content-Length: 999", "Transfer-Encoding: chunked")
            ]
            for one in slow:
                assert await one.status() >= 200
                assert await one.is_closed()
        await eventually(lambda: held(gateway) == 0)


@pytest.mark.slow
async def test_answers_that_nobody_reads_are_given_up_in_time(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, app_admin_port=0, ws_send_timeout_s=SOON_S) as gateway,
        AsyncExitStack() as deaf,
    ):
        # What writes an answer is below the paths: some of every kind will do, as each is asked
        # for thousands of times.
        some = [(place, path) for place, path in listeners(gateway) if path in UNREAD]
        assert {path for _, path in some} == UNREAD
        for place, path in some:
            await deaf.enter_async_context(raw(place, request(path) * ANSWERS, room=DEAF))
        await eventually(lambda: cut(gateway, "unread") == len(some))


async def test_a_handshake_is_bounded_as_any_request(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On every path, for the one route of WebSockets takes them all."""
    monkeypatch.setattr(http_protocol, "HEAD_TIMEOUT_S", SOON_S)
    monkeypatch.setattr(handshake, "LINGER_S", SOON_S)
    upgrade = (
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    async with running_gateway(emulator) as gateway:
        for path in ("/ws", "/ws/transcribe", "/nothing"):
            async with raw(gateway, request(path, *upgrade)[:-2]) as one:
                assert await one.is_closed()
            async with raw(gateway, request(path, *upgrade, "X: " + "x" * MAX_HEAD_BYTES)) as one:
                assert await one.status() == 431
                assert await one.is_closed()


@pytest.mark.parametrize("order", [1, -1])
async def test_a_request_that_ends_in_two_ways_is_refused_and_nothing_behind_it_is_read(
    emulator: Emulator, order: int
) -> None:
    lengths = ["Content-Length: 5", "Transfer-Encoding: chunked"][::order]
    async with running_gateway(emulator, app_admin_port=0) as gateway:
        for place, path in listeners(gateway):
            said = request(path, *lengths, method="POST") + b"0\r\n\r\n"
            async with raw(place, said + request("/healthz")) as one:
                answer = await one.answer()
                assert (answer.status, answer.headers["connection"]) == (400, "close"), path
                assert await one.is_closed(), path
