"""Clients that ask for much at once, or read nothing of the answers, hold up nobody.

Does not prove how late anybody is: `make abuse` measures that.
"""

import asyncio
from collections.abc import Callable

import pytest

from app.emulator import Emulator
from app.gateway.admission.turns import Turns
from app.gateway.server.protocol import connections
from app.gateway.server.protocol import http as http_protocol
from app.gateway.server.protocol.http import MAX_PIPELINED_BYTES, GatewayHttpProtocol
from tests.app.gateway.conftest import Log
from tests.app.gateway.raw_http import cut, held, raw
from tests.support.gateways.running import Running, client, eventually, running_gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
PAGE = b"GET /ui HTTP/1.1\r\nHost: localhost\r\n\r\n"
PAGES = 600
"""Their answers are some 6 MB, more than the system keeps for a socket that nobody reads."""

DEAF = 4096


def unread(gateway: Running) -> list[GatewayHttpProtocol]:
    open_ones = gateway.server.server_state.connections
    http = [one for one in open_ones if isinstance(one, GatewayHttpProtocol)]
    return [one for one in http if one.unread_since is not None]


async def test_only_a_few_requests_are_begun_in_one_turn_and_in_the_order_they_came() -> None:
    begun: list[int] = []
    seen: list[int] = []
    turns = Turns(a_turn=3)

    def begin(number: int) -> Callable[[], None]:
        return lambda: begun.append(number)

    for number in range(10):
        turns.schedule(begin(number))
    while len(begun) < 10:
        await asyncio.sleep(0)
        seen.append(len(begun))
    assert begun == list(range(10))
    assert seen == [3, 6, 9, 10]


async def test_who_pipelines_has_one_place_in_a_turn_as_long_as_others_wait() -> None:
    begun: list[str] = []
    turns = Turns(a_turn=3)

    def begin(name: str) -> Callable[[], None]:
        return lambda: begun.append(name)

    for number in range(4):
        turns.schedule(begin(f"pipelined {number}"), is_pipelined=True)
    for number in range(3):
        turns.schedule(begin(f"new {number}"))
    await asyncio.sleep(0)
    assert begun == ["pipelined 0", "new 0", "new 1"]
    await asyncio.sleep(0)
    assert begun[3:] == ["pipelined 1", "new 2", "pipelined 2"]
    await asyncio.sleep(0)
    assert begun[6:] == ["pipelined 3"]


def fails() -> None:
    raise ZeroDivisionError


async def test_a_request_that_fails_when_it_is_begun_keeps_no_other_from_its_turn() -> None:
    begun: list[str] = []
    failures: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: failures.append(context["exception"]))
    turns = Turns(a_turn=3)
    turns.schedule(lambda: begun.append("first"))
    turns.schedule(fails)
    turns.schedule(lambda: begun.append("pipelined"), is_pipelined=True)
    turns.schedule(lambda: begun.append("last"))
    for _ in range(4):
        await asyncio.sleep(0)
    loop.set_exception_handler(None)
    assert begun == ["pipelined", "first", "last"]
    assert [type(one) for one in failures] == [ZeroDivisionError]


@pytest.mark.parametrize("behind", [b"0\n:\rX y\r\n\r\n", b"zz\r\n", b"5\r\nhelloXX"])
async def test_a_body_that_breaks_amid_its_request_is_refused_once_and_logs_no_failure(
    gateway: Running, behind: bytes, log: Log
) -> None:
    head = b"POST /transcribe/file HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
    kind = b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    async with raw(gateway, head + kind + b"5\r\nhello\r\n" + behind) as one:
        assert await one.status() == 400
        assert await one.is_closed()
    await eventually(lambda: held(gateway) == 0)
    assert "Exception in ASGI application" not in log.text


async def test_pipelined_requests_are_answered_one_by_one_in_order(gateway: Running) -> None:
    async with raw(gateway) as one:
        one.writer.write(HEALTH * 50 + HEALTH.replace(b"healthz", b"nothing") + HEALTH)
        assert [await one.status() for _ in range(52)] == [200] * 50 + [404, 200]


async def test_what_is_pipelined_beyond_a_bound_is_left_unread(gateway: Running) -> None:
    async with raw(gateway, room=DEAF) as one:
        one.writer.write(PAGE * 200_000)
        await eventually(lambda: len(unread(gateway)) == 1)
        (deaf,) = unread(gateway)
        assert deaf.flow.read_paused
        # uvloop reads up to 256 KiB at once.
        assert len(deaf.conn.trailing_data[0]) <= MAX_PIPELINED_BYTES + 256 * 1024


