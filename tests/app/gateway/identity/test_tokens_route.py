"""`POST /v1/tokens`: who gets a token, for what, and in which words nobody does."""

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.contract.limits import MAX_TOKEN_REQUEST_BYTES, PATH_TOKENS
from app.emulator import Emulator
from app.gateway.server import tokens as tokens_route
from tests.app.gateway.identity.pair import OTHER, STATIC, begin, of_issuer, pair
from tests.app.gateway.uploading import recording
from tests.support import issuer
from tests.support.gateways.running import said_until, send

SERVED = "parakeet-rnnt-1.1b-unified-ml-cs-universal-multi-asr-streaming"

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_only_a_kept_credential_in_the_header_makes_one(
    emulator: Emulator, tmp_path: Path
) -> None:
    async with pair(emulator, tmp_path) as gateways:
        url = gateways.one.http_url + PATH_TOKENS
        assert (await gateways.ask(None)).status_code == 401
        assert (await gateways.ask("wrong-token-000000000")).status_code == 401
        assert (await gateways.http.post(f"{url}?token={STATIC}")).status_code == 401
        token = await gateways.token()
        assert (await gateways.ask(token)).status_code == 401
        # And asking did not use it up.
        async with gateways.open(gateways.one, token) as socket:
            await begin(socket, resumable=True)
            beat = (await said_until(socket, "heartbeat"))[-1]
            assert (await gateways.ask(beat["resume"]["token"])).status_code == 401
        assert (await gateways.http.get(url)).status_code == 405
        cross = {"Authorization": f"Bearer {STATIC}", "Host": "evil.example.org"}
        assert (await gateways.http.post(url, headers=cross)).status_code == 421


async def test_a_client_of_the_issuer_gets_no_more_than_it_has(
    emulator: Emulator, tmp_path: Path
) -> None:
    changes = {**of_issuer(tmp_path), "app_auth_tokens": ""}
    async with pair(emulator, tmp_path, **changes) as gateways:
        weak = issuer.token(issuer.claims(scope="file"))
        answer = await gateways.ask(weak, scopes=["file", "stream"])
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
        assert (await gateways.ask(weak, scopes=["file"])).status_code == 200
        now = issuer.claims()["iat"]
        assert isinstance(now, float)
        ends_soon = issuer.token(issuer.claims(exp=now + 7))
        assert (await gateways.ask(ends_soon, ttl=600)).json()["expires_in"] <= 7
        limited = issuer.token(issuer.claims(perch_limits={"sessions": 1, "models": ["parakeet"]}))
        token, second = [await gateways.token(limited) for _ in range(2)]
        async with gateways.open(gateways.one, token) as socket:
            await send(socket, "start_transcription", model="canary")
            error = (await said_until(socket, "error"))[-1]
            assert error["code"] == "model_not_allowed"
            assert error["error"].endswith("the model canary; accepted: parakeet")
            await send(socket, "start_transcription")
            error = (await said_until(socket, "error"))[-1]
            assert error["error"].endswith(
                "the model that the recogniser chooses; accepted: parakeet"
            )
        async with gateways.open(gateways.one, second):
            pass


@pytest.mark.parametrize(
    ("content", "said_of_it"),
    [
        (b"[]", "the body is no JSON object"),
        (b"{", "the body is no JSON object"),
        (b'{"ttl": 601}', "ttl is 601; accepted: a number of seconds from 1 to 600"),
        (b'{"ttl": 0.999}', "ttl is 0.999; accepted"),
        (b'{"ttl": NaN}', "the body is no JSON object"),
        (b'{"scopes": ["admin"]}', 'scopes[0] is "admin"; accepted: "stream" or "file"'),
        (b'{"max_session_second": 5}', "max_session_second is no key here; accepted: ttl, scopes"),
        (b'{"origin": "app.example.org"}', "origin is 'app.example.org'; accepted: an origin"),
        (b'{"origin": "null"}', "origin is 'null'; accepted: an origin"),
        (b'{"origin": "https://a b"}', "origin is 'https://a b'; accepted: an origin"),
        (b" " * (MAX_TOKEN_REQUEST_BYTES + 1), "the body is longer than 4096 bytes"),
    ],
)
async def test_what_cannot_be_asked_for_is_400_with_what_can(
    emulator: Emulator, tmp_path: Path, content: bytes, said_of_it: str
) -> None:
    async with pair(emulator, tmp_path) as gateways:
        answer = await gateways.ask(content=content)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
        assert answer.json()["error"].startswith(said_of_it)
        assert answer.headers["Cache-Control"] == "no-store"
        # Of a stranger nothing is read.
        assert (await gateways.ask(None, content=content)).status_code == 401


