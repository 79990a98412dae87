"""Recordings that are posted as Deepgram's SDKs do it: the body is the file."""

import hashlib
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from app.emulator import Emulator
from tests.app.gateway.uploading import recording
from tests.support.gateways.running import Running, running_gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = "a-key-of-this-test-alone"  # pragma: allowlist secret
WAV = recording("WAV", "PCM_16")


async def post(
    gateway: Running,
    query: str = "model=nova-3",
    body: bytes = WAV,
    path: str = "/v1/listen",
    **headers: str,
) -> httpx.Response:
    kind = {"Content-Type": "application/octet-stream", **headers}
    async with httpx.AsyncClient(base_url=gateway.http_url, timeout=20) as http:
        return await http.post(f"{path}?{query}", content=body, headers=kind)


@pytest.mark.parametrize("path", ["/v1/listen", "/deepgram/v1/listen"])
async def test_an_answer_has_all_that_the_sdk_types(gateway: Running, path: str) -> None:
    answer = await post(gateway, "model=nova-3&utterances=true&keyterm=Perch", path=path)
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    metadata = body["metadata"]
    assert metadata["request_id"] == answer.headers["dg-request-id"]
    assert metadata["sha256"] == hashlib.sha256(WAV).hexdigest()
    assert (metadata["duration"], metadata["channels"]) == (1.0, 1)
    assert list(metadata["model_info"]) == metadata["models"]
    found = body["results"]["channels"][0]["alternatives"][0]
    assert set(found) == {"transcript", "confidence", "words"}
    assert (
        " ".join(one["transcript"] for one in body["results"]["utterances"]) == found["transcript"]
    )


@pytest.mark.parametrize(
    ("query", "body", "kind", "named"),
    [
        ("summarize=v2", WAV, "audio/wav", "summarize is 'v2'"),
        ("diarize=true", WAV, "audio/wav", "diarize is 'true'"),
        ("multichannel=true", WAV, "audio/wav", "multichannel is 'true'"),
        ("encoding=linear16", WAV, "audio/wav", "encoding is 'linear16'"),
        ("model=parakeet-of-nobody", WAV, "audio/wav", "There is no model parakeet-of-nobody"),
        ("", b'{"url":"https://example.org/a.wav"}', "application/json", "fetches nothing"),
        ("", b"", "audio/wav", "The body is empty"),
        ("", b"this is a letter" * 100, "audio/wav", "The body: "),
    ],
)
async def test_what_cannot_be_answered_is_refused_in_deepgrams_shape(
    gateway: Running, query: str, body: bytes, kind: str, named: str
) -> None:
    answer = await post(gateway, query, body, **{"Content-Type": kind})
    assert answer.status_code == 400
    found = answer.json()
    assert set(found) == {"err_code", "err_msg", "request_id"}
    assert named in found["err_msg"]
    assert answer.headers["dg-request-id"] == found["request_id"]


async def test_the_key_has_deepgrams_scheme(emulator: Emulator) -> None:
    async with running_gateway(emulator, app_auth_tokens=KEY) as gateway:
        good = await post(gateway, Authorization=f"Token {KEY}")
        bad = await post(gateway, Authorization="Token another")
    assert good.status_code == 200
    assert (bad.status_code, bad.json()["err_code"]) == (401, "INVALID_AUTH")


async def test_a_body_over_the_limit_is_refused(emulator: Emulator) -> None:
    async with running_gateway(emulator, app_max_upload_mb=1) as gateway:
        answer = await post(gateway, body=bytes(1 << 21))
    assert answer.status_code == 413
    assert answer.json()["err_code"] == "UPLOAD_TOO_BIG"


async def grant(gateway: Running, body: object, key: str = KEY) -> httpx.Response:
    async with httpx.AsyncClient(base_url=gateway.http_url, timeout=20) as http:
        headers = {"Authorization": f"Token {key}"}
        return await http.post("/v1/auth/grant", json=body, headers=headers)


async def test_a_granted_token_opens_one_stream(emulator: Emulator) -> None:
    async with running_gateway(emulator, app_auth_tokens=KEY) as gateway:
        answer = await grant(gateway, {"ttl_seconds": 30})
        body = answer.json()
        assert (answer.status_code, set(body)) == (200, {"access_token", "expires_in"})
        assert 0 < body["expires_in"] <= 30
        offered = [Subprotocol("bearer"), Subprotocol(body["access_token"])]
        address = f"{gateway.url}/v1/listen?model=nova-3"
        async with connect(address, subprotocols=offered) as socket:
            assert socket.subprotocol == "bearer"
        with pytest.raises(InvalidStatus, match="401"):
            async with connect(address, subprotocols=offered):
                pass


async def test_a_grant_says_how_long_it_is_good_for_whatever_was_asked(emulator: Emulator) -> None:
    async with running_gateway(emulator, app_auth_tokens=KEY) as gateway:
        assert (await grant(gateway, {"ttl_seconds": 3600})).json()["expires_in"] <= 600
        assert 29 < (await grant(gateway, {})).json()["expires_in"] <= 30
        wrongs: list[object] = ["30", 0, True, [], 1e9]
        for wrong in wrongs:
            refused = await grant(gateway, {"ttl_seconds": wrong})
            assert refused.status_code == 400
            assert "ttl_seconds is " in refused.json()["err_msg"]
        assert (await grant(gateway, {}, "another")).status_code == 401
