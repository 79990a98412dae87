"""A gateway in a process of its own, with a secret of every kind that it can be given.

As on a machine: tokens, keys and the access list in files, TLS to clients, mutual TLS and an API
key to the recogniser, traces on, the log as talkative as it can be.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import grpc
import jwt
import trustme

from app.credentials.api_key import ApiKey
from tests.support.collector import Collector, collecting
from tests.support.gateways.child_process import free_port
from tests.support.issuer import AUDIENCE, NAME, claims
from tests.support.keys import access_list, key_entry, put
from tests.support.leaks.secrets import (
    Secret,
    made,
    of_api_key,
    plain,
    private_key,
    signature_of,
    symmetric_key,
)
from tests.support.recognisers.fake_riva import FakeRiva, Stream, final, serving, word

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

START_S = 60
KEYS: Final = ("a good API key", "an ended API key", "a revoked API key", "an API key of nobody")


@dataclass(frozen=True, kw_only=True)
class PlantedGateway:
    """A running gateway, and what was planted in it.

    Attributes:
        port: Where it listens, by TLS.
        admin_port: Of its administrative listener.
        pid: Of its process.
        log: What it has said, on both streams.
        authority: Who signed its certificate.
        token: A client's, of the list.
        wrong: A client's that is in no list.
        signed: A client's, of an issuer.
        keys: API keys by their names, which are `KEYS`.
        secrets: Everything that must not come out; clients' tokens among it.
        riva: The recogniser.
        collector: Of traces.
    """

    port: int
    admin_port: int
    pid: int
    log: Path
    authority: trustme.CA
    token: Secret
    wrong: Secret
    signed: str
    keys: dict[str, ApiKey]
    secrets: tuple[Secret, ...]
    riva: FakeRiva
    collector: Collector


def _recogniser(api_key: str) -> FakeRiva:
    """Return a recogniser that hears a word, and in every other stream says too much of a key."""

    async def script(stream: Stream) -> None:
        await stream.say(final("perch", word("perch", 0, 90)))
        await stream.receive_all()
        if len(riva.streams) % 2 == 0:
            await stream.fail(grpc.StatusCode.UNAUTHENTICATED, f"key {api_key} is not known")

    async def recognize(_: Any, context: Any) -> Any:  # noqa: ANN401 - gRPC's, untyped
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, f"Bearer {api_key}: no")

    riva = FakeRiva(script=script, recognize=recognize)
    return riva


def _write_files(
    folder: Path, authority: trustme.CA
) -> tuple[dict[str, str], list[Secret], Secret, str]:
    """Write every file; return the variables that name them, what is secret, and two tokens."""
    token = plain("a token of the list", "perch-")
    other, resume = plain("another token of the list"), made("the key of resume tokens")
    signing, key_set = symmetric_key("the key of the issuer")
    signed = jwt.encode(claims(), signing.value, "HS256", {"kid": "planted"})
    for name, text in (
        ("tokens", f"{token.text}\n{other.text}\n"),
        ("resume-keys", f"{resume.text}\n"),
        ("keys.json", key_set),
    ):
        (folder / name).write_text(text)
    authority.cert_pem.write_to_path(folder / "ca.pem")
    keys = []
    for name in ("server", "client"):
        leaf = authority.issue_cert("localhost", "127.0.0.1")
        leaf.private_key_pem.write_to_path(folder / f"{name}.key")
        leaf.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")
        keys.append(private_key(f"the private key of the {name}", folder / f"{name}.key"))
    files = {
        "APP_AUTH_TOKENS_FILE": "tokens",
        "APP_RESUME_KEYS_FILE": "resume-keys",
        "APP_JWT_KEYS_FILE": "keys.json",
        "APP_SSL_CERT": "server.pem",
        "APP_SSL_KEY": "server.key",
        "RIVA_SSL_CERT": "ca.pem",
        "RIVA_SSL_CLIENT_CERT": "client.pem",
        "RIVA_SSL_CLIENT_KEY": "client.key",  # pragma: allowlist secret
    }
    variables = {
        **{key: str(folder / file) for key, file in files.items()},
        "APP_JWT_ISSUER": NAME,
        "APP_JWT_AUDIENCE": AUDIENCE,
        "APP_JWT_ALGORITHMS": "HS256",
        "RIVA_SSL": "true",
    }
    secrets = [token, other, resume, signing, signature_of("a signed token", signed), *keys]
    return variables, secrets, token, signed


def _write_access_list(path: Path) -> dict[str, ApiKey]:
    """Write a list of all keys but the last one; return them by name."""
    keys = {name: ApiKey.generate() for name in KEYS}
    good, ended, revoked, _ = keys.values()
    before = datetime.now(UTC) - timedelta(days=2)
    every = frozenset({"stream", "file", "admin"})
    put(
        path,
        access_list(
            key_entry(good, scopes=every),
            key_entry(ended, before, expires=before + timedelta(days=1)),
            key_entry(revoked, revoked=before),
        ),
    )
    return keys


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


@asynccontextmanager
async def planted_gateway(folder: Path) -> AsyncIterator[PlantedGateway]:
    """Run it until the end of the block; what it has said stays."""
    authority = trustme.CA()
    variables, secrets, token, signed = _write_files(folder, authority)
    keys = _write_access_list(folder / "access-list")
    secrets += [secret for name, key in keys.items() for secret in of_api_key(name, key)]
    wrong = plain("a token of no list", "perch-")
    api_key, otlp = plain("the recogniser's API key", "nvapi-"), plain("the collector's key")
    server = authority.issue_cert("127.0.0.1")
    credentials = grpc.ssl_server_credentials(
        [(server.private_key_pem.bytes(), server.cert_chain_pems[0].bytes())],
        root_certificates=authority.cert_pem.bytes(),
        require_client_auth=True,
    )
    log, port, admin_port = folder / "log", free_port(), free_port()
    async with (
        collecting() as collector,
        serving(_recogniser(api_key.text), credentials=credentials) as riva,
    ):
        with log.open("wb") as said:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "app.gateway"),
                cwd=folder,
                env={
                    "PATH": os.environ["PATH"],
                    "APP_HOST": "127.0.0.1",
                    "APP_PORT": str(port),
                    "APP_ADMIN_PORT": str(admin_port),
                    "APP_ACCESS_LIST_FILE": str(folder / "access-list"),
                    "LOG_LEVEL": "DEBUG",
                    "RIVA_HOST": "127.0.0.1",
                    "RIVA_PORT": str(riva.port),
                    "RIVA_HTTP_PORT": "0",
                    "RIVA_API_KEY": api_key.text,
                    "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.grpc_port}",
                    "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
                    "OTEL_TRACES_SAMPLER": "always_on",
                    "OTEL_EXPORTER_OTLP_HEADERS": f"x-api-key={otlp.text}",
                    **variables,
                },
                stdin=asyncio.subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
        try:
            async with asyncio.timeout(START_S):
                while b'"listening"' not in log.read_bytes():
                    assert process.returncode is None, log.read_text()
                    await asyncio.sleep(0.05)
                # It is named before it is served.
                while not await _listens(port):  # noqa: ASYNC110 - another process has no event
                    await asyncio.sleep(0.05)
            yield PlantedGateway(
                port=port,
                admin_port=admin_port,
                pid=process.pid,
                log=log,
                authority=authority,
                token=token,
                wrong=wrong,
                signed=signed,
                keys=keys,
                secrets=(*secrets, wrong, api_key, otlp),
                riva=riva,
                collector=collector,
            )
        finally:
            if process.returncode is None:
                process.terminate()
            await asyncio.wait_for(process.wait(), START_S)