async def test_a_body_is_json_and_comes_in_time(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens_route, "BODY_TIMEOUT_S", 0.05)
    async with pair(emulator, tmp_path) as gateways:
        url = gateways.one.http_url + PATH_TOKENS
        shown = {"Authorization": f"Bearer {STATIC}", "Content-Type": "text/plain"}
        answer = await gateways.http.post(url, headers=shown, content=b"{}")
        assert "Content-Type is 'text/plain'" in answer.json()["error"]
        place = urlsplit(gateways.one.http_url)
        reader, writer = await asyncio.open_connection(
            place.hostname, place.port, ssl=gateways.trust
        )
        writer.write(
            f"POST {PATH_TOKENS} HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: 2\r\n"
            f"Authorization: Bearer {STATIC}\r\n\r\n{{".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 ")
        assert b"connection: close" in head.lower()
        assert b"did not come within 0.05 s" in await reader.read()
        writer.close()


async def test_a_client_makes_only_so_many_and_another_one_its_own(
    emulator: Emulator, tmp_path: Path
) -> None:
    async with pair(emulator, tmp_path, app_single_use_per_minute=2) as gateways:
        for _ in range(2):
            await gateways.token()
        answer = await gateways.ask()
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_tokens")
        assert 0 < answer.json()["retry_after"] <= 30
        assert int(answer.headers["Retry-After"]) <= 30
        await gateways.token(OTHER)


async def test_where_no_token_is_asked_for_none_is_made(emulator: Emulator, tmp_path: Path) -> None:
    async with pair(emulator, tmp_path, app_auth_tokens="") as gateways:
        answer = await gateways.ask(None)
        assert answer.status_code == 400
        assert "asks for no token" in answer.json()["error"]


async def test_only_a_page_of_the_list_exchanges_anything(
    emulator: Emulator, tmp_path: Path
) -> None:
    listed = "https://app.example.org"
    async with pair(emulator, tmp_path, app_allowed_origins=listed) as gateways:
        url = gateways.one.http_url + PATH_TOKENS
        for origin, status in (
            (listed, 200),
            (f"{listed}.evil.com", 403),
            ("http://app.example.org", 403),
            ("null", 403),
        ):
            shown = {"Authorization": f"Bearer {STATIC}", "Origin": origin}
            answer = await gateways.http.post(url, headers=shown)
            assert answer.status_code == status
            assert status == 200 or answer.json()["code"] == "forbidden_origin"


async def test_an_upload_asks_for_a_model_that_its_client_may_have(
    emulator: Emulator, tmp_path: Path
) -> None:
    changes = {**of_issuer(tmp_path), "app_auth_tokens": ""}
    async with pair(emulator, tmp_path, **changes) as gateways:
        limited = issuer.token(issuer.claims(perch_limits={"models": ["parakeet"]}))
        for shown in (limited, await gateways.token(limited, scopes=["file"])):
            answer = await gateways.http.post(
                gateways.one.http_url + "/transcribe/file",
                headers={"Authorization": f"Bearer {shown}"},
            )
            assert (answer.status_code, answer.json()["code"]) == (403, "model_not_allowed")


async def test_a_client_is_told_of_no_model_that_it_may_not_ask_for(
    emulator: Emulator, tmp_path: Path
) -> None:
    changes = {**of_issuer(tmp_path), "app_auth_tokens": ""}
    async with pair(emulator, tmp_path, **changes) as gateways:

        async def answer(path: str, models: list[str]) -> tuple[int, dict[str, Any]]:
            token = issuer.token(issuer.claims(perch_limits={"models": models}))
            shown = {"Authorization": f"Bearer {token}"}
            got = await gateways.http.get(f"{gateways.one.http_url}/v1/models{path}", headers=shown)
            return got.status_code, got.json()

        assert [one["id"] for one in (await answer("", [SERVED]))[1]["data"]] == [SERVED]
        assert (await answer(f"/{SERVED}", [SERVED]))[0] == 200
        assert await answer("", ["canary"]) == (200, {"object": "list", "data": []})
        for name in (SERVED, "whisper-1"):
            status, body = await answer(f"/{name}", ["canary"])
            assert (status, body["error"]["code"]) == (403, "model_not_allowed")
        status, body = await answer("/no-such-model", ["canary"])
        assert status == 404
        assert SERVED not in body["error"]["message"]
        for name, asked in ((SERVED, "canary"), ("whisper-1", SERVED)):
            token = issuer.token(issuer.claims(perch_limits={"models": [asked]}))
            refused = await gateways.http.post(
                f"{gateways.one.http_url}/v1/audio/transcriptions",
                headers={"Authorization": f"Bearer {token}"},
                data={"model": name},
                files={"file": ("talk.wav", recording("WAV", "PCM_16"))},
            )
            assert refused.status_code == 403
            assert refused.json()["error"]["code"] == "model_not_allowed"
