"""The HTTP side: health, readiness, metrics, the old information pages, the page's headers."""

import httpx
import pytest
from starlette.routing import Mount, Route

from app.emulator import Emulator, Script
from tests.support.gateways.running import (
    Running,
    client,
    finish_loading,
    running_emulator,
    running_gateway,
    said_until,
    send,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def get(gateway: Running, path: str, **options: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=gateway.http_url) as http:
        return await http.get(path, headers=options)


async def test_the_root_is_the_old_json_for_programs_and_the_page_for_browsers(
    gateway: Running,
) -> None:
    for_program = await get(gateway, "/")
    for_browser = await get(gateway, "/", accept="text/html,*/*;q=0.8")
    assert for_program.json()["riva_host"] == "riva"
    assert for_program.json().keys() == {"service", "status", "version", "riva_host", "features"}
    assert for_browser.status_code == 307
    assert for_browser.headers["location"] == "/ui"


async def test_the_old_health_route_tells_the_truth(gateway: Running) -> None:
    answer = await get(gateway, "/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "healthy"
    assert (await get(gateway, "/ws/status")).json() == {
        "websocket_endpoint": "/ws/transcribe",
        "protocol": "1.0",
        "status": "available",
        "active_connections": 0,
        "token_required": False,
    }


async def test_a_gateway_says_its_colour_wherever_it_says_its_version(
    gateway: Running, emulator: Emulator
) -> None:
    assert [(await get(gateway, path)).json()["colour"] for path in ("/healthz", "/readyz")] == [
        None,
        None,
    ]
    async with running_gateway(emulator, app_colour="green") as green:
        version = green.gateway.version
        for path in ("/healthz", "/readyz"):
            told = (await get(green, path)).json()
            assert (told["colour"], told["version"]) == ("green", version)
        info = {"version": version, "colour": "green"}
        assert green.gateway.metrics.registry.get_sample_value("perch_build_info", info) == 1


async def test_readiness_follows_the_recogniser() -> None:
    async with (
        running_emulator(Script(loading_seconds=3600)) as emulator,
        running_gateway(emulator, app_ready_probe_interval_s=3600) as gateway,
    ):
        loading = await get(gateway, "/readyz")
        assert loading.status_code == 503
        assert loading.json()["ready"] is False
        assert len(loading.json()["reasons"]) == 1
        assert (await get(gateway, "/health")).json()["status"] == "unhealthy"
        # The process is well all the same: nobody may restart it for that.
        assert (await get(gateway, "/healthz")).status_code == 200
        await finish_loading(emulator)
        await gateway.gateway.readiness.refresh()
        assert (await get(gateway, "/readyz")).json()["ready"] is True
        emulator.set_script(Script(loading_seconds=3600))
        await gateway.gateway.readiness.refresh()
        assert (await get(gateway, "/readyz")).status_code == 503


async def test_readiness_follows_the_free_slots(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, ws_max_concurrent_sessions=1, ws_max_connections=1) as gateway,
        client(gateway) as socket,
    ):
        await send(socket, "start_transcription")
        await said_until(socket, "session_started")
        full = await get(gateway, "/readyz")
        # A full machine is no sick one: what replaces machines must not see it as such.
        assert (await get(gateway, "/readyz?ignore=capacity")).status_code == 200
        assert full.status_code == 503
        assert full.json()["reasons"] == [
            "all 1 sessions are in use",
            "all 1 connections are in use",
        ]


async def test_readiness_names_slots_line_mode_and_each_recogniser(emulator: Emulator) -> None:
    ways = {
        "endpoints": f"{emulator.host}:{emulator.grpc_port}/{emulator.http_port},127.0.0.1:1/0",
        "endpoint_streams": 7,
        "timeout_ms": 500,
    }
    async with running_gateway(emulator, riva=ways, ws_max_concurrent_sessions=10) as gateway:
        body = (await get(gateway, "/readyz")).json()
        text = gateway.gateway.metrics.render().decode()
    assert body["ready"] is True
    assert (body["slots"], body["free_sessions"], body["waiting"]) == (7, 7, 0)
    assert body["recognition"] == "on"
    (group,) = body["groups"]
    assert group == {
        "name": "default",
        "languages": ["en-US"],
        "models": ["parakeet-rnnt-1.1b-unified-ml-cs-universal-multi-asr-streaming"],
        "ready": True,
        "reason": None,
        "sessions": 0,
        "slots": 7,
        "waiting": 0,
    }
    well, lost = body["endpoints"]
    assert well == {
        "name": "riva-1",
        "group": "default",
        "route": "primary",
        "ready": True,
        "streams": 0,
        "slots": 7,
        "consecutive_errors": 0,
        "ejected_for": 0.0,
        "ejections": 0,
    }
    assert (lost["name"], lost["ready"]) == ("riva-2", False)
    for line in (
        'perch_endpoint_ready{endpoint="riva-1",group="default"} 1.0',
        'perch_endpoint_ready{endpoint="riva-2",group="default"} 0.0',
        'perch_endpoint_slots{endpoint="riva-1",group="default"} 7.0',
        'perch_endpoint_ejections_total{endpoint="riva-1",group="default"} 0.0',
        'perch_recognition_mode{mode="on"} 1.0',
        'perch_recognition_mode{mode="off"} 0.0',
        "perch_session_slots 7.0",
        "perch_waiting_room_places 50.0",
    ):
        assert line in text


async def test_readiness_ends_with_the_drain(emulator: Emulator) -> None:
    async with running_gateway(emulator) as gateway:
        gateway.gateway.begin_drain()
        answer = await get(gateway, "/readyz")
    assert answer.status_code == 503
    assert answer.json()["reasons"] == ["the gateway is draining"]


async def test_unknown_paths_and_methods_are_structured_errors(gateway: Running) -> None:
    missing = await get(gateway, "/nothing/here")
    assert missing.status_code == 404
    assert missing.json() == {
        "error": "There is nothing at /nothing/here",
        "code": "not_found",
        "retryable": False,
        "retry_after": None,
    }
    wrong = await get(gateway, "/transcribe/file")
    assert wrong.status_code == 405
    assert wrong.json()["code"] == "method_not_allowed"
    assert wrong.headers["allow"] == "POST"


async def test_the_page_is_served_under_a_strict_policy(gateway: Running) -> None:
    answer = await get(gateway, "/ui")
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["permissions-policy"].startswith("microphone=(self)")
    for escape in ("/static/../gateway/server.py", "/static/%2e%2e/gateway/server.py"):
        assert (await get(gateway, escape)).status_code == 404


@pytest.mark.parametrize("host", ["127.0.0.1", "speech", "speech:8443"])
@pytest.mark.parametrize(
    "path", ["/ui", "/healthz", "/readyz", "/health", "/ws/status", "/static/main.js"]
)
async def test_a_slash_at_the_end_is_served_and_sends_nobody_elsewhere(
    gateway: Running, path: str, host: str
) -> None:
    plain = await get(gateway, path, host=host)
    slashed = await get(gateway, f"{path}/", host=host)
    assert slashed.status_code == plain.status_code == 200
    assert slashed.headers["content-type"] == plain.headers["content-type"]


async def test_no_route_redirects_to_a_scheme_or_host_of_its_own(gateway: Running) -> None:
    # What stands before the gateway may have ended TLS and have another name and port.
    routes = [route.path for route in gateway.app.routes if isinstance(route, Route | Mount)]
    assert "/ui" in routes
    headers = {"Accept": "text/html", "Host": "speech"}
    async with httpx.AsyncClient(base_url=gateway.http_url, headers=headers) as http:
        for asked in (f"{path}{slashes}" for path in routes for slashes in ("", "/", "//")):
            answer = await http.get(asked)
            assert answer.headers.get("location", "/ui") == "/ui", asked


@pytest.mark.parametrize(
    ("accept", "status"),
    [("text/html", 307), ("Text/HTML;q=0.9", 307), ("*/*, TEXT/HTML", 307), ("text/htmlx", 200)],
)
async def test_what_a_program_accepts_is_compared_as_media_types_are(
    gateway: Running, accept: str, status: int
) -> None:
    assert (await get(gateway, "/", accept=accept)).status_code == status


KEY = "dGhlIHNhbXBsZSBub25jZQ=="


@pytest.mark.parametrize(
    ("path", "headers", "hint"),
    [
        ("/ws", {}, "asks for no upgrade"),
        ("/ws/transcribe/", {}, "asks for no upgrade"),
        ("/ws", {"Sec-WebSocket-Key": KEY}, "a proxy on the way dropped the header Upgrade"),
        ("/", {"Sec-WebSocket-Key": KEY}, "a proxy on the way dropped the header Upgrade"),
        ("/ears", {"Sec-WebSocket-Key": KEY}, "a proxy on the way dropped the header Upgrade"),
        (
            "/ws",
            {"Sec-WebSocket-Key": KEY, "Via": "1.1 old-squid (squid/5.7)"},
            "the proxy on the way (Via: 1.1 old-squid (squid/5.7)) dropped the header Upgrade",
        ),
        # A Connection header that lost its companion, or the other way round.
        ("/ws", {"Sec-WebSocket-Key": KEY, "Connection": "Upgrade"}, "dropped the header Upgrade"),
        ("/ws", {"Sec-WebSocket-Key": KEY, "Upgrade": "websocket"}, "dropped the header Upgrade"),
    ],
)
async def test_a_handshake_that_lost_its_upgrade_is_426_with_a_hint_at_the_proxy(
    gateway: Running, path: str, headers: dict[str, str], hint: str
) -> None:
    answer = await get(gateway, path, **headers)
    assert answer.status_code == 426
    assert answer.headers["upgrade"] == "websocket"
    assert answer.json()["code"] == "upgrade_required"
    assert hint in answer.json()["error"]
    assert answer.json()["retryable"] is False
