"""By which hosts the gateway may be asked, and from whose pages.

Does not prove what browsers put into Host and Origin; what they put there is RFC 9110, 7.2 and
RFC 6454, 7.
"""

import json
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.routing import Mount, Route
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from app.emulator import Emulator
from tests.app.gateway.raw_http import raw
from tests.support.gateways.running import Running, running_gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

OWN = "speech.example"
LISTED = "https://desk.example"
EVIL = "https://evil.example"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def strict(shared_emulator: Emulator) -> AsyncIterator[Running]:
    async with running_gateway(
        shared_emulator, app_allowed_hosts=f"{OWN}, *.cells.example", app_allowed_origins=LISTED
    ) as running:
        yield running


async def test_a_strangers_host_is_421_on_every_route(strict: Running) -> None:
    async with httpx.AsyncClient(base_url=strict.http_url) as http:
        routes = [one for one in strict.app.routes if isinstance(one, Route | Mount)]
        for path in [*(one.path for one in routes), "/nothing/here", "/ui/"]:
            for method in ("GET", "POST"):
                answer = await http.request(method, path, headers={"Host": "evil.example"})
                assert answer.status_code == 421, path
                assert answer.json()["code"] == "misdirected_request"
                assert "evil.example" in answer.json()["error"]
        for host in ("10.66.1.17:8080", OWN, "x.cells.example"):
            answer = await http.get("/readyz?ignore=capacity", headers={"Host": host})
            assert answer.status_code == 200


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        # Rebinding: the stranger's page has its own name resolve to the gateway.
        ("evil.example", EVIL, 421),
        ("evil.example", None, 421),
        (OWN, EVIL, 403),
        (OWN, "http://[evil", 403),
        (OWN, "http://a:b:c", 403),
        (OWN, "null", 403),
        (OWN, LISTED, 101),
        # The gateway's own page; a port that is the scheme's own need not be said.
        (OWN, f"https://{OWN}", 101),
        (f"{OWN}:443", f"https://{OWN}", 101),
        (OWN, f"https://{OWN}:443", 101),
        (OWN, f"https://{OWN}:8443", 403),
        (OWN, None, 101),
    ],
)
async def test_host_and_origin_are_judged_apart_before_the_upgrade(
    strict: Running, host: str, origin: str | None, status: int
) -> None:
    heard = await handshake(strict, host.encode(), None if origin is None else origin.encode())
    assert heard == status


async def test_an_origin_that_is_none_is_refused_even_where_every_page_may_connect(
    gateway: Running,
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(gateway.url, origin=Origin("http://[evil"))
    assert refused.value.response.status_code == 403
    assert json.loads(refused.value.response.body)["code"] == "forbidden_origin"
    for origin in (EVIL, "null", "file://", "capacitor://localhost", "desk.example"):
        async with connect(gateway.url, origin=Origin(origin)):
            pass


async def test_an_upload_of_two_origins_needs_both_of_them_accepted(strict: Running) -> None:
    async with httpx.AsyncClient(base_url=strict.http_url) as http:
        for origins in ((LISTED, EVIL), (EVIL, LISTED)):
            headers = [("Origin", origin) for origin in origins]
            answer = await http.post("/transcribe/file", headers=headers)
            assert answer.status_code == 403


async def handshake(
    gateway: Running, host: bytes | None, origin: bytes | None, path: bytes = b"/ws"
) -> int:
    """Ask for an upgrade byte by byte as given, and return the status."""
    lines = [
        b"GET " + path + b" HTTP/1.1",
        b"Connection: Upgrade",
        b"Upgrade: websocket",
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    lines += [] if host is None else [b"Host: " + host]
    lines += [] if origin is None else [b"Origin: " + origin]
    async with raw(gateway, b"\r\n".join(lines) + b"\r\n\r\n") as one:
        return await one.status()


PIECES = st.sampled_from(
    [
        b"http://",
        b"[",
        b"]",
        b":",
        b"@",
        b"/",
        b"::1",
        b"evil.example",
        b"speech.example",
        b"80",
        b"99999999",
        b"%00",
        b"\xff\xfe",
        b"null",
        b"xn--",
        b".",
        b",",
        b" ",
        b"\t",
        b"?",
        b"#",
    ]
)
VALUES = st.lists(PIECES | st.binary(max_size=4), max_size=6).map(b"".join) | st.binary(max_size=20)


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(host=VALUES, origin=VALUES)
@example(host=b"speech.example", origin=b"http://[evil")
@example(host=b"[evil", origin=b"https://desk.example")
@example(host=b"speech.example", origin=b"http://speech.example:99999999")
async def test_no_host_and_no_origin_is_a_fault_of_the_gateway(
    strict: Running, host: bytes, origin: bytes
) -> None:
    # The log fixture of this folder fails on a traceback.
    assert await handshake(strict, host, origin) in {101, 400, 403, 421}
