"""Tokens of an issuer at a real gateway: over real WebSockets, with the issuer's keys behind TLS.

The recogniser is the emulator with a script. That a balancer passes the header on is not shown.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from app.emulator import Emulator
from app.gateway.identity import keys
from tests.app.gateway.conftest import Log
from tests.support.gateways.running import (
    SILENCE_100MS,
    Running,
    running_gateway,
    said_until,
)
from tests.support.issuer import AUDIENCE, NAME, Address, claims, key_set, serving, token

pytestmark = pytest.mark.asyncio(loop_scope="module")
STATIC = "a-static-token-0123456789"  # pragma: allowlist secret


@pytest.fixture
def issuer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Address]:
    with serving(key_set(("ES256", "one"))) as address:
        authority = tmp_path / "authority.pem"
        authority.write_text(address.authority)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        yield address


def asking(issuer: Address, **changes: object) -> dict[str, Any]:
    return {
        "app_jwt_keys_url": issuer.url,
        "app_jwt_issuer": NAME,
        "app_jwt_audience": AUDIENCE,
        **changes,
    }


def bearer(shown: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {shown}"}


async def refused(gateway: Running, url: str = "", **headers: str) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as error:
        await connect(gateway.url + url, additional_headers=headers)
    response = error.value.response
    return response.status_code, json.loads(response.body)["code"]


async def test_a_client_of_the_issuer_is_let_in_and_heard(
    emulator: Emulator, issuer: Address, log: Log
) -> None:
    shown = token()
    async with running_gateway(emulator, **asking(issuer)) as gateway:
        async with connect(gateway.url, additional_headers=bearer(shown)) as socket:
            await socket.send(json.dumps({"type": "start_transcription"}))
            await said_until(socket, "session_started")
            await socket.send(SILENCE_100MS)
            await socket.send(json.dumps({"type": "stop_transcription"}))
            await said_until(socket, "session_stopped")
        offered = [Subprotocol("perch"), Subprotocol(f"bearer.{shown}")]
        async with connect(gateway.url, subprotocols=offered) as socket:
            assert socket.subprotocol == "perch"
    assert shown not in str(log.lines)
    assert shown.rpartition(".")[2] not in str(log.lines)
    assert not any("may use it" in line["event"] for line in log.lines)


async def test_what_is_not_good_is_401_or_403_before_the_upgrade_and_counted(
    emulator: Emulator, issuer: Address, log: Log
) -> None:
    async with running_gateway(emulator, **asking(issuer)) as gateway:
        assert await refused(gateway) == (401, "unauthorized")
        for wrong in ("no.token", token(claims(aud="other")), token(claims(exp=1))):
            assert await refused(gateway, **bearer(wrong)) == (401, "unauthorized")
        # One in an address would stand in the logs of others.
        assert await refused(gateway, f"/?token={token()}") == (401, "unauthorized")
        weak = token(claims(scope="file"))
        assert await refused(gateway, **bearer(weak)) == (403, "insufficient_scope")
        read = gateway.gateway.metrics.registry.get_sample_value
        for reason in ("form", "audience", "expired"):
            assert read("perch_tokens_refused_total", {"reason": reason}) == 1
    reasons = [line["reason"] for line in log.lines if line["event"] == "token refused"]
    assert reasons == ["form", "audience", "expired"]


async def test_an_upload_needs_a_scope_of_its_own(emulator: Emulator, issuer: Address) -> None:
    async with (
        running_gateway(emulator, **asking(issuer)) as gateway,
        httpx.AsyncClient(base_url=gateway.http_url, trust_env=False) as client,
    ):
        only_streams = bearer(token(claims(scope="stream")))
        answer = await client.post("/transcribe/file", headers=only_streams)
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
        assert "insufficient_scope" in answer.headers["WWW-Authenticate"]
        allowed = await client.post("/transcribe/file", headers=bearer(token()))
        assert allowed.status_code == 400  # a request without a file
        assert (await client.get("/healthz")).status_code == 200


async def test_static_tokens_go_on_beside_those_of_the_issuer(
    emulator: Emulator, issuer: Address
) -> None:
    async with running_gateway(emulator, **asking(issuer, app_auth_tokens=STATIC)) as gateway:
        for shown in (STATIC, token()):
            async with connect(gateway.url, additional_headers=bearer(shown)):
                pass
        assert await refused(gateway, **bearer("another")) == (401, "unauthorized")


async def test_a_key_rotates_with_overlap_while_a_session_runs(
    emulator: Emulator, issuer: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "SOONEST_S", 0.0)
    async with (
        running_gateway(emulator, **asking(issuer)) as gateway,
        connect(gateway.url, additional_headers=bearer(token())) as running,
    ):
        await running.send(json.dumps({"type": "start_transcription"}))
        await said_until(running, "session_started")
        issuer.document = key_set(("ES256", "one"), ("ES256", "two"))
        for key in ("one", "two"):
            async with connect(gateway.url, additional_headers=bearer(token(key=key))):
                pass
        issuer.document = key_set(("ES256", "two"))
        assert gateway.gateway.keys is not None
        await gateway.gateway.keys.refresh()
        assert await refused(gateway, **bearer(token(key="one"))) == (401, "unauthorized")
        await running.send(json.dumps({"type": "stop_transcription"}))
        await said_until(running, "session_stopped")


async def test_limits_count_a_client_of_the_issuer_whatever_token_it_shows(
    emulator: Emulator, issuer: Address
) -> None:
    start = json.dumps({"type": "start_transcription"})
    changes = asking(issuer, ws_max_sessions_per_client=1)
    async with running_gateway(emulator, **changes) as gateway:
        fresh, other = token(claims(jti="2")), token(claims(client_id="another app"))
        async with (
            connect(gateway.url, additional_headers=bearer(token())) as first,
            connect(gateway.url, additional_headers=bearer(fresh)) as second,
            connect(gateway.url, additional_headers=bearer(other)) as third,
        ):
            await first.send(start)
            await said_until(first, "session_started")
            await second.send(start)
            error = (await said_until(second, "error"))[-1]
            assert error["code"] == "too_many_client_sessions"
            await third.send(start)
            await said_until(third, "session_started")


async def test_a_gateway_whose_issuer_was_never_seen_says_so_and_is_not_ready(
    emulator: Emulator, issuer: Address
) -> None:
    issuer.status = 503
    async with (
        running_gateway(emulator, **asking(issuer)) as gateway,
        httpx.AsyncClient(base_url=gateway.http_url, trust_env=False) as client,
    ):
        assert await refused(gateway, **bearer(token())) == (503, "identity_unavailable")
        ready = await client.get("/readyz")
        assert ready.status_code == 503
        assert "the issuer answered 503" in ready.text
        # What replaces machines does not ask so: a new one would not see the issuer either.
        assert (await client.get("/readyz?ignore=capacity")).status_code == 200
        issuer.status = 200
        assert gateway.gateway.keys is not None
        await gateway.gateway.keys.refresh()
        assert (await client.get("/readyz")).status_code == 200


async def test_the_age_of_the_issuers_keys_goes_on_while_it_does_not_answer(
    emulator: Emulator, issuer: Address
) -> None:
    issuer.status = 503
    async with running_gateway(emulator, **asking(issuer)) as gateway:
        found = gateway.gateway.keys
        assert found is not None

        def age() -> float | None:
            return gateway.gateway.metrics.registry.get_sample_value(
                "perch_issuer_keys_age_seconds"
            )

        assert age() is None
        issuer.status = 200
        await found.refresh()
        read = age()
        assert read is not None
        issuer.status = 503
        await found.refresh()
        later = age()
        assert later is not None
        assert later > read
