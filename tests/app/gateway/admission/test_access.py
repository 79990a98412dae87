"""Tokens and origins, refused before the upgrade."""

import json
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from app.emulator import Emulator
from tests.app.gateway.conftest import Log
from tests.support.gateways.running import Running, client, running_gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOKEN = "test-token-0123456789"
OTHER = "other-token-9876543210"


async def test_without_tokens_everyone_may_connect_and_the_log_says_so(
    emulator: Emulator, log: Log
) -> None:
    async with running_gateway(emulator) as gateway, client(gateway):
        assert any("neither APP_AUTH_TOKENS nor an issuer" in line["event"] for line in log.lines)


@pytest.mark.parametrize("offered", [None, "wrong-token-00000000", ""])
async def test_a_missing_or_wrong_token_is_401_before_the_upgrade(
    emulator: Emulator, offered: str | None
) -> None:
    headers = {} if offered is None else {"Authorization": f"Bearer {offered}"}
    async with running_gateway(emulator, app_auth_tokens=TOKEN) as gateway:
        with pytest.raises(InvalidStatus) as refused:
            await connect(gateway.url, additional_headers=headers)
    response = refused.value.response
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert json.loads(response.body)["code"] == "unauthorized"


async def test_a_token_is_taken_from_header_or_subprotocol_not_from_the_address_and_never_logged(
    emulator: Emulator, log: Log, tmp_path: Path
) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{OTHER}\n", encoding="utf-8")
    async with running_gateway(
        emulator, app_auth_tokens=TOKEN, app_auth_tokens_file=tokens
    ) as gateway:
        for token in (TOKEN, OTHER):
            async with client(gateway, additional_headers={"Authorization": f"Bearer {token}"}):
                pass
            with pytest.raises(InvalidStatus) as refused:
                await connect(f"{gateway.url}/?token={token}")
            assert refused.value.response.status_code == 401
            assert token not in str(refused.value.response)
            offered = [Subprotocol("perch"), Subprotocol(f"bearer.{token}")]
            async with client(gateway, subprotocols=offered) as socket:
                assert socket.subprotocol == "perch"
    assert TOKEN not in log.text
    assert OTHER not in log.text


async def test_an_upload_needs_the_token_and_health_does_not(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, app_auth_tokens=TOKEN) as gateway,
        httpx.AsyncClient(base_url=gateway.http_url) as http,
    ):
        refused = await http.post("/transcribe/file", files={"file": b"RIFF"})
        assert refused.status_code == 401
        for path in ("/healthz", "/readyz"):
            assert (await http.get(path)).status_code == 200


async def test_only_listed_origins_and_the_gateways_own_page_may_connect(
    emulator: Emulator,
) -> None:
    async with running_gateway(
        emulator, app_allowed_origins="https://kiosk.example, https://desk.example"
    ) as gateway:
        async with client(gateway, origin=Origin("https://desk.example")):
            pass
        async with client(gateway, origin=Origin(gateway.http_url)):
            pass
        async with client(gateway):
            pass
        with pytest.raises(InvalidStatus) as refused:
            await connect(gateway.url, origin=Origin("https://evil.example"))
    assert refused.value.response.status_code == 403
    assert json.loads(refused.value.response.body)["code"] == "forbidden_origin"


async def test_refusals_are_counted(gateway: Running, emulator: Emulator) -> None:
    assert gateway.gateway.admission.connections == 0
    async with running_gateway(emulator, app_auth_tokens=TOKEN) as closed:
        with pytest.raises(InvalidStatus):
            await connect(closed.url)
        registry = closed.gateway.metrics.registry
        name = "perch_connections_refused_total"
        assert registry.get_sample_value(name, {"code": "unauthorized"}) == 1
