"""Every handshake is answered in time, whatever it looks like, and is counted until it is.

Does not prove that a client on a bad line reads the answer: that depends on what it still sends.
"""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.contract import ContractError, ErrorCode
from app.emulator import Emulator
from app.gateway.server import app
from app.gateway.server.protocol import handshake
from app.gateway.server.protocol import http as http_protocol
from app.gateway.server.protocol.websocket import GatewayProtocol
from tests.app.gateway.raw_http import cut, held, raw
from tests.support.gateways.running import DEADLINE_S, Running, client, eventually, running_gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
VERSION = b"Sec-WebSocket-Version: 13"
UPGRADE = (b"Host: localhost", b"Connection: Upgrade", b"Upgrade: websocket")
GOOD = (*UPGRADE, KEY, VERSION)


def request(*headers: bytes, line: bytes = b"GET /ws HTTP/1.1", behind: bytes = b"") -> bytes:
    return b"\r\n".join((line, *headers)) + b"\r\n\r\n" + behind


UNREADABLE = {
    "post": request(*GOOD, line=b"POST /ws HTTP/1.1"),
    "head": request(*GOOD, line=b"HEAD /ws HTTP/1.1"),
    "a body is announced": request(*GOOD, b"Content-Length: 5"),
    "a body comes": request(*GOOD, b"Content-Length: 5", behind=b"hello"),
    "a large body comes": request(*GOOD, b"Content-Length: 300000", behind=bytes(300_000)),
    "chunked": request(*GOOD, b"Transfer-Encoding: chunked", behind=b"5\r\nhello\r\n0\r\n\r\n"),
    "a control character": request(*GOOD, b"X: a\x01b"),
    "no key": request(*UPGRADE, VERSION),
    "two keys": request(*GOOD, KEY),
    "a key that is no base64": request(*UPGRADE, VERSION, b"Sec-WebSocket-Key: !"),
    "a key that is no ASCII": request(*UPGRADE, VERSION, b"Sec-WebSocket-Key: dGh\xafIHNhbXBs"),
    "a short key": request(*UPGRADE, VERSION, b"Sec-WebSocket-Key: aGVsbG8="),
    "no version": request(*UPGRADE, KEY),
    "two origins": request(*GOOD, b"Origin: a://b", b"Origin: a://b"),
    "a broken list of subprotocols": request(*GOOD, b"Sec-WebSocket-Protocol: a b"),
    "a broken list in Connection": request(*GOOD, b"Connection: @, upgrade"),
    "no host": request(*GOOD[1:]),
    "two hosts": request(*GOOD, b"Host: localhost"),
    "no http": b"\x16\x03\x01\x00\xa5 not the TLS you look for\r\n\r\n",
}
TOO_LARGE = {
    "a header over 8 KiB": request(*GOOD, b"X: " + b"y" * 9_000),
    "a path over 8 KiB": request(*GOOD, line=b"GET /" + b"y" * 9_000 + b" HTTP/1.1"),
    "more than 128 headers": request(*GOOD, *(b"X-%d: y" % n for n in range(130))),
    "half a head over 16 KiB": request(*GOOD, *(b"X: " + b"y" * 4_000 for _ in range(6)))[:-2],
}


@pytest.mark.parametrize("said", UNREADABLE.values(), ids=UNREADABLE)
async def test_a_handshake_that_cannot_be_read_is_400_and_ends(
    gateway: Running, said: bytes
) -> None:
    async with raw(gateway, said) as one:
        answer = await one.answer()
        assert answer.status == 400
        assert answer.headers["connection"] == "close"
        assert json.loads(answer.body)["code"] == "bad_request"
        assert json.loads(answer.body)["retryable"] is False
        assert "bytearray" not in json.loads(answer.body)["error"]
        assert await one.is_closed()
    await eventually(lambda: held(gateway) == 0)


HEADERS = ("Connection", "Upgrade", "Host", "Origin", "Authorization", "Sec-WebSocket-Extensions")


