"""Every answer of every layer has the security headers, and TLS lasts where it may.

What a browser makes of them is shown for the page by the tests in tests/app/web, with chromium.
"""

import asyncio
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from app.emulator import Emulator
from app.gateway.server.headers import PAGE_POLICY, SECURITY_HEADERS, STRICT_TRANSPORT
from tests.app.gateway.conftest import Log
from tests.support.gateways.running import Running, running_gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = Path(__file__).parents[4]
UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
OWN = {
    # Of the page and its files, which a browser keeps and asks about.
    "/ui": {"content-security-policy": PAGE_POLICY, "cache-control": "no-cache"},
    "/static/main.js": {"cache-control": "no-cache"},
}
POLICY_PARTS = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
}


def wanted(path: str = "") -> dict[str, str]:
    """The security headers of an answer, with those that are a path's own."""
    return {
        **{name.lower(): value for name, value in SECURITY_HEADERS.items()},
        **OWN.get(path, {}),
    }


def named(answer: httpx.Response, path: str = "") -> dict[str, str]:
    """Of an answer's headers, those that are security headers; one that comes twice shows."""
    return {name: ", ".join(answer.headers.get_list(name)) for name in wanted(path)}


async def raw(running: Running, request: str) -> tuple[str, dict[str, str]]:
    """Send bytes; return the status line and the headers of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(running.url.rpartition(":")[2]))
    writer.write(request.encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    writer.close()
    return head[0], {
        name.lower(): value
        for name, _, value in (line.partition(": ") for line in head[1:] if line)
    }


async def test_every_route_answers_with_the_security_headers(gateway: Running) -> None:
    routes = [route.path for route in gateway.app.routes if isinstance(route, Route | Mount)]
    assert {"/ui", "/healthz", "/static", "/ws"} <= set(routes)
    async with httpx.AsyncClient(base_url=gateway.http_url) as http:
        for path in (*routes, "/static/main.js", "/nothing"):
            for method in ("GET", "POST", "DELETE"):
                answer = await http.request(method, path)
                shown = wanted(path if answer.status_code == 200 else path.partition("/ui")[0])
                if path.startswith("/static"):
                    shown["cache-control"] = answer.headers["cache-control"]
                assert named(answer, path) == shown, (method, path)
        assert named(await http.get("/static/main.js"), "/static/main.js") == wanted(
            "/static/main.js"
        )


async def test_the_page_on_hardening_has_each_header_as_it_is_sent() -> None:
    page = (ROOT / "docs" / "hardening.md").read_text(encoding="utf-8")
    for name, value in SECURITY_HEADERS.items():
        assert f"| `{name}` | `{value}` |" in page
    assert f"| `{PAGE_POLICY}` |" in page
    assert f"| `Strict-Transport-Security` | `{STRICT_TRANSPORT}`," in page


async def test_no_answer_names_a_server_or_its_version(gateway: Running) -> None:
    async with httpx.AsyncClient(base_url=gateway.http_url) as http:
        for path in ("/", "/ui", "/healthz", "/nothing", "/ws", "/static/main.js"):
            answer = await http.get(path)
            assert not {"server", "x-powered-by", "via"} & set(answer.headers), path
            for banner in ("uvicorn", "starlette", "python"):
                assert banner not in str(answer.headers).lower()


async def test_the_pages_policy_lets_nothing_inline_in_and_nobody_frame_it() -> None:
    assert set(PAGE_POLICY.split("; ")) >= POLICY_PARTS
    for lax in ("unsafe", "data:", "blob:", "*", "http:", "https:", "ws:"):
        assert lax not in PAGE_POLICY


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        # Below the application: HTTP that cannot be read, and too much of it.
        ("NONSENSE\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nX: " + "x" * 100_000, 431),
        # A handshake that cannot be read, one of another version, and one that is refused.
        (f"POST /ws HTTP/1.1\r\nHost: localhost\r\n{UPGRADE}\r\n", 400),
        (f"GET /ws HTTP/1.1\r\nHost: localhost\r\n{UPGRADE.replace('13', '7')}\r\n", 426),
        (f"GET /ws HTTP/1.1\r\nHost: evil.example\r\n{UPGRADE}\r\n", 421),
        # Within it.
        ("GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
    ],
)
async def test_a_refusal_has_them_too_whichever_layer_gives_it(
    gateway: Running, request_text: str, status: int
) -> None:
    line, headers = await raw(gateway, request_text)
    assert line.split()[1] == str(status)
    assert {name: headers.get(name) for name in wanted()} == wanted()


async def test_so_does_an_error_of_ours(emulator: Emulator, log: Log) -> None:
    """Starlette answers it outside of every middleware."""

    async def broken(_request: Request) -> Response:
        raise RuntimeError("on purpose")

    async with running_gateway(emulator) as gateway:
        gateway.app.router.routes.insert(0, Route("/broken", broken))
        async with httpx.AsyncClient(base_url=gateway.http_url) as http:
            answer = await http.get("/broken")
    assert "on purpose" in log.text
    log.forget()
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    assert named(answer) == wanted()


@pytest.mark.parametrize(
    ("host", "scheme", "lasting"),
    [
        ("speech.example.org", "https", True),
        ("speech.example.org:8443", "HTTPS", True),
        ("speech.example.org", "http", False),
        ("speech.example.org", None, False),
        # A browser would take it for every port of its machine.
        ("localhost:8443", "https", False),
        # RFC 6797, 8.1.1: no name.
        ("127.0.0.1", "https", False),
        ("[::1]:8443", "https", False),
    ],
)
async def test_a_name_that_is_reached_by_tls_is_from_then_on_asked_by_tls_alone(
    emulator: Emulator, host: str, scheme: str | None, lasting: bool
) -> None:
    """What the load balancer says of the connection stands for its TLS here."""
    said = {"Host": host} | ({} if scheme is None else {"X-Forwarded-Proto": scheme})
    async with (
        running_gateway(emulator, app_allowed_hosts="speech.example.org") as gateway,
        httpx.AsyncClient(base_url=gateway.http_url, headers=said) as http,
    ):
        told = (await http.get("/healthz")).headers.get("strict-transport-security")
    assert told == (STRICT_TRANSPORT if lasting else None)
