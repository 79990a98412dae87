"""A gateway in a process of its own that knows clients in every way there is, behind real TLS."""

from __future__ import annotations

import asyncio
import os
import ssl
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import trustme
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from app.credentials.access_list import RevokedClient, RevokedToken
from app.credentials.api_key import ApiKey
from ops.token import changes
from tests.support import issuer
from tests.support.gateways.child_process import free_port
from tests.support.keys import access_list, key_entry, put

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

HOST: Final = "perch.example"
PAGE: Final = "https://page.example"
RESUME_KEY: Final = "a key of resume and single-use tokens"
UPGRADED: Final = 101
UNAUTHORIZED: Final = 401
_START_S: Final = 60.0
_WITHIN_S: Final = 60.0
"""Of an answer, on a machine that does much else."""
_QUIET_S: Final = 1.0
"""What comes behind an answer comes with it."""


def bearer(token: str) -> tuple[str, str]:
    """Return the header in which a token is shown."""
    return ("Authorization", f"Bearer {token}")


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """The gateway.

    Attributes:
        port: Where it listens.
        trust: TLS of its clients.
        log: What it says.
        static: The token of its list.
        issuer: Of JSON Web Tokens.
        keys: API keys by what became of them: good, ended, early, rotated, revoked.
    """

    port: int
    trust: ssl.SSLContext
    log: Path
    static: str
    issuer: issuer.Address
    keys: dict[str, ApiKey]

    async def answer(
        self,
        *headers: tuple[str, str],
        path: str = "/ws",
        offered: tuple[str, ...] = (),
    ) -> tuple[int, str]:
        """Return how a WebSocket is answered: its status, and everything that was said."""
        try:
            async with connect(
                f"wss://{HOST}:{self.port}{path}",
                host="127.0.0.1",
                ssl=self.trust,
                additional_headers=headers,
                subprotocols=list(offered) or None,  # type: ignore[arg-type]
                proxy=None,
                open_timeout=_WITHIN_S,
            ) as socket:
                return UPGRADED, str(socket.response)
        except InvalidStatus as refused:
            said = refused.response
            return said.status_code, f"{said.headers} {(said.body or b'').decode()}"

    async def raw(self, data: bytes) -> bytes:
        """Send bytes by TLS; return everything that comes until the gateway is quiet or closes."""
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=self.trust, server_hostname=HOST
        )
        writer.write(data)
        received = bytearray()
        try:
            async with asyncio.timeout(_WITHIN_S) as patience:
                while piece := await reader.read(1 << 16):
                    received += piece
                    patience.reschedule(asyncio.get_running_loop().time() + _QUIET_S)
        except (TimeoutError, ConnectionError):
            pass
        writer.transport.abort()
        return bytes(received)


def _put_access_list(path: Path) -> dict[str, ApiKey]:
    now = datetime.now(UTC)
    keys = {name: ApiKey.generate() for name in ("good", "ended", "early", "rotated", "revoked")}
    before = now - timedelta(days=3)
    listed = access_list(
        key_entry(keys["good"], now, expires=now + timedelta(days=9)),
        key_entry(keys["ended"], before, expires=now - timedelta(seconds=1)),
        key_entry(keys["early"], now + timedelta(days=1), expires=now + timedelta(days=9)),
        key_entry(keys["rotated"], before, expires=now + timedelta(days=9)),
        key_entry(keys["revoked"], before, expires=now + timedelta(days=9)),
        tokens=(RevokedToken(jti="revoked", revoked=now, until=now + timedelta(days=1)),),
        clients=(RevokedClient(client="revoked", before=now + timedelta(hours=1)),),
    )
    # By what `perch token` does: an overlap of two days that is over, and a revocation.
    later = before + timedelta(hours=1)
    successor = key_entry(ApiKey.generate(), later, expires=now + timedelta(days=9))
    listed = changes.rotated(listed, keys["rotated"].key_id, successor, timedelta(days=2))
    put(path, changes.without_keys(listed, (keys["revoked"].key_id,), now))
    return keys


@asynccontextmanager
async def guarded(folder: Path) -> AsyncIterator[Guarded]:
    """Run it until the end of the block. It has no recogniser, which nobody here comes to."""
    authority = trustme.CA()
    leaf = authority.issue_cert(HOST, "127.0.0.1")
    leaf.private_key_and_cert_chain_pem.write_to_path(folder / "gateway.pem")
    trust = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
    static = "a-static-token-of-the-list"
    (folder / "tokens").write_text(f"{static}\n")
    (folder / "resume-keys").write_text(f"{RESUME_KEY}\n")
    keys = _put_access_list(folder / "access-list")
    port, log = free_port(), folder / "log"
    document = issuer.key_set(("ES256", "one"), ("RS256", "two"), ("EdDSA", "three"))
    with issuer.serving(document) as address, log.open("wb") as said:
        (folder / "issuer.pem").write_text(address.authority)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app.gateway"),
            cwd=folder,
            env={
                "PATH": os.environ["PATH"],
                "APP_HOST": "127.0.0.1",
                "APP_PORT": str(port),
                "APP_ALLOWED_HOSTS": HOST,
                "APP_ALLOWED_ORIGINS": PAGE,
                "APP_SSL_CERT": str(folder / "gateway.pem"),
                "APP_SSL_KEY": str(folder / "gateway.pem"),
                "APP_AUTH_TOKENS_FILE": str(folder / "tokens"),
                "APP_RESUME_KEYS_FILE": str(folder / "resume-keys"),
                "APP_ACCESS_LIST_FILE": str(folder / "access-list"),
                "APP_JWT_KEYS_URL": address.url,
                "APP_JWT_ISSUER": issuer.NAME,
                "APP_JWT_AUDIENCE": issuer.AUDIENCE,
                "SSL_CERT_FILE": str(folder / "issuer.pem"),
                "RIVA_HOST": "127.0.0.1",
                "RIVA_PORT": str(free_port()),
                "RIVA_HTTP_PORT": "0",
            },
            stdin=asyncio.subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
        gateway = Guarded(port=port, trust=trust, log=log, static=static, issuer=address, keys=keys)
        try:
            async with asyncio.timeout(_START_S):
                while not await _answers(gateway):
                    assert process.returncode is None, log.read_text()
                    await asyncio.sleep(0.05)
            yield gateway
        finally:
            if process.returncode is None:
                process.terminate()
            await asyncio.wait_for(process.wait(), _START_S)


async def _answers(gateway: Guarded) -> bool:
    request = f"GET /healthz HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
    try:
        return (await gateway.raw(request.encode())).startswith(b"HTTP/1.1 200")
    except OSError:
        return False
