"""Requests that nearly are what a browser, a client or an operator sends: by real TLS.

One gateway for all; what one request leaves behind would be seen by the next.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.acceptance.strangers.forgeries import single_use, too_long
from tests.acceptance.strangers.guarded import (
    HOST,
    PAGE,
    UNAUTHORIZED,
    UPGRADED,
    Guarded,
    bearer,
    guarded,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.asyncio(loop_scope="module"),
]
FORBIDDEN = 403
MISDIRECTED = 421
UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Guarded]:
    async with guarded(tmp_path_factory.mktemp("guarded")) as running:
        yield running
    assert "Traceback" not in running.log.read_text()


def request(line: str, *lines: str, body: bytes = b"", host: str | None = HOST) -> bytes:
    named = () if host is None else (f"Host: {host}",)
    return "\r\n".join((f"{line} HTTP/1.1", *named, *lines, "", "")).encode("latin-1") + body


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (PAGE, UPGRADED),
        (PAGE.upper(), UPGRADED),
        (f"https://{HOST}:PORT", UPGRADED),
        (f"https://{HOST}", FORBIDDEN),
        (f"http://{HOST}:PORT", FORBIDDEN),
        (f"ftp://{HOST}:PORT", FORBIDDEN),
        (f"https://{HOST}.evil.example:PORT", FORBIDDEN),
        (f"{PAGE}.evil.example", FORBIDDEN),
        ("https://evilpage.example", FORBIDDEN),
        ("https://sub.page.example", FORBIDDEN),
        (f"{PAGE}@evil.example", FORBIDDEN),
        (f"{PAGE}:8443", FORBIDDEN),
        ("http://page.example", FORBIDDEN),
        ("null", FORBIDDEN),
        ("file://", FORBIDDEN),
        ("https://127.0.0.1", FORBIDDEN),
        (f"{PAGE}, {PAGE}", FORBIDDEN),
        (f"{PAGE} https://evil.example", FORBIDDEN),
    ],
)
async def test_a_page_is_known_by_its_whole_origin(
    gateway: Guarded, origin: str, status: int
) -> None:
    shown = ("Origin", origin.replace("PORT", str(gateway.port)))
    assert (await gateway.answer(bearer(gateway.static), shown))[0] == status


@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        ((HOST,), UPGRADED),
        ((f"{HOST}:1",), UPGRADED),
        ((f"{HOST.upper()}.",), UPGRADED),
        (("127.0.0.1",), UPGRADED),
        ((f"{HOST}.evil.example",), MISDIRECTED),
        ((f"evil{HOST}",), MISDIRECTED),
        ((f"evil.example/{HOST}",), MISDIRECTED),
        ((f"{HOST}@evil.example",), MISDIRECTED),
        ((f"{HOST},evil.example",), MISDIRECTED),
        (("127.0.0.1.evil.example",), MISDIRECTED),
        (("localhost.evil.example",), MISDIRECTED),
        (("0x7f.1",), MISDIRECTED),
        (("evil",), MISDIRECTED),
        ((HOST, "evil.example"), 400),
        (("evil.example", HOST), 400),
        ((), 400),
    ],
)
async def test_a_request_names_a_host_of_ours_and_one(
    gateway: Guarded, hosts: tuple[str, ...], status: int
) -> None:
    lines = (*(f"Host: {host}" for host in hosts), ": ".join(bearer(gateway.static)), *UPGRADE)
    answer = await gateway.raw(request("GET /ws", *lines, host=None))
    assert status_of(answer) == status, answer


async def test_a_name_that_is_asked_for_whole_lets_in_no_other_host(gateway: Guarded) -> None:
    lines = (": ".join(bearer(gateway.static)), *UPGRADE)
    for target in (f"https://evil.example/ws?token={gateway.static}", "//evil.example/ws"):
        answer = await gateway.raw(request(f"GET {target}", *lines, host="evil.example"))
        assert status_of(answer) == MISDIRECTED


async def test_what_is_too_long_or_said_twice_is_no_request(gateway: Guarded) -> None:
    token = ": ".join(bearer(gateway.static))
    for lines, status in (
        ((*UPGRADE, f"X: {'x' * 16_384}"), 431),
        ((*UPGRADE, ": ".join(bearer("x" * 16_384))), 431),
        ((token, *UPGRADE, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), 400),
        ((token, *UPGRADE[:2], "Sec-WebSocket-Version: 12", UPGRADE[3]), 426),
        ((token, *UPGRADE, "Content-Length: 4", "Transfer-Encoding: chunked"), 400),
        ((token, *UPGRADE, "Content-Length: 4", "Content-Length: 5"), 400),
        ((token, "Authorization : Bearer x", *UPGRADE), 400),
    ):
        answer = await gateway.raw(request("GET /ws", *lines, body=b"body"))
        assert status_of(answer) == status, (lines, answer)


async def test_a_request_hidden_in_the_body_of_another_is_not_answered(gateway: Guarded) -> None:
    token = ": ".join(bearer(gateway.static))
    hidden = request("GET /a-hidden-page", "Connection: close")
    chunk = b"%x\r\n%b\r\n0\r\n\r\n" % (len(hidden), hidden)
    for lines, body in (
        ((f"Content-Length: {len(hidden)}",), hidden),
        (("Transfer-Encoding: chunked",), chunk),
        (("Content-Length: 4", "Transfer-Encoding: chunked"), chunk),
        (("Transfer-Encoding: chunked", "Transfer-Encoding: identity"), chunk),
        (("Transfer-Encoding: xchunked",), chunk),
        (("Content-Length: +4",), b"body" + hidden),
        ((f"Content-Length: 0, {len(hidden)}",), hidden),
        ((*UPGRADE,), hidden),
    ):
        for who in ((token,), ()):
            asked = request("POST /v1/tokens", *who, *lines, "Content-Type: text/plain", body=body)
            answer = await gateway.raw(asked)
            assert b"a-hidden-page" not in answer, (lines, answer)
            assert answer.count(b"HTTP/1.1 ") == 1, (lines, answer)
            assert status_of(answer) in {400, UNAUTHORIZED, 405, 426, 501}, (lines, answer)


async def test_of_a_body_that_a_stranger_announces_none_is_read(gateway: Guarded) -> None:
    hidden = request("GET /a-hidden-page", "Connection: close")
    for path in ("/v1/tokens", "/transcribe/file"):
        asked = request(f"POST {path}", "Content-Length: 100000", body=hidden * 9)
        answer = await gateway.raw(asked)
        assert status_of(answer) == UNAUTHORIZED
        assert answer.count(b"HTTP/1.1 ") == 1
        assert b"a-hidden-page" not in answer


async def test_a_token_that_is_too_long_is_none_by_every_way(gateway: Guarded) -> None:
    shown = too_long()
    assert len(shown) > 8192
    line = ": ".join(bearer(shown))
    for path in ("/transcribe/file", "/v1/tokens"):
        answer = await gateway.raw(request(f"POST {path}", line, "Content-Length: 0"))
        assert status_of(answer) == UNAUTHORIZED
    assert (await gateway.answer(bearer(shown)))[0] in {UNAUTHORIZED, 431}


async def test_a_stranger_is_told_a_status_and_nothing_else(gateway: Guarded) -> None:
    wrong = ": ".join(bearer("a-wrong-token"))
    once = ": ".join(bearer(single_use()))
    good = ": ".join(bearer(gateway.keys["good"].text))  # of clients, not of operators
    proxied = "X-Forwarded-For: 192.0.2.1"
    for lines in ((proxied,), (proxied, wrong), (proxied, once), (proxied, good), ("Via: 1.1 x",)):
        answer = await gateway.raw(request("GET /readyz", *lines, "Connection: close"))
        head, _, body = answer.partition(b"\r\n\r\n")
        assert set(json.loads(body)) == {"ready"}, lines
        assert b"server:" not in head.lower()
    for path in ("/metrics", "/drain", "/debug", "/docs", "/openapi.json", "/static/../app.py"):
        for method in ("GET", "POST"):
            answer = await gateway.raw(request(f"{method} {path}", proxied, "Connection: close"))
            assert status_of(answer) in {404, 405}, path


async def test_a_single_use_token_lets_in_one_of_many_that_show_it_at_once(
    gateway: Guarded,
) -> None:
    for number in range(3):
        shown = single_use()
        ways = (
            gateway.answer(bearer(shown)),
            gateway.answer(path=f"/ws?token={shown}"),
            gateway.answer(offered=("perch", f"bearer.{shown}")),
        )
        answers = await asyncio.gather(*(ways), *(gateway.answer(bearer(shown)) for _ in range(7)))
        assert sorted(status for status, _ in answers) == [UPGRADED, *[UNAUTHORIZED] * 9], number
