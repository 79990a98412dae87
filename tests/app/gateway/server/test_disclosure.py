"""Strangers are told a status; version, colour, reasons and counts are for who may see them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from app.emulator import Emulator, Script
from app.gateway.server.administration import create_admin_app
from tests.support.gateways.running import Running, running_emulator, running_gateway
from tests.support.issuer import AUDIENCE, NAME, claims, key_set, token

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOKEN = "correct-horse-battery-staple"
STRANGER = {"X-Forwarded-For": "198.51.100.7"}
ROUTES = ("/", "/healthz", "/readyz", "/readyz?ignore=capacity", "/health", "/ws/status")
TOLD = {
    "/": {"service", "status", "riva_host", "features"},
    "/healthz": {"status"},
    "/readyz": {"ready"},
    "/readyz?ignore=capacity": {"ready"},
    "/health": {"status", "service", "riva_host", "timestamp"},
    "/ws/status": {"websocket_endpoint", "protocol", "status", "token_required"},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded(shared_emulator: Emulator) -> AsyncIterator[Running]:
    async with running_gateway(
        shared_emulator, app_auth_tokens=TOKEN, app_colour="green", app_admin_port=0
    ) as running:
        yield running


async def get(running: Running, path: str, headers: dict[str, str]) -> httpx.Response:
    async with httpx.AsyncClient(base_url=running.http_url) as http:
        return await http.get(path, headers=headers)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    "shown",
    [
        {},
        bearer("correct-horse-battery-stapl"),
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Cookie": f"token={TOKEN}"},
    ],
    ids=["nothing", "a wrong token", "no token", "another scheme", "a cookie"],
)
async def test_a_stranger_is_told_a_status_and_nothing_else(
    guarded: Running, path: str, shown: dict[str, str]
) -> None:
    answer = await get(guarded, path, STRANGER | shown)
    assert answer.status_code == 200
    assert answer.json().keys() == TOLD[path]
    for detail in (guarded.gateway.version, "green", "sessions", "riva-1"):
        assert detail not in answer.text


async def test_a_token_in_the_address_shows_nothing(guarded: Running) -> None:
    for path in ("/readyz", "/healthz"):
        answer = await get(guarded, f"{path}?token={TOKEN}", STRANGER)
        assert answer.json().keys() == TOLD[path]


@pytest.mark.parametrize("path", ROUTES)
async def test_who_shows_a_token_of_the_operators_list_is_told_the_rest(
    guarded: Running, path: str
) -> None:
    known = (await get(guarded, path, STRANGER | bearer(TOKEN))).json()
    assert known.keys() > TOLD[path]
    if path in {"/healthz", "/readyz"}:
        assert (known["version"], known["colour"]) == (guarded.gateway.version, "green")


async def test_an_error_of_a_stranger_names_no_version(guarded: Running) -> None:
    for path in ("/nothing", "/ws", "/transcribe/file", "/metrics"):
        answer = await get(guarded, path, STRANGER)
        assert guarded.gateway.version not in answer.text


async def test_the_status_is_the_same_for_everybody() -> None:
    """A load balancer goes by it and shows no token."""
    async with (
        running_emulator(Script(loading_seconds=3600)) as loading,
        running_gateway(loading, app_auth_tokens=TOKEN, app_ready_probe_interval_s=3600) as gateway,
    ):
        unknown = await get(gateway, "/readyz", STRANGER)
        known = await get(gateway, "/readyz", STRANGER | bearer(TOKEN))
    assert (unknown.status_code, known.status_code) == (503, 503)
    assert unknown.json() == {"ready": False}
    assert known.json()["reasons"]


@pytest.mark.parametrize(
    ("headers", "is_shown"),
    [
        ({}, True),
        ({"X-Forwarded-For": "127.0.0.1"}, False),
        ({"Forwarded": "for=127.0.0.1"}, False),
        ({"X-Real-IP": "127.0.0.1"}, False),
        ({"X-Forwarded-Proto": "https"}, False),
        ({"Via": "1.1 proxy"}, False),
        ({"Origin": "http://localhost"}, False),
    ],
)
async def test_a_program_of_this_machine_sees_them_and_who_asks_for_others_does_not(
    guarded: Running, headers: dict[str, str], is_shown: bool
) -> None:
    assert ("version" in (await get(guarded, "/healthz", headers)).json()) is is_shown


@pytest.mark.parametrize(
    ("peer", "networks", "is_shown"),
    [
        ("10.0.1.7", "10.0.0.0/20", True),
        ("10.0.16.1", "10.0.0.0/20", False),
        ("::ffff:10.0.1.7", "10.0.0.0/20", True),
        ("fd00::7", "10.0.0.0/20,fd00::/8", True),
        ("10.0.1.7", "", False),
        ("unix", "10.0.0.0/20", False),
    ],
)
async def test_a_program_of_a_named_network_sees_them(
    emulator: Emulator, peer: str, networks: str, is_shown: bool
) -> None:
    # Whole application, no socket: a test has no other machine to come from.
    async with running_gateway(
        emulator, app_auth_tokens=TOKEN, app_details_networks=networks
    ) as gateway:
        transport = httpx.ASGITransport(gateway.app, client=(peer, 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
            direct = (await http.get("/healthz")).json()
            for_another = (await http.get("/healthz", headers=STRANGER)).json()
    assert ("version" in direct) is is_shown
    assert "version" not in for_another


async def test_where_no_token_is_asked_for_nobody_is_a_stranger(gateway: Running) -> None:
    assert "version" in (await get(gateway, "/healthz", STRANGER)).json()


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_the_administrative_listener_shows_them(guarded: Running, path: str) -> None:
    # Whoever reaches it: in a container its peer is the container's own network.
    app = create_admin_app(guarded.gateway)
    transport = httpx.ASGITransport(app, client=("172.18.0.1", 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        answer = (await http.get(path)).json()
    assert (answer["version"], answer["colour"]) == (guarded.gateway.version, "green")


@pytest.mark.parametrize(
    ("scope", "is_shown"),
    [
        ("admin", True),
        ("stream file admin", True),
        ("stream file", False),
        ("administrator", False),
    ],
)
async def test_an_issuers_token_shows_them_by_its_scope(
    emulator: Emulator, tmp_path: Path, scope: str, is_shown: bool
) -> None:
    keys = tmp_path / "keys.json"
    keys.write_bytes(key_set(("ES256", "one")))
    issuer: dict[str, Any] = {
        "app_jwt_keys_file": keys,
        "app_jwt_issuer": NAME,
        "app_jwt_audience": AUDIENCE,
    }
    shown = STRANGER | bearer(token(claims(scope=scope)))
    async with running_gateway(emulator, **issuer) as gateway:
        answer = await get(gateway, "/readyz", shown)
    assert answer.status_code == 200
    assert ("version" in answer.json()) is is_shown
