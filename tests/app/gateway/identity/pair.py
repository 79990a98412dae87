"""Two gateways of one environment behind TLS, and a client that gets its tokens there."""

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from app.contract import TokenAnswer
from app.contract.limits import PATH_TOKENS
from app.emulator import Emulator
from tests.support import issuer
from tests.support.gateways.running import Running, running_gateway, said_until, send

RESUME = "a resume key of this environment 1"
STATIC = "a-static-token-0123456789"  # pragma: allowlist secret
OTHER = "another-static-token-987654"  # pragma: allowlist secret


@dataclass
class Pair:
    """Two gateways of one environment, and a client that trusts both."""

    one: Running
    other: Running
    trust: ssl.SSLContext
    http: httpx.AsyncClient

    async def ask(
        self, credential: str | None = STATIC, content: str | bytes | None = None, **asked: object
    ) -> httpx.Response:
        """Ask the first gateway for a token."""
        headers = {} if credential is None else {"Authorization": f"Bearer {credential}"}
        if asked:
            content = json.dumps(asked)
        if content is not None:
            headers["Content-Type"] = "application/json"
        url = self.one.http_url + PATH_TOKENS
        return await self.http.post(url, headers=headers, content=content)

    async def token(self, credential: str = STATIC, **asked: object) -> str:
        answer = await self.ask(credential, None, **asked)
        assert answer.status_code == 200, answer.text
        return TokenAnswer.model_validate_json(answer.text).token

    def open(self, gateway: Running, token: str, origin: str | None = None) -> connect:
        """Connect as a browser does."""
        page = None if origin is None else Origin(origin)
        offered = [Subprotocol("perch"), Subprotocol(f"bearer.{token}")]
        return connect(gateway.url, ssl=self.trust, subprotocols=offered, origin=page)

    async def refused(
        self, gateway: Running, token: str, origin: str | None = None
    ) -> tuple[int, str]:
        with pytest.raises(InvalidStatus) as error:
            await self.open(gateway, token, origin)
        response = error.value.response
        return response.status_code, json.loads(response.body)["code"]


@asynccontextmanager
async def pair(emulator: Emulator, folder: Path, **changes: object) -> AsyncIterator[Pair]:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    same = {
        "app_ssl_cert": certificate,
        "app_ssl_key": key,
        "app_resume_keys": RESUME,
        "app_auth_tokens": f"{STATIC},{OTHER}",
        **changes,
    }
    async with (
        running_gateway(emulator, None, **same) as one,
        running_gateway(emulator, None, **same) as other,
        httpx.AsyncClient(verify=trust, trust_env=False) as http,
    ):
        for gateway in (one, other):
            gateway.url = gateway.url.replace("ws:", "wss:")
            gateway.http_url = gateway.http_url.replace("http:", "https:")
        yield Pair(one, other, trust, http)


def of_issuer(folder: Path) -> dict[str, object]:
    keys = folder / "keys.json"
    keys.write_bytes(issuer.key_set(("ES256", "one")))
    return {
        "app_jwt_keys_file": keys,
        "app_jwt_issuer": issuer.NAME,
        "app_jwt_audience": issuer.AUDIENCE,
        "app_jwt_algorithms": "ES256",
    }


async def begin(socket: ClientConnection, **options: object) -> dict[str, Any]:
    """Start a session, and return the answer."""
    await send(socket, "start_transcription", **options)
    return (await said_until(socket, "session_started"))[-1]
