"""How many clients the local listener serves, for how long, and what ends with one of them.

Over real TLS, real targets and a real WebSocket client.
"""

import asyncio
import contextlib
from itertools import chain, repeat
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from ops.local.load_balancer.routing import Answer, Request, Target
from tests.ops.fronts import (
    client_of,
    raw_exchange,
    running_front,
    running_target,
    scripted_target,
    thinking,
    websocket_to,
)


async def test_one_too_many_takes_the_place_of_the_longest_quiet_and_hurts_nobody_at_work(
    tls: dict[str, Any],
) -> None:
    async with (
        running_target("blue") as blue,
        running_front(lambda _: blue, **tls, limit=2) as front,
        websocket_to(front) as socket,
        client_of(front) as first,
        client_of(front) as second,
    ):
        assert await socket.recv() == "blue"
        for client in (first, second, first):
            assert (await client.get("/who")).status_code == 200
        third = await raw_exchange(front, b"GET /who HTTP/1.0\r\n\r\n")
        assert third.startswith(b"HTTP/1.1 200")
        # A WebSocket has no place among them, and httpx opens a new connection by itself.
        await socket.send(b"still here")
        assert await socket.recv() == b"still here"
        assert (await first.get("/who")).status_code == 200


async def test_where_all_are_at_work_the_newcomer_is_refused(tls: dict[str, Any]) -> None:
    async with (
        thinking() as (target, came, gone),
        running_front(lambda _: target, **tls, limit=1) as front,
    ):
        _, writer = await asyncio.open_connection("localhost", front.port, ssl=front.context)
        writer.write(b"GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n")
        await came.wait()
        received = b""
        with contextlib.suppress(OSError):  # reset, or at an end
            received = await raw_exchange(front, b"GET /who HTTP/1.0\r\n\r\n")
        assert received == b""
        assert not gone.is_set()
        writer.close()


async def test_who_asks_for_more_makes_room_where_nobody_is_quiet(tls: dict[str, Any]) -> None:
    async with running_target("blue") as blue, thinking() as (slow, came, gone):

        def choose(request: Request) -> Target | Answer:
            return slow if request.path == "/slow" else blue

        async with running_front(choose, **tls, limit=1) as front:
            _, writer = await asyncio.open_connection("localhost", front.port, ssl=front.context)
            for path in (b"/who", b"/slow", b"/who"):
                writer.write(b"GET " + path + b" HTTP/1.1\r\nhost: localhost\r\n\r\n")
            await came.wait()
            received = await raw_exchange(front, b"GET /who HTTP/1.0\r\n\r\n")
            assert received.startswith(b"HTTP/1.1 200")
            await gone.wait()
            writer.transport.abort()


@pytest.mark.parametrize("upgrade", [False, True])
async def test_a_connection_on_which_nothing_moves_is_closed(
    tls: dict[str, Any], upgrade: bool
) -> None:
    async with (
        running_target("blue") as blue,
        running_front(lambda _: blue, **tls, idle_seconds=lambda: 0.3) as front,
    ):
        if upgrade:
            async with websocket_to(front) as socket:
                assert await socket.recv() == "blue"
                with pytest.raises(ConnectionClosed):
                    await socket.recv()
        else:
            assert await raw_exchange(front, b"GET /who HT") == b""


async def test_every_byte_that_moves_gives_a_connection_its_whole_time_again(
    tls: dict[str, Any],
) -> None:
    patience = chain((1.0,), repeat(30.0))
    async with (
        running_target("blue") as blue,
        running_front(lambda _: blue, **tls, idle_seconds=lambda: next(patience)) as front,
        websocket_to(front) as socket,
    ):
        assert await socket.recv() == "blue"
        await asyncio.sleep(1.2)  # beyond what the connection began with
        await socket.send(b"still here")
        assert await socket.recv() == b"still here"


async def test_a_client_that_leaves_in_the_middle_of_its_body_frees_the_target(
    tls: dict[str, Any],
) -> None:
    gone = asyncio.Event()

    async def wait_for_end(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()
        gone.set()

    async with (
        scripted_target(wait_for_end) as target,
        running_front(lambda _: target, **tls) as front,
    ):
        _, writer = await asyncio.open_connection("localhost", front.port, ssl=front.context)
        writer.write(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nhalf")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        async with asyncio.timeout(20):
            await gone.wait()


async def test_a_reader_that_stops_reading_stops_its_writer(tls: dict[str, Any]) -> None:
    written = 0

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
        try:
            while True:
                writer.write(b"x" * 65_536)
                await writer.drain()
                written += 65_536
        except ConnectionError:
            return

    async with scripted_target(pour) as target, running_front(lambda _: target, **tls) as front:
        _, writer = await asyncio.open_connection("localhost", front.port, ssl=front.context)
        writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        before = -1
        while written != before:  # until the pour has come to rest
            before = written
            await asyncio.sleep(0.5)
        # What lies between: the kernel's buffers on three sockets and ours; far from without bound.
        assert 0 < written < 64 * 2**20
        writer.transport.abort()