@pytest.mark.parametrize("octet", [b"\x80", b"\xaf", b"\xff"])
@pytest.mark.parametrize("name", [*HEADERS, "Sec-WebSocket-Protocol", "traceparent", "X"])
async def test_an_octet_beyond_ascii_in_any_header_is_answered(
    gateway: Running, name: str, octet: bytes
) -> None:
    kept = [one for one in GOOD if not one.startswith(name.encode())]
    old = next((one.partition(b": ")[2] for one in GOOD if one.startswith(name.encode())), b"a")
    async with raw(gateway, request(*kept, name.encode() + b": " + old + octet)) as one:
        assert (await one.answer()).status in {101, 400, 403, 421, 426}
    await eventually(lambda: held(gateway) == 0)


async def test_who_comes_with_a_handshake_that_cannot_be_read_is_answered_all_the_same(
    gateway: Running,
) -> None:
    odd = UNREADABLE["a key that is no ASCII"]
    plain = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    async with raw(gateway) as first, raw(gateway) as second:
        # In one turn of the loop, as both are written before it is this task's turn again.
        first.writer.write(odd)
        second.writer.write(plain)
        assert await second.status() == 200
        assert await first.status() == 400


@pytest.mark.parametrize("said", TOO_LARGE.values(), ids=TOO_LARGE)
async def test_a_handshake_that_is_too_large_is_431_and_ends(gateway: Running, said: bytes) -> None:
    async with raw(gateway, said) as one:
        answer = await one.answer()
        assert answer.status == 431
        assert json.loads(answer.body)["code"] == "headers_too_large"
        assert await one.is_closed()
    await eventually(lambda: held(gateway) == 0)


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        (request(*UPGRADE, KEY, b"Sec-WebSocket-Version: 8"), "is '8'; accepted: 13"),
        (request(*GOOD, VERSION), "is '13, 13'; accepted: 13"),
        (request(*GOOD, line=b"GET /ws HTTP/1.0"), "asked for it in HTTP/1.0"),
        (request(*GOOD[:2], b"Upgrade: websocket, h2c", KEY, VERSION), "dropped the header"),
    ],
)
async def test_another_version_of_websocket_or_http_is_426_and_says_which(
    gateway: Running, said: bytes, hint: str
) -> None:
    async with raw(gateway, said) as one:
        answer = await one.answer()
    assert answer.status == 426
    assert answer.headers["upgrade"] == "websocket"
    assert answer.headers["sec-websocket-version"] == "13"
    assert hint in json.loads(answer.body)["error"]


@pytest.mark.parametrize(
    "said",
    [
        request(*GOOD, b"Content-Length: 0"),
        request(*UPGRADE[:2], b"Connection: keep-alive", UPGRADE[2], KEY, VERSION),
        request(*UPGRADE, KEY, VERSION, b"Cookie: \xff\xfe=\xe9"),
        request(*GOOD, line=b"GET http://localhost/ws HTTP/1.1"),
        request(b"Host: localhost", line=b"GET /healthz HTTP/1.1") + request(*GOOD),
    ],
    ids=["no body, in digits", "a second Connection", "beyond ASCII", "absolute", "pipelined"],
)
async def test_what_only_looks_odd_becomes_a_websocket(gateway: Running, said: bytes) -> None:
    async with raw(gateway, said) as one:
        answer = await one.answer()
        if answer.status == 200:
            answer = await one.answer()
        assert answer.status == 101
        assert held(gateway) == 0


async def test_a_handshake_keeps_its_place_and_its_deadline_until_it_is_answered(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handshake, "HANDSHAKE_TIMEOUT_S", 0.2)

    stuck = asyncio.Event()

    async def wait(*_: object) -> None:
        await stuck.wait()

    monkeypatch.setattr("app.gateway.server.app._serve", wait)
    async with running_gateway(emulator) as gateway, raw(gateway, request(*GOOD)) as one:
        await eventually(lambda: held(gateway) == 1)
        assert await one.is_closed()
        await eventually(lambda: held(gateway) == 0)
        assert cut(gateway, "late") == 1
        stuck.set()