async def test_what_waited_for_room_is_answered_in_the_end(gateway: Running) -> None:
    large = HEALTH[:-2] + b"X: " + b"y" * 4000 + b"\r\n\r\n"
    count = 8 * MAX_PIPELINED_BYTES // len(large)
    async with raw(gateway) as one:
        one.writer.write(large * count)
        assert [await one.status() for _ in range(count)] == [200] * count
    body = bytes(6 * MAX_PIPELINED_BYTES)
    head = b"POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with raw(gateway) as one:
        one.writer.write(head + body + HEALTH)
        assert [await one.status() for _ in range(2)] == [404, 200]


async def test_an_answer_that_nobody_reads_is_given_up_in_time(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, ws_send_timeout_s=0.2) as gateway,
        raw(gateway, room=DEAF) as one,
    ):
        one.writer.write(PAGE * PAGES)
        await eventually(lambda: cut(gateway, "unread") == 1)
        await eventually(lambda: held(gateway) == 0)


async def test_an_answer_that_is_read_slowly_arrives_whole(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, ws_send_timeout_s=4.0) as gateway,
        raw(gateway, room=2**16) as one,
    ):
        one.writer.write(PAGE * PAGES)
        await eventually(lambda: len(unread(gateway)) == 1)
        for number in range(PAGES):
            assert await one.status() == 200
            if number % (PAGES // 5) == 0:
                await asyncio.sleep(1.0)  # five of which are longer than the limit of one
        assert cut(gateway, "unread") is None


async def test_when_the_table_is_full_who_does_not_read_goes_first(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "PATIENCE_S", 0.0)
    async with (
        running_gateway(emulator, app_max_http_connections=2) as gateway,
        raw(gateway) as idle,
        raw(gateway, room=DEAF) as deaf,
    ):
        idle.writer.write(HEALTH)
        assert await idle.status() == 200
        deaf.writer.write(PAGE * PAGES)
        await eventually(lambda: len(unread(gateway)) == 1)
        async with raw(gateway) as one:
            one.writer.write(HEALTH)
            assert await one.status() == 200
            idle.writer.write(HEALTH)
            assert await idle.status() == 200
        assert cut(gateway, "unread") == 1
        assert cut(gateway, "idle") is None


async def test_where_nobody_reads_newcomers_are_served_all_the_same(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "PATIENCE_S", 0.0)
    async with running_gateway(emulator, app_max_http_connections=4) as gateway:
        deaf = [raw(gateway, room=DEAF) for _ in range(4)]
        for each in deaf:
            (await each.__aenter__()).writer.write(PAGE * PAGES)
        await eventually(lambda: len(unread(gateway)) == 4)
        async with raw(gateway) as one, client(gateway):
            one.writer.write(HEALTH)
            assert await one.status() == 200
        for each in deaf:
            await each.__aexit__(None, None, None)


async def test_who_asks_for_more_makes_room_where_nobody_is_quiet(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "PATIENCE_S", 3600)
    async with (
        running_gateway(emulator, app_max_http_connections=1) as gateway,
        raw(gateway, room=DEAF) as greedy,
    ):
        greedy.writer.write(PAGE * PAGES)
        await eventually(lambda: len(unread(gateway)) == 1)
        async with raw(gateway) as one:
            one.writer.write(HEALTH)
            assert await one.status() == 200
        assert cut(gateway, "pipelined") == 1


async def test_a_body_that_trickles_on_behind_its_answer_is_cut(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_TIMEOUT_S", 0.2)
    async with running_gateway(emulator) as gateway, raw(gateway) as one:
        one.writer.write(b"POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n")
        assert await one.status() == 404
        await eventually(lambda: cut(gateway, "late") == 1)


async def test_a_body_that_ends_behind_its_answer_keeps_the_connection(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_TIMEOUT_S", 1.0)
    async with running_gateway(emulator) as gateway, raw(gateway) as one:
        one.writer.write(b"POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n")
        assert await one.status() == 404
        one.writer.write(b"hello")
        await asyncio.sleep(1.2)
        one.writer.write(HEALTH)
        assert await one.status() == 200


async def test_of_the_refused_only_so_many_may_stay_to_read_why(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_LINGERING", 1)
    monkeypatch.setattr(http_protocol, "LINGER_S", 60)
    async with (
        running_gateway(emulator) as gateway,
        raw(gateway) as first,
        raw(gateway) as second,
    ):
        for one in (first, second):
            one.writer.write(b"no request\r\n\r\n")
            assert await one.status() == 400
        assert held(gateway) == 1
