"""A gateway that nobody restarts, its recognisers, and everything they prove themselves with."""

from __future__ import annotations

import asyncio
import json
import secrets
import ssl
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import httpx
import trustme
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.certificates import facts_of_chain
from app.credentials.api_key import ApiKey
from tests.chaos.deployment import MANY, PATIENT, endpoints
from tests.support import issuer, keys
from tests.support.certificates import Pair, pair_in, put, put_authorities, replace
from tests.support.faults.proxy import FaultProxy
from tests.support.processes import (
    LOOPBACK,
    POLL_S,
    START_S,
    Gateway,
    Place,
    ProcessError,
    Recogniser,
    answers,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from trustme import CA

    from app.credentials.access_list import AccessList

RESUME_WINDOW_S: Final = 20
"""APP_RESUME_WINDOW_S: for so long a key is left in that has signed."""
CHANGED_S: Final = 60.0
"""How long a change may take to be seen: a second, on a machine that has nothing else to do."""


class SecureGateway(Gateway):
    """A gateway whose listener has TLS; the authority that certified it is believed."""

    trust: ssl.SSLContext

    @property
    def url(self) -> str:
        """Base URL of its HTTP side."""
        return f"https://{LOOPBACK}:{self.port}"

    async def ready(self) -> None:
        """Wait until it takes sessions.

        Raises:
            ProcessError: It ended, or was not ready in time.
        """
        try:
            async with (
                asyncio.timeout(START_S),
                httpx.AsyncClient(trust_env=False, verify=self.trust) as http,
            ):
                while not await answers(http, f"{self.url}/readyz"):
                    _ = self.pid
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise ProcessError(f"{self.name} was not ready within {START_S:g} s") from None


def trusting(*authorities: CA) -> ssl.SSLContext:
    """Return a client's TLS that believes these authorities and no others."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for one in authorities:
        one.configure_trust(context)
    return context


def secret() -> str:
    """Return a token or key as people make one."""
    return secrets.token_hex(16)


@dataclass(kw_only=True)
class Estate:
    """What stands, and with what.

    Attributes:
        folder: Where everything lies.
        gateway: With TLS at its listener.
        recognisers: Two that want client certificates.
        proxy: Before the gateway, for those clients whose connections are broken.
        issuer: Of the tokens of a third of the clients.
        authority: Of the gateway's certificate.
        riva_authority: Of the recognisers' certificates and of the gateway's toward them.
        trust: What clients believe.
        token: The bearer token of another third.
        api_key: The API key of the others.
        listed: The access list, which has that key.
        signing_key: Name of the key that the issuer signs with.
        resume_key: The key that signs resume tokens.
    """

    folder: Path
    gateway: SecureGateway
    recognisers: tuple[Recogniser, ...]
    proxy: FaultProxy
    issuer: issuer.Address
    authority: CA
    riva_authority: CA
    trust: ssl.SSLContext
    token: str
    api_key: ApiKey
    listed: AccessList
    resume_key: str
    signing_key: str = "key-1"
    pid: int = field(init=False)

    def __post_init__(self) -> None:
        self.pid = self.gateway.pid

    @property
    def listener(self) -> Pair:
        """The gateway's certificate and key."""
        return pair_in(self.folder, "gateway")

    @property
    def client(self) -> Pair:
        """The gateway's certificate and key toward recognisers."""
        return pair_in(self.folder, "client")

    @property
    def riva(self) -> Pair:
        """The recognisers' certificate and key."""
        return pair_in(self.folder, "riva")

    @property
    def riva_bundle(self) -> Path:
        """The authorities that the gateway believes of recognisers."""
        return self.folder / "riva-ca.pem"

    @property
    def client_bundle(self) -> Path:
        """The authorities that recognisers believe of clients."""
        return self.folder / "client-ca.pem"

    def place(self, number: int) -> Place:
        """Return where a speaker connects: every second one so that it can be cut off."""
        port = self.proxy.port if is_cut(number) else self.gateway.port
        # Of each kind one in two is cut off.
        kinds = (self.token, self.issued(), self.api_key.text)
        token = kinds[number // 2 % len(kinds)]
        return Place(url=f"wss://{LOOPBACK}:{port}", tls=self.trust, token=token)

    def issued(self, key: str | None = None) -> str:
        """Return a token of the issuer."""
        return issuer.token(key=key or self.signing_key)

    async def change(self, *said: str, by: Callable[[], None]) -> None:
        """Change files, and wait until the gateway has said so.

        Args:
            said: What stands in its line.
            by: Changes them.
        """
        since = len(self.gateway.lines)
        by()
        await self.gateway.wait_for_line(*said, since=since)

    async def certify_listener(self, authority: CA) -> str:
        """Give the gateway another certificate; return its fingerprint."""
        issued = authority.issue_cert(LOOPBACK)
        fingerprint = facts_of_chain(issued.cert_chain_pems[0].bytes()).fingerprint
        await self.change('"certificate taken"', fingerprint, by=lambda: put(self.listener, issued))
        return fingerprint

    async def certify_client(self, authority: CA) -> None:
        """Give the gateway another certificate toward recognisers."""
        issued = authority.issue_cert("gateway.internal")
        fingerprint = facts_of_chain(issued.cert_chain_pems[0].bytes()).fingerprint
        await self.change(
            '"asr_certificate_taken"', fingerprint, by=lambda: put(self.client, issued)
        )

    async def believe_recognisers_of(self, *authorities: CA) -> None:
        """Have the gateway believe recognisers of these authorities alone."""
        await self.change(
            '"asr_certificate_taken"',
            '"riva_ca"',
            by=lambda: put_authorities(self.riva_bundle, *authorities),
        )

    async def restart_recognisers(self) -> None:
        """Restart one after the other, as a NIM has to be for another certificate."""
        for one in self.recognisers:
            await one.terminate()
            await one.start()
            await self.gateway.ready()

    async def accept_tokens(self, *tokens: str) -> None:
        """Have the gateway accept these bearer tokens alone."""
        await self.change(
            '"client tokens taken"', by=lambda: put_lines(self.folder / "tokens", *tokens)
        )

    async def go_by(self, listed: AccessList) -> None:
        """Have the gateway go by another access list."""
        await self.change(
            '"access list read"', by=lambda: keys.put(self.folder / "access-list", listed)
        )
        self.listed = listed

    async def sign_resume_tokens_by(self, *keys: str) -> None:
        """Have the gateway sign with the first of these keys, and accept all of them."""
        await self.change(
            '"resume keys taken"', by=lambda: put_lines(self.folder / "resume-keys", *keys)
        )

    async def shown(self, trust: ssl.SSLContext) -> str | None:
        """Shake hands; return the certificate's fingerprint, None where it is not believed."""
        try:
            _, writer = await asyncio.open_connection(LOOPBACK, self.gateway.port, ssl=trust)
        except ssl.SSLCertVerificationError:
            return None
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        return facts_of_chain(ssl.DER_cert_to_PEM_cert(der).encode()).fingerprint

    async def status(self, token: str) -> int:
        """Return how a WebSocket with a bearer token is answered."""
        try:
            async with connect(
                f"wss://{LOOPBACK}:{self.gateway.port}/ws",
                ssl=self.trust,
                additional_headers={"Authorization": f"Bearer {token}"},
            ):
                return 101
        except InvalidStatus as error:
            return error.response.status_code

    async def until(self, holds: Callable[[], Awaitable[bool]], what: str) -> None:
        """Wait until something holds.

        Raises:
            ProcessError: It did not in time.
        """
        try:
            async with asyncio.timeout(CHANGED_S):
                while not await holds():  # noqa: ASYNC110 - nothing announces it
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise ProcessError(f"within {CHANGED_S:g} s it was not so that {what}") from None

    async def offered(self) -> str:
        """Return the resume token of a hello."""
        async with self._hello() as (_, hello):
            token: str = hello["resume"]["token"]
        return token

    async def resumes(self, resume: str) -> bool:
        """Return whether a session is begun by a resume token."""
        async with self._hello() as (socket, _):
            await socket.send(json.dumps({"type": "start_transcription", "resume": resume}))
            answer = json.loads(await socket.recv())
        return bool(answer["type"] == "session_started")

    async def ended_by(self, token: str, act: Callable[[], Awaitable[None]]) -> tuple[str, int]:
        """Begin a session and act; return the code of its last message, and that of the close."""
        async with self._hello(token) as (socket, _):
            await socket.send(json.dumps({"type": "start_transcription"}))
            last = json.loads(await socket.recv())
            await act()
            with suppress(ConnectionClosed):
                async with asyncio.timeout(CHANGED_S):
                    async for message in socket:
                        last = json.loads(message)
        return last.get("code", last["type"]), socket.close_code or 0

    @asynccontextmanager
    async def _hello(
        self, token: str = ""
    ) -> AsyncIterator[tuple[ClientConnection, dict[str, dict[str, str]]]]:
        async with connect(
            f"wss://{LOOPBACK}:{self.gateway.port}/ws",
            ssl=self.trust,
            additional_headers={"Authorization": f"Bearer {token or self.token}"},
        ) as socket:
            yield socket, json.loads(await socket.recv())

    async def problems(self) -> list[str]:
        """Return what should never be: a restart, or a file that is not followed."""
        found = []
        if not self.gateway.runs or self.gateway.pid != self.pid:
            return ["the gateway was restarted"]
        numbers = await self.gateway.metrics()
        if numbers["perch_file_not_followed"]:
            found.append(f"{numbers['perch_file_not_followed']:g} files are not followed")
        return found


def is_cut(number: int) -> bool:
    """Return whether a speaker is one of those that are cut off."""
    return number % 2 == 1


def put_lines(path: Path, *lines: str) -> None:
    """Put a file of these lines in place."""
    replace(path, "".join(f"{line}\n" for line in lines).encode())


@asynccontextmanager
async def estate(folder: Path) -> AsyncIterator[Estate]:
    """Build one; leaving the block ends all of it."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    authority, riva_authority = trustme.CA(), trustme.CA()
    listener, client, riva = (pair_in(folder, name) for name in ("gateway", "client", "riva"))
    put(listener, authority.issue_cert(LOOPBACK))
    put(client, riva_authority.issue_cert("gateway.internal"))
    put(riva, riva_authority.issue_cert(LOOPBACK))
    for name in ("riva-ca.pem", "client-ca.pem"):
        put_authorities(folder / name, riva_authority)
    token, resume_key, api_key = secret(), secret(), ApiKey.generate()
    listed = keys.access_list(keys.key_entry(api_key))
    keys.put(folder / "access-list", listed)
    put_lines(folder / "tokens", token)
    put_lines(folder / "resume-keys", resume_key)
    async with AsyncExitStack() as stack:
        tokens_of = stack.enter_context(issuer.serving(issuer.key_set(("ES256", "key-1"))))
        (folder / "issuer-ca.pem").write_text(tokens_of.authority, encoding="utf-8")
        tls = (
            f"--tls-certificate={riva.certificate}",
            f"--tls-key={riva.key}",
            f"--tls-client-ca={folder / 'client-ca.pem'}",
        )
        recognisers = tuple(Recogniser(f"riva-{n}", folder, options=tls) for n in (1, 2))
        for one in recognisers:
            await stack.enter_async_context(one)
            await one.start()
        gateway = SecureGateway(
            "gateway",
            folder,
            {
                **MANY,
                **PATIENT,
                "APP_SSL_CERT": str(listener.certificate),
                "APP_SSL_KEY": str(listener.key),
                "APP_AUTH_TOKENS_FILE": str(folder / "tokens"),
                "APP_ACCESS_LIST_FILE": str(folder / "access-list"),
                "APP_RESUME_KEYS_FILE": str(folder / "resume-keys"),
                "APP_RESUME_WINDOW_S": str(RESUME_WINDOW_S),
                "APP_JWT_KEYS_URL": tokens_of.url,
                "APP_JWT_ISSUER": issuer.NAME,
                "APP_JWT_AUDIENCE": issuer.AUDIENCE,
                "APP_JWT_REFRESH_S": "1",
                "SSL_CERT_FILE": str(folder / "issuer-ca.pem"),
                "RIVA_ENDPOINTS": endpoints(*recognisers),
                "RIVA_SSL": "true",
                "RIVA_HTTP_SSL": "false",
                "RIVA_SSL_CERT": str(folder / "riva-ca.pem"),
                "RIVA_SSL_CLIENT_CERT": str(client.certificate),
                "RIVA_SSL_CLIENT_KEY": str(client.key),
            },
        )
        gateway.trust = trusting(authority)
        await stack.enter_async_context(gateway)
        await gateway.start()
        proxy = await stack.enter_async_context(FaultProxy(LOOPBACK, gateway.port))
        yield Estate(
            folder=folder,
            gateway=gateway,
            recognisers=recognisers,
            proxy=proxy,
            issuer=tokens_of,
            authority=authority,
            riva_authority=riva_authority,
            trust=gateway.trust,
            token=token,
            api_key=api_key,
            listed=listed,
            resume_key=resume_key,
        )
