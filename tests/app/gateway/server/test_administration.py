"""Metrics and drain are for who runs the gateway: on a listener of their own, and nowhere else."""

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from app.emulator import Emulator
from app.gateway.server import administration
from app.gateway.server.administration import MetricsPage, create_admin_app
from app.gateway.server.process import CannotListenError, bind_admin
from app.gateway.settings.gateway import GatewaySettings
from tests.support.gateways.running import (
    SILENCE_100MS,
    Running,
    client,
    running_gateway,
    said_until,
    send,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def administered(shared_emulator: Emulator) -> AsyncIterator[Running]:
    async with running_gateway(shared_emulator, app_admin_port=0) as running:
        yield running


async def test_metrics_count_a_session(administered: Running) -> None:
    gateway = administered
    async with client(gateway) as socket:
        await send(socket, "start_transcription")
        await socket.send(SILENCE_100MS * 10)
        await send(socket, "stop_transcription")
        await said_until(socket, "session_stopped")
    async with httpx.AsyncClient(base_url=gateway.admin_url) as http:
        answer = await http.get("/metrics")
    text = answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    for line in (
        'perch_sessions_started_total{dialect="a",group="default"} 1.0',
        'perch_sessions_ended_total{reason="stopped"} 1.0',
        'perch_results_total{kind="final"} 2.0',
        "perch_first_result_latency_seconds_count 1.0",
        "perch_flush_latency_seconds_count 1.0",
        "perch_sessions_active 0.0",
        "perch_session_slots 50.0",
        "perch_ready 1.0",
    ):
        assert line in text
    tasks = gateway.gateway.metrics.registry.get_sample_value("perch_event_loop_tasks")
    assert tasks is not None
    assert tasks > 0
    # Ids as labels would grow without bound.
    assert "session_id" not in text
    assert "connection_id" not in text


@pytest.mark.parametrize(("method", "path"), [("GET", "/metrics"), ("POST", "/drain")])
async def test_the_public_listener_has_neither_metrics_nor_drain(
    administered: Running, method: str, path: str
) -> None:
    async with httpx.AsyncClient(base_url=administered.http_url) as http:
        for asked in (path, f"{path}/"):
            answer = await http.request(method, asked)
            assert answer.status_code == 404
            assert answer.json()["code"] == "not_found"
    assert not administered.gateway.admission.draining


@pytest.mark.parametrize(
    "path", ["/", "/ui", "/health", "/static/main.js", "/ws", "/transcribe/file"]
)
async def test_the_administrative_listener_has_nothing_else(
    administered: Running, path: str
) -> None:
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    async with httpx.AsyncClient(base_url=administered.admin_url) as http:
        for headers in ({}, upgrade):
            answer = await http.get(path, headers=headers)
            assert answer.status_code == 404
            assert answer.json()["code"] == "not_found"
        # Whatever a page has its own name resolve to: the machine asks by address.
        answer = await http.get("/metrics", headers={"Host": "evil.example"})
        assert answer.status_code == 421


async def test_it_is_served_while_the_public_one_has_no_place_left(emulator: Emulator) -> None:
    async with running_gateway(
        emulator, app_admin_port=0, app_max_http_connections=1, app_keep_alive_s=60
    ) as gateway:
        port = int(gateway.url.rpartition(":")[2])
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"POST /transcribe/file HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"
        )
        async with httpx.AsyncClient() as http:
            assert (await http.get(f"{gateway.admin_url}/metrics")).status_code == 200
        writer.close()


async def test_metrics_are_made_once_a_second_however_often_they_are_asked_for(
    administered: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, made = 100.0, 0
    render = administered.gateway.metrics.render

    def counted(*, exemplars: bool) -> bytes:
        nonlocal made
        made += 1
        return render(exemplars=exemplars)

    monkeypatch.setattr(administration, "monotonic", lambda: now)
    monkeypatch.setattr(administered.gateway.metrics, "render", counted)
    app = create_admin_app(administered.gateway)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        for _ in range(50):
            assert "perch_ready" in (await http.get("/metrics")).text
        assert made == 1
        now += administration.PAGE_S
        await http.get("/metrics")
    assert made == 2
    assert MetricsPage(administered.gateway)._texts == {}


async def test_without_a_port_there_is_no_such_listener_and_a_taken_one_is_named() -> None:
    assert bind_admin(GatewaySettings.model_validate({})) is None
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = GatewaySettings.model_validate({"app_admin_port": port})
        with pytest.raises(CannotListenError) as refused:
            bind_admin(settings)
    assert str(refused.value) == (
        f"cannot listen on 127.0.0.1:{port} (Address already in use); "
        "set APP_ADMIN_HOST or APP_ADMIN_PORT to another"
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"X-Real-IP": "127.0.0.1"},
        {"X-Forwarded-Host": "perch.example"},
        {"Via": "1.1 proxy"},
        {"Origin": "http://127.0.0.1:8080"},
    ],
)
async def test_who_asks_for_somebody_else_finds_no_drain(
    emulator: Emulator, headers: dict[str, str]
) -> None:
    async with (
        running_gateway(emulator, app_admin_port=0) as gateway,
        httpx.AsyncClient(base_url=gateway.admin_url) as http,
    ):
        answer = await http.post("/drain", headers=headers)
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"
    assert not gateway.gateway.admission.draining


@pytest.mark.parametrize(
    ("peer", "status"),
    [("127.0.0.1", 202), ("::1", 202), ("::ffff:127.0.0.1", 202), ("10.0.0.1", 404), ("x", 404)],
)
async def test_only_this_machine_may_drain(emulator: Emulator, peer: str, status: int) -> None:
    # Whole application, no socket: a test has no other machine to come from.
    async with running_gateway(emulator) as gateway:
        app = create_admin_app(gateway.gateway)
        transport = httpx.ASGITransport(app, client=(peer, 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
            answer = await http.post("/drain")
        assert gateway.gateway.admission.draining is (status == 202)
    assert answer.status_code == status
