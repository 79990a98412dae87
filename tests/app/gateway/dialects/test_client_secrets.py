"""Browsers get a credential of their own by the routes of OpenAI's API and of the NIM."""

from collections.abc import AsyncIterator
from time import time
from typing import Any

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from app.emulator import Emulator
from tests.support.gateways.running import Running, running_gateway, said, send

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOKEN = "a-token-of-this-test-alone"  # pragma: allowlist secret
KEPT = {"Authorization": f"Bearer {TOKEN}"}
SECRETS = "/v1/realtime/client_secrets"
SESSIONS = "/v1/realtime/transcription_sessions"
PATH = "/v1/realtime?intent=transcription"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded(shared_emulator: Emulator) -> AsyncIterator[Running]:
    async with running_gateway(shared_emulator, app_auth_tokens=TOKEN) as gateway:
        yield gateway


async def posted(
    gateway: Running, path: str, body: object = None, headers: dict[str, str] = KEPT
) -> httpx.Response:
    async with httpx.AsyncClient(base_url=gateway.http_url) as http:
        return await http.post(path, json=body, headers=headers)


async def hello(gateway: Running, *subprotocols: str, **headers: str) -> dict[str, Any]:
    async with connect(
        gateway.url + PATH,
        subprotocols=[Subprotocol(name) for name in subprotocols] or None,
        additional_headers=headers,
    ) as socket:
        return await said(socket)


async def test_a_client_secret_lets_in_once_with_the_session_that_it_was_made_for(
    guarded: Running,
) -> None:
    session = {"type": "transcription", "audio": {"input": {"turn_detection": None}}}
    body = {"expires_after": {"anchor": "created_at", "seconds": 60}, "session": session}
    answer = await posted(guarded, SECRETS, body)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    made = answer.json()
    assert made["value"].startswith("ek_")
    assert made["expires_at"] == pytest.approx(time() + 60, abs=10)
    assert made["session"]["type"] == "transcription"
    assert made["session"]["audio"]["input"]["turn_detection"] is None
    key = f"openai-insecure-api-key.{made['value']}"
    begun = await hello(guarded, "realtime", key)
    assert begun["session"]["audio"]["input"]["turn_detection"] is None
    with pytest.raises(InvalidStatus, match="401"):
        await hello(guarded, "realtime", key)


async def test_a_client_secret_is_a_bearer_token_as_well(guarded: Running) -> None:
    made = (await posted(guarded, f"/openai{SECRETS}")).json()
    begun = await hello(guarded, Authorization=f"Bearer {made['value']}")
    assert begun["type"] == "session.created"


async def test_the_nims_client_gets_a_session_to_write_into_and_a_secret_for_it(
    guarded: Running,
) -> None:
    answer = await posted(guarded, SESSIONS, {})
    assert answer.status_code == 200
    made = answer.json()
    for nested in ("input_audio_transcription", "input_audio_params", "recognition_config"):
        assert isinstance(made[nested], dict), nested
    subprotocol = f"realtime-token.{made['client_secret']['value']}"
    async with connect(
        guarded.url + PATH, subprotocols=[Subprotocol("realtime"), Subprotocol(subprotocol)]
    ) as socket:
        assert (await said(socket))["type"] == "conversation.created"
        # The client sends back the whole of what it was given.
        await send(socket, "transcription_session.update", session=made)
        updated = await said(socket)
    assert updated["type"] == "transcription_session.updated"
    assert "client_secret" not in updated["session"]


async def test_openais_client_before_2025_08_has_the_same_path(guarded: Running) -> None:
    headers = {**KEPT, "OpenAI-Beta": "realtime=v1"}
    answer = await posted(guarded, SESSIONS, {"input_audio_format": "g711_alaw"}, headers)
    made = answer.json()
    assert made["input_audio_format"] == "g711_alaw"
    assert made["client_secret"]["expires_at"] > time()
    key = f"openai-insecure-api-key.{made['client_secret']['value']}"
    begun = await hello(guarded, "realtime", key, "openai-beta.realtime-v1")
    assert begun["type"] == "transcription_session.created"
    assert begun["session"]["input_audio_format"] == "g711_alaw"


async def test_where_nobody_is_asked_for_a_token_the_clients_go_on_without(
    gateway: Running,
) -> None:
    sessions = await posted(gateway, SESSIONS, {}, {})
    assert (sessions.status_code, sessions.json()["client_secret"]) == (200, None)
    secret = (await posted(gateway, SECRETS, {}, {})).json()
    begun = await hello(gateway, "realtime", f"openai-insecure-api-key.{secret['value']}")
    assert begun["type"] == "session.created"


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"expires_after": {"seconds": 5}}, 400, "expires_after.seconds"),
        ({"expires_after": {"seconds": "60"}}, 400, "expires_after.seconds"),
        ({"session": []}, 200, None),
        ({"session": "x"}, 400, "session"),
        ({"session": {"type": "realtime"}}, 400, "session.type"),
        ([], 400, None),
    ],
)
async def test_what_cannot_be_asked_for_is_refused_by_its_name(
    guarded: Running, body: object, status: int, param: str | None
) -> None:
    answer = await posted(guarded, SECRETS, body)
    assert answer.status_code == status
    if status == 400:
        assert answer.json()["error"]["param"] == param


async def test_a_stranger_gets_none_and_the_nims_client_can_show_why(guarded: Running) -> None:
    for path in (SECRETS, SESSIONS):
        answer = await posted(guarded, path, {}, {})
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "invalid_api_key"
    assert answer.json()["detail"] == answer.json()["error"]["message"]


async def test_the_paths_answer_nothing_but_posts(guarded: Running) -> None:
    async with httpx.AsyncClient(base_url=guarded.http_url) as http:
        answer = await http.get(SECRETS, headers=KEPT)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    with pytest.raises(InvalidStatus, match="404"):
        async with connect(guarded.url + SECRETS, additional_headers=KEPT):
            pass


async def test_an_environment_that_offers_neither_has_no_such_paths(emulator: Emulator) -> None:
    async with running_gateway(emulator, app_dialects="none") as gateway:
        for path in (SECRETS, SESSIONS):
            assert (await posted(gateway, path, {}, {})).status_code == 404
