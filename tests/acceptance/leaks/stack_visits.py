"""API keys made, shown, exchanged, rotated and revoked on a running stack, as people do it."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from app.credentials.api_key import ApiKey
from tests.support.leaks.secrets import Secret, of_api_key, signature_of
from tests.support.up_process import perch

if TYPE_CHECKING:
    from click.testing import Result

    from tests.support.leaks.search import Text
    from tests.support.up_process import Up

FOLLOWED_S: Final = 60.0
UPGRADED: Final = 101
REFUSED: Final = 401


@dataclass
class KeysOfAStack:
    """Keys of a stack, and what people and gateways were told because of them.

    Attributes:
        up: The stack.
        keys: That were made, in order: one, its successor, and one that was revoked.
        single_use: Tokens that were given for a key.
        told: What was said, without the keys and tokens that were given out.
    """

    up: Up
    keys: list[ApiKey] = field(default_factory=list)
    single_use: list[str] = field(default_factory=list)
    told: list[Text] = field(default_factory=list)

    @property
    def secrets(self) -> list[Secret]:
        """Return what must not come out: keys, hashes and signatures."""
        named = ("a key", "its successor", "a revoked key")
        return [
            *(
                secret
                for name, key in zip(named, self.keys, strict=True)
                for secret in of_api_key(name, key)
            ),
            *(signature_of(f"a token {n}", one) for n, one in enumerate(self.single_use)),
        ]

    def use(self) -> None:
        """Do all that is done with keys."""
        self._make("create", "ann", "--scope", "stream", "--scope", "admin")
        self._make("rotate", self.keys[0].key_id, "--overlap", "1h")
        self._make("create", "bob", "--json")
        asyncio.run(self._visit())
        self._token("revoke", self.keys[2].key_id)
        asyncio.run(self._until(self.keys[2], REFUSED))
        self._token("list")
        self._token("list", "--json")

    def _token(self, name: str, *arguments: str) -> Result:
        done = perch("token", name, "--state-dir", str(self.up.folder.path), *arguments)
        assert done.exit_code == 0, done.stderr
        self.told.append((f"perch token {name}, to the person", done.stderr))
        if name in {"list", "revoke"}:
            self.told.append((f"perch token {name} {arguments}", done.stdout))
        return done

    def _make(self, *arguments: str) -> None:
        said = self._token(*arguments).stdout
        # Shown this once, on standard output; its rest is looked at like anything else.
        key = ApiKey.parse(json.loads(said)["key"] if "--json" in arguments else said.strip())
        assert said.count(key.text) == 1
        self.told.append(
            (f"perch token {arguments[0]}, but for the key", said.replace(key.text, ""))
        )
        self.keys.append(key)

    async def _visit(self) -> None:
        for key in self.keys:
            await self._until(key, UPGRADED)
            await self._opened(offered=f"bearer.{key.text}")
            await self._opened(f"?token={key.text}")
            await self._opened(shown=f"{key.text}x")
            await self._opened(shown=f"{key.text[:-1]}-")
        async with httpx.AsyncClient(
            verify=_trust(self.up), trust_env=False, base_url=_base(self.up)
        ) as client:
            for _ in range(3):
                answer = await client.post(
                    "/v1/tokens", headers=_bearer(self.keys[0].text), json={}
                )
                self.single_use.append(answer.json()["token"])
            for path in ("/readyz", "/ws/status"):
                answer = await client.get(path, headers=_bearer(self.keys[1].text))
                self.told.append((path, f"{answer.headers}\n{answer.text}"))
        first, second, third = self.single_use
        for expected in (UPGRADED, REFUSED):
            found = [
                await self._opened(offered=f"bearer.{first}"),
                await self._opened(f"?token={second}"),
                await self._opened(shown=third),
            ]
            assert found == [expected] * 3

    async def _until(self, key: ApiKey, status: int) -> None:
        deadline = time.monotonic() + FOLLOWED_S
        while await self._opened(shown=key.text) != status:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.2)

    async def _opened(self, query: str = "", *, shown: str = "", offered: str = "") -> int:
        """Connect; keep what is said, and return how it is answered."""
        try:
            async with connect(
                self.up.outputs.websocket_url + query,
                ssl=_trust(self.up),
                proxy=None,
                additional_headers=_bearer(shown) if shown else None,
                subprotocols=["perch", offered] if offered else None,  # type: ignore[list-item]
            ) as socket:
                hello = str(await socket.recv())
                self.told.append(("a hello", hello))
        except InvalidStatus as refused:
            response = refused.response
            self.told.append(
                ("a refusal", f"{response.headers}\n{(response.body or b'').decode()}")
            )
            return response.status_code
        return UPGRADED


def _trust(up: Up) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(up.outputs.ca_certificate_path))


def _base(up: Up) -> str:
    return "https://" + up.outputs.websocket_url.removeprefix("wss://").partition("/")[0]


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
