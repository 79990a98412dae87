"""Connections that never become a WebSocket are bounded, and hold up nobody."""

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from time import monotonic

import pytest

from app.emulator import Emulator
from app.gateway.server.protocol import http as http_protocol
from app.gateway.server.protocol.connections import HttpConnections
from app.gateway.telemetry.metrics import GatewayMetrics
from app.gateway.telemetry.uploads import UploadCounts
from tests.app.gateway.raw_http import cut, held, raw
from tests.support.gateways.running import (
    client,
    eventually,
    running_gateway,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: perch\r\n\r\n"
UPLOAD = (
    b"POST /transcribe/file HTTP/1.1\r\nHost: perch\r\nContent-Length: 1000\r\n"
    b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x"
)


async def test_one_too_many_takes_the_place_of_the_longest_idle(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, app_max_http_connections=2) as gateway,
        raw(gateway) as first,
        raw(gateway) as second,
    ):
        for one in (first, second, first):
            await one.say(HEALTH)
            assert await one.status() == 200
        async with raw(gateway) as third:
            await third.say(HEALTH)
            assert await third.status() == 200
            assert await second.is_closed()
            await first.say(HEALTH)
            assert await first.status() == 200
        assert cut(gateway, "idle") == 1


async def test_where_all_are_at_work_the_newcomer_is_refused_and_none_of_them_is_hurt(
    emulator: Emulator,
) -> None:
    async with (
        running_gateway(emulator, app_max_http_connections=1, app_upload_timeout_s=60) as gateway,
        raw(gateway) as uploading,
    ):
        await uploading.say(UPLOAD)
        await eventually(lambda: gateway.gateway.uploads.counts().active == 1)
        async with raw(gateway) as newcomer:
            answer = await newcomer.answer()
            assert answer.status == 503
            assert json.loads(answer.body)["code"] == "too_many_connections"
            assert await newcomer.is_closed()
        await uploading.say(b"\r\nbroken" + bytes(1000))
        assert await uploading.status() == 400


async def test_a_websocket_leaves_the_count_with_its_upgrade(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, app_max_http_connections=1) as gateway,
        client(gateway),
        client(gateway),
        raw(gateway) as probe,
    ):
        await probe.say(HEALTH)
        assert await probe.status() == 200
        assert held(gateway) == 1
    assert cut(gateway, "idle") is None


@pytest.mark.parametrize(
    ("before", "said"), [(0, b""), (0, b"GET /healthz HT"), (0, HEALTH[:-2]), (1, HEALTH[:-2])]
)
async def test_half_a_request_is_cut_in_time(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, before: int, said: bytes
) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_TIMEOUT_S", 0.2)
    async with running_gateway(emulator) as gateway, raw(gateway) as slow:
        for _ in range(before):
            await slow.say(HEALTH)
            assert await slow.status() == 200
        await slow.say(said)
        assert await slow.is_closed()
        assert cut(gateway, "late") == 1


async def test_an_upload_that_trickles_in_is_ended_in_time(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, app_upload_timeout_s=0.2) as gateway,
        raw(gateway) as slow,
    ):
        await slow.say(UPLOAD)
        answer = await slow.answer()
        assert answer.status == 400
        assert json.loads(answer.body)["error"] == "The upload did not arrive within 0.2 s"
        assert gateway.gateway.uploads.counts() == UploadCounts()


async def test_of_a_body_that_nobody_takes_one_piece_is_read_a_turn(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn = 0
    read: Counter[int] = Counter()
    take = http_protocol.GatewayHttpProtocol.data_received

    def note(self: http_protocol.GatewayHttpProtocol, data: bytes) -> None:
        read[turn] += 1
        take(self, data)

    async def count_turns() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    monkeypatch.setattr(http_protocol.GatewayHttpProtocol, "data_received", note)
    size = 16 * 2**20
    async with running_gateway(emulator, app_max_upload_mb=1) as gateway, raw(gateway) as refused:
        counting = asyncio.create_task(count_turns())
        head = UPLOAD.replace(b"1000", str(size).encode())
        await refused.say(head + bytes(size - len(b"--x")) + HEALTH)
        assert [await refused.status(), await refused.status()] == [413, 200]
        counting.cancel()
    assert len(read) > 16
    assert max(read.values()) == 1


@dataclass(eq=False)
class Idle:
    """A connection on which nothing has happened."""

    peer: str
    idle_since: float
    unread_since: float | None = None
    pipelined_since: float | None = None
    is_cut: bool = False

    def abort(self) -> None:
        self.is_cut = True


async def test_who_opens_most_makes_room_before_who_has_one_connection_for_longer() -> None:
    table = HttpConnections(4, GatewayMetrics("0"))
    now = monotonic()
    alone = Idle("192.0.2.1", now - 0.5)
    many = [Idle("192.0.2.2", now - 0.4 + number / 10) for number in range(3)]
    for one in (alone, *many):
        assert table.add(one)
    assert table.add(Idle("192.0.2.2", now))
    assert table.add(Idle("192.0.2.3", now))
    assert [one.is_cut for one in (alone, *many)] == [False, True, True, False]
