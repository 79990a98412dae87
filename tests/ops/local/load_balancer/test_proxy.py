"""The local listener's proxy, over real TLS, real uvicorn targets and a real WebSocket client.

Does not prove that AWS's load balancer does the same; what is compared with it is named in
`ops.local.load_balancer.routing` with its source.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from itertools import cycle
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from ops.local.load_balancer.routing import Answer, Request, Target, WeightedRoundRobin
from tests.ops.fronts import (
    client_of,
    raw_exchange,
    running_front,
    running_target,
    saying,
    scripted_target,
    thinking,
    websocket_to,
)


async def test_a_request_reaches_the_target_with_the_clients_address_and_the_scheme(
    tls: dict[str, Any],
) -> None:
    async with (
        running_target("blue") as blue,
        running_front(lambda _: blue, **tls) as front,
        client_of(front) as client,
    ):
        answer = await client.get("/who", headers={"X-Forwarded-For": "203.0.113.7"})
        headers = dict(answer.json()["headers"])
        assert answer.json()["name"] == "blue"
        assert headers["x-forwarded-for"] == "203.0.113.7, 127.0.0.1"
        assert headers["x-forwarded-proto"] == "https"
        assert headers["x-forwarded-port"] == "8443"
        assert headers["host"] == f"localhost:{front.port}"


async def test_requests_on_one_kept_connection_are_shared_out_exactly_by_weight(
    tls: dict[str, Any],
) -> None:
    async with running_target("blue") as blue, running_target("green") as green:
        turns, by_name = WeightedRoundRobin(), {"blue": blue, "green": green}

        def choose(request: Request) -> Target | Answer:
            del request
            return by_name[turns.next({"blue": 90, "green": 10}) or ""]

        async with running_front(choose, **tls) as front, client_of(front) as client:
            names = [(await client.get("/who")).json()["name"] for _ in range(20)]
    assert Counter(names) == {"blue": 18, "green": 2}


async def test_a_body_of_a_mebibyte_goes_through_both_ways_unchanged(tls: dict[str, Any]) -> None:
    body = bytes(range(256)) * 4096
    async with (
        running_target("blue") as blue,
        running_front(lambda _: blue, **tls) as front,
        client_of(front) as client,
    ):
        assert (await client.post("/echo", content=body)).content == body

        async def in_pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(body), 100_000):
                yield body[start : start + 100_000]

        assert (await client.post("/echo", content=in_pieces())).content == body


async def test_a_target_that_answers_before_the_body_ends_is_heard(tls: dict[str, Any]) -> None:
    async with (
        running_target("blue") as blue,
        running_front(lambda _: blue, **tls) as front,
        client_of(front) as client,
    ):
        answer = await client.post("/refuse", content=b"x" * 300_000)
        assert (answer.status_code, answer.text) == (413, "too large")


async def test_a_websocket_speaks_through_the_proxy_and_keeps_its_close_code(
    tls: dict[str, Any],
) -> None:
    async with running_target("blue") as blue, running_front(lambda _: blue, **tls) as front:
        async with websocket_to(front) as socket:
            assert await socket.recv() == "blue"
            for size in (0, 1, 640, 70_000, 900_000):
                await socket.send(b"a" * size)
                assert await socket.recv() == b"a" * size
            await socket.send(b"bye")
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "as asked")


async def test_a_refused_upgrade_reaches_the_client_with_its_status(tls: dict[str, Any]) -> None:
    async with running_target("blue") as blue, running_front(lambda _: blue, **tls) as front:
        with pytest.raises(InvalidStatus) as refused:
            async with websocket_to(front, "/talk?refuse=1"):
                raise AssertionError("the upgrade was not refused")
        assert refused.value.response.status_code == 503
        assert refused.value.response.body == b"full"


async def test_an_answer_that_wants_an_upgrade_still_says_which(tls: dict[str, Any]) -> None:
    said = (
        b"HTTP/1.1 426 Upgrade Required\r\nconnection: upgrade, close\r\nupgrade: websocket\r\n"
        b"content-length: 0\r\n\r\n"
    )
    async with (
        scripted_target(saying(said)) as target,
        running_front(lambda _: target, **tls) as front,
        client_of(front) as client,
    ):
        answer = await client.get("/ws")
    assert (answer.status_code, answer.headers["upgrade"]) == (426, "websocket")


async def test_an_open_session_stays_where_it_is_when_the_weights_move(tls: dict[str, Any]) -> None:
    async with running_target("blue") as blue, running_target("green") as green:
        chosen = cycle((blue, green))
        async with (
            running_front(lambda _: next(chosen), **tls) as front,
            websocket_to(front) as first,
            websocket_to(front) as second,
        ):
            assert await first.recv() == "blue"
            assert await second.recv() == "green"
            await first.send(b"still here")
            assert await first.recv() == b"still here"


async def test_an_answer_given_here_ends_the_connection(tls: dict[str, Any]) -> None:
    async with (
        running_front(lambda _: Answer(status=503, body="green is not healthy\n"), **tls) as front,
        client_of(front) as client,
    ):
        answer = await client.post("/echo", content=b"x" * 1_000_000)
        assert (answer.status_code, answer.text) == (503, "green is not healthy\n")
        assert answer.headers["connection"] == "close"


async def test_a_target_that_is_gone_is_a_502_that_names_it(
    tls: dict[str, Any], unused_tcp_port: int
) -> None:
    gone = Target(name="green", host="127.0.0.1", port=unused_tcp_port)
    async with running_front(lambda _: gone, **tls) as front, client_of(front) as client:
        answer = await client.get("/who")
    assert (answer.status_code, answer.text) == (502, "green cannot be reached\n")


@pytest.mark.parametrize("said", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-le"])
async def test_a_target_that_does_not_speak_http_is_a_502(tls: dict[str, Any], said: bytes) -> None:
    async with (
        scripted_target(saying(said)) as target,
        running_front(lambda _: target, **tls) as front,
        client_of(front) as client,
    ):
        answer = await client.get("/who")
    assert (answer.status_code, answer.text) == (502, "the target gave no proper answer\n")


async def test_a_target_that_breaks_off_its_answer_breaks_the_clients_connection(
    tls: dict[str, Any],
) -> None:
    half = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"
    async with (
        scripted_target(saying(half)) as target,
        running_front(lambda _: target, **tls) as front,
        client_of(front) as client,
    ):
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/who")


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00\x01\x02\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"y" * 200_000 + b"\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_refused_and_never_forwarded(
    tls: dict[str, Any], sent: bytes
) -> None:
    def never(request: Request) -> Target | Answer:
        raise AssertionError(request)

    async with running_front(never, **tls) as front:
        answer = await raw_exchange(front, sent)
    assert answer.split(b" ")[1] in {b"400", b"431"}
    said = answer.partition(b"\r\n\r\n")[2]
    assert said.startswith(b"This is no proper HTTP request: ")
    assert b"bytearray" not in said


async def test_an_upgrade_in_http_1_0_is_not_passed_on(tls: dict[str, Any]) -> None:
    sent = (
        b"GET /who HTTP/1.0\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
    )
    async with running_target("blue") as blue, running_front(lambda _: blue, **tls) as front:
        received = await raw_exchange(front, sent)
    _, _, body = received.partition(b"\r\n\r\n")
    assert not {"upgrade", "connection"} & dict(json.loads(body)["headers"]).keys()


UPGRADE = b"connection: upgrade\r\nupgrade: websocket\r\n"


@pytest.mark.parametrize(
    ("headers", "behind"),
    [
        (b"", b""),
        (b"", b"GET /next HTTP/1.1\r\nhost: a\r\n\r\n"),
        (UPGRADE, b""),
        (UPGRADE, b"early"),
    ],
    ids=["alone", "with another request behind", "an upgrade", "an upgrade and bytes behind"],
)
async def test_what_is_asked_of_a_target_ends_with_the_client_that_asked(
    tls: dict[str, Any], headers: bytes, behind: bytes
) -> None:
    async with thinking() as (target, came, gone), running_front(lambda _: target, **tls) as front:
        _, writer = await asyncio.open_connection("localhost", front.port, ssl=front.context)
        writer.write(b"GET /slow HTTP/1.1\r\nhost: localhost\r\n" + headers + b"\r\n" + behind)
        async with asyncio.timeout(20):
            await came.wait()
            assert not gone.is_set()
            writer.close()
            await gone.wait()


async def test_pipelined_requests_are_answered_in_order(tls: dict[str, Any]) -> None:
    one = b"GET /who HTTP/1.1\r\nhost: localhost\r\n\r\n"
    last = one.replace(b"\r\nhost", b"\r\nconnection: close\r\nhost").replace(b"/who", b"/nothing")
    async with running_target("blue") as blue, running_front(lambda _: blue, **tls) as front:
        received = await raw_exchange(front, one * 20 + last)
    statuses = re.findall(rb"HTTP/1.1 (\d{3}) ", received)
    assert statuses == [b"200"] * 20 + [b"404"]


async def test_http_1_0_without_a_host_is_served(tls: dict[str, Any]) -> None:
    async with running_target("blue") as blue, running_front(lambda _: blue, **tls) as front:
        received = await raw_exchange(front, b"GET /who HTTP/1.0\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 200")
    assert b'"host","localhost:8443"' in received
