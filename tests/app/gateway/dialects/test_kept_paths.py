"""Paths where recordings are posted are kept from WebSockets, whatever dialects are offered."""

import json

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from app.contract import ContractError, ErrorCode
from app.emulator import Emulator
from app.gateway.dialects.registry import dialect_at
from tests.app.gateway.uploading import recording
from tests.support.gateways.running import Running, running_gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/v1/audio/transcriptions"


async def test_an_environment_that_does_not_offer_it_has_nothing_there(emulator: Emulator) -> None:
    async with running_gateway(emulator, app_dialects="none") as gateway:
        async with httpx.AsyncClient(base_url=gateway.http_url, timeout=20) as http:
            files = {"file": ("talk.wav", recording("WAV", "PCM_16"))}
            answer = await http.post(PATH, data={"model": "whisper-1"}, files=files)
            own = await http.post("/transcribe/file", files=files)
        with pytest.raises(InvalidStatus, match="404"):
            async with connect(gateway.url + PATH):
                pass
    assert (answer.status_code, own.status_code) == (404, 200)


@pytest.mark.parametrize(
    "path", [PATH, "/openai/v1/models", "/v1/models/whisper-1", "/transcribe/file"]
)
async def test_no_websocket_is_served_where_recordings_are_posted(
    gateway: Running, path: str
) -> None:
    with pytest.raises(InvalidStatus, match="404"):
        async with connect(gateway.url + path):
            pass
    with pytest.raises(ContractError) as refused:
        dialect_at(path)
    assert refused.value.code is ErrorCode.NOT_FOUND


async def test_paths_beside_are_still_dialect_as(gateway: Running) -> None:
    async with connect(f"{gateway.url}/v1/audio") as socket:
        assert json.loads(await socket.recv())["type"] == "connection"
