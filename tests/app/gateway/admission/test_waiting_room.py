"""Limits and the waiting room as a client meets them, in front of a real gateway.

That the order is kept in every order of events is shown in `test_any_order.py`.
"""

import json
from collections.abc import Mapping

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from app.emulator import Emulator
from tests.app.gateway.uploading import recording, upload
from tests.support.gateways.running import (
    Running,
    client,
    eventually,
    running_gateway,
    said,
    said_until,
    send,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOKENS = ("token-of-ann-0123456789", "token-of-ben-0123456789")


async def refusal(
    gateway: Running,
    path: str = "/",
    token: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, str]:
    headers = headers or ({} if token is None else {"Authorization": f"Bearer {token}"})
    with pytest.raises(InvalidStatus) as refused:
        await connect(gateway.url + path, additional_headers=headers)
    response = refused.value.response
    body = json.loads(response.body)
    if response.status_code in {429, 503}:
        assert int(response.headers["Retry-After"]) >= body["retry_after"] > 0
    return response.status_code, body["code"]


@pytest.mark.parametrize("wait", ["0", "301", "soon", ""])
async def test_a_wait_that_is_none_is_400_and_named(gateway: Running, wait: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{gateway.url}/?wait={wait}")
    body = json.loads(refused.value.response.body)
    assert (refused.value.response.status_code, body["code"]) == (400, "bad_request")
    assert body["error"].startswith(f"wait is {wait!r}; accepted: ")


async def test_who_would_wait_is_let_in_while_there_is_a_place_and_gets_the_next_session(
    emulator: Emulator,
) -> None:
    async with (
        running_gateway(emulator, ws_max_concurrent_sessions=1, ws_waiting_room=1) as gateway,
        client(gateway) as running,
    ):
        await send(running, "start_transcription")
        await said(running)
        assert await refusal(gateway) == (503, "too_many_sessions")
        async with client(gateway, "/?wait=300") as waiting:
            await send(waiting, "start_transcription")
            await eventually(lambda: gateway.gateway.admission.waiting == 1)
            assert await refusal(gateway, "/?wait=300") == (503, "waiting_room_full")
            await send(running, "stop_transcription")
            await said_until(running, "session_stopped")
            heard = await said_until(waiting, "session_started")
            assert [message["type"] for message in heard] == ["queued", "session_started"]
            assert gateway.gateway.admission.waiting == 0
        registry = gateway.gateway.metrics.registry
        for code in ("too_many_sessions", "waiting_room_full"):
            labels = {"at": "connect", "code": code}
            assert registry.get_sample_value("perch_admission_refused_total", labels) == 1
        assert (
            registry.get_sample_value("perch_waiting_seconds_count", {"outcome": "admitted"}) == 1
        )
    assert gateway.gateway.admission.sessions == 0


async def test_who_waits_hears_its_place_whenever_it_changes(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, ws_max_concurrent_sessions=1) as gateway,
        client(gateway) as running,
        client(gateway, "/?wait=300") as first,
        client(gateway, "/ws/transcribe?wait=300") as second,
    ):
        await send(running, "start_transcription")
        await said(running)
        await send(first, "start_transcription")
        assert (await said(first))["place"] == 1
        await send(second, "start_recording")
        queued = await said(second)
        assert (queued["type"], queued["place"]) == ("queued", 2)
        assert 0 < queued["seconds_left"] <= 300
        # Who waits is heard: a stop gives the place back.
        await send(first, "ping")
        assert (await said(first))["type"] == "pong"
        await send(first, "stop_transcription")
        assert (await said(second))["place"] == 1
        await send(running, "stop_transcription")
        await said_until(running, "session_stopped")
        assert (await said(second))["type"] == "recording_started"
    assert gateway.gateway.admission.sessions == 0


async def test_who_leaves_the_line_leaves_nothing(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, ws_max_concurrent_sessions=1) as gateway,
        client(gateway) as running,
    ):
        await send(running, "start_transcription")
        await said(running)
        async with client(gateway, "/?wait=300") as waiting:
            await send(waiting, "start_transcription")
            await eventually(lambda: gateway.gateway.admission.waiting == 1)
            waiting.transport.abort()
            await eventually(lambda: gateway.gateway.admission.waiting == 0)
        assert gateway.gateway.admission.sessions == 1


async def test_one_client_cannot_have_what_another_one_needs(emulator: Emulator) -> None:
    ann, ben = TOKENS
    async with running_gateway(
        emulator, app_auth_tokens=",".join(TOKENS), ws_max_sessions_per_client=1
    ) as gateway:
        headers = {"Authorization": f"Bearer {ann}"}
        async with (
            client(gateway, additional_headers=headers) as early,
            client(gateway, additional_headers=headers) as running,
        ):
            await send(running, "start_transcription")
            await said(running)
            assert await refusal(gateway, token=ann) == (429, "too_many_client_sessions")
            await send(early, "start_transcription")
            error = await said(early)
            assert (error["code"], error["retryable"]) == ("too_many_client_sessions", True)
            bens = {"Authorization": f"Bearer {ben}"}
            async with client(gateway, additional_headers=bens) as other:
                await send(other, "start_transcription")
                assert (await said(other))["type"] == "session_started"


async def test_no_address_gets_all_connections_and_all_sessions(emulator: Emulator) -> None:
    async with running_gateway(
        emulator,
        ws_client_share=0.5,
        ws_max_connections=4,
        ws_max_concurrent_sessions=2,
        app_trusted_proxies="127.0.0.0/8",
    ) as gateway:
        office = {"X-Forwarded-For": "192.0.2.1"}
        async with (
            client(gateway, additional_headers=office) as first,
            client(gateway, additional_headers=office) as second,
        ):
            assert await refusal(gateway, headers=office) == (429, "too_many_client_connections")
            await send(first, "start_transcription")
            await said(first)
            await send(second, "start_transcription")
            assert (await said(second))["code"] == "too_many_client_sessions"
            async with client(gateway) as other:
                await send(other, "start_transcription")
                assert (await said(other))["type"] == "session_started"


async def test_new_sessions_and_uploads_count_together_by_the_minute(emulator: Emulator) -> None:
    async with running_gateway(emulator, ws_client_new_sessions_per_minute=2) as gateway:
        assert (await upload(gateway, recording("WAV", "PCM_16"))).status_code == 200
        async with client(gateway) as socket:
            await send(socket, "start_transcription")
            await said(socket)
            await send(socket, "stop_transcription")
            await said_until(socket, "session_stopped")
            await send(socket, "start_transcription")
            error = await said(socket)
        assert error["code"] == "too_many_new_sessions"
        assert 0 < error["retry_after"] <= 30
        assert await refusal(gateway) == (429, "too_many_new_sessions")
        refused = await upload(gateway, recording("WAV", "PCM_16"))
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_new_sessions")
        assert 1 <= int(refused.headers["Retry-After"]) <= 30


@pytest.mark.parametrize(("trusted", "clients"), [("", 1), ("127.0.0.0/8", 2)])
async def test_a_forwarded_address_counts_only_from_a_trusted_proxy(
    emulator: Emulator, trusted: str, clients: int
) -> None:
    async with running_gateway(
        emulator, ws_client_new_sessions_per_minute=1, app_trusted_proxies=trusted
    ) as gateway:
        begun = 0
        for address in ("192.0.2.1", "192.0.2.2"):
            headers = {"X-Forwarded-For": address}
            async with client(gateway, "/?wait=1", additional_headers=headers) as socket:
                await send(socket, "start_transcription")
                begun += (await said(socket))["type"] == "session_started"
    assert begun == clients