@pytest.mark.parametrize("then", ["refused", "accepted", "given up"])
async def test_a_handshake_that_meets_the_servers_end_is_refused_once(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()
    serve, shutdown = app._serve, GatewayProtocol.shutdown

    async def wait(*given: Any) -> None:  # noqa: ANN401 - whatever the application hands on
        begun.set()
        await ended.wait()
        if then == "accepted":
            await serve(*given)
        if then == "refused":
            raise ContractError(ErrorCode.TOO_MANY_SESSIONS, limit=1)

    def end(protocol: GatewayProtocol) -> None:
        # The application goes on in the same turn, before it can know that the connection is lost.
        ended.set()
        shutdown(protocol)

    monkeypatch.setattr(app, "_serve", wait)
    monkeypatch.setattr(GatewayProtocol, "shutdown", end)
    async with running_gateway(emulator) as gateway, raw(gateway, request(*GOOD)) as one:
        await begun.wait()
        gateway.server.should_exit = True
        answer = await one.answer()
        assert await one.is_closed()
    assert (answer.status, json.loads(answer.body)["code"]) == (503, "draining")


async def test_who_was_refused_and_stays_takes_nobodys_place(emulator: Emulator) -> None:
    healthy = request(b"Host: localhost", line=b"GET /healthz HTTP/1.1")
    async with (
        running_gateway(emulator, app_max_http_connections=1) as gateway,
        raw(gateway, UNREADABLE["post"]) as refused,
    ):
        assert (await refused.answer()).status == 400
        async with raw(gateway, UNREADABLE["no host"]) as also_refused:
            assert (await also_refused.answer()).status == 400
            async with raw(gateway, healthy) as neighbour:
                assert (await neighbour.answer()).status == 200
    assert cut(gateway, "idle") is None


async def test_who_is_refused_and_does_not_leave_is_cut(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handshake, "LINGER_S", 0.2)
    monkeypatch.setattr(http_protocol, "LINGER_S", 0.2)
    async with running_gateway(emulator) as gateway:
        for said in (UNREADABLE["post"], UNREADABLE["no host"]):
            async with raw(gateway, said) as one:
                assert (await one.answer()).status == 400
                await eventually(lambda: held(gateway) == 0)


async def test_other_upgrades_are_offers_and_are_ignored(gateway: Running) -> None:
    offer = (b"Host: localhost", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c")
    async with raw(gateway, request(*offer, line=b"GET /healthz HTTP/1.1")) as one:
        assert (await one.answer()).status == 200


async def test_frames_right_behind_the_handshake_are_heard(gateway: Running) -> None:
    # {"type":"ping"} in a masked text frame; its mask is zero.
    frame = b"\x81\x8f\x00\x00\x00\x00" + b'{"type":"ping"}'
    async with raw(gateway, request(*GOOD, behind=frame)) as one:
        assert (await one.answer()).status == 101
        async with asyncio.timeout(DEADLINE_S):
            heard = await one.reader.readuntil(b'"pong"')
    assert b'"connection"' in heard


LINES = st.sampled_from([b"GET", b"POST", b"PUT", b"G\x01T", b"get", b"OPTIONS"]).flatmap(
    lambda method: st.sampled_from([b"/ws", b"*", b"/%ff", b"//", b"http://[x/ws", b"\xe9"]).map(
        lambda path: method + b" " + path + b" HTTP/1.1"
    )
)
ODD_HEADERS = st.lists(
    st.sampled_from([*GOOD, b"Content-Length: -1", b"Content-Length: 3", b"Expect: 100-continue"])
    | st.sampled_from([b"Transfer-Encoding: gzip", b"Connection: close", b" folded", b"Upgrade: x"])
    | st.binary(max_size=12),
    max_size=10,
)


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(line=LINES, headers=ODD_HEADERS, behind=st.binary(max_size=20))
async def test_whatever_looks_like_a_handshake_is_answered_and_is_no_fault_of_the_gateway(
    gateway: Running, line: bytes, headers: list[bytes], behind: bytes
) -> None:
    async with raw(gateway, request(*GOOD[1:3], *headers, line=line, behind=behind)) as one:
        answer = await one.answer()
    assert 100 <= answer.status < 500


async def test_neighbours_are_served_meanwhile(gateway: Running) -> None:
    async with raw(gateway, UNREADABLE["a body is announced"]) as one, client(gateway):
        assert (await one.answer()).status == 400
