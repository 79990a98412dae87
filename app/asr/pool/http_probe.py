"""Probe a recogniser by HTTP."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Final

import httpx
from pydantic_core import from_json

from app.asr.addresses import bracketed

if TYPE_CHECKING:
    from app.asr.settings import RivaSettings
    from app.asr.wire.credentials import Credentials

_MOST_BYTES: Final = 16 * 1024
"""Of the answer to a probe; real ones have some dozen."""


class HttpProbe:
    """Requests the server's HTTP readiness endpoint; connects when it is first used.

    Args:
        settings: with this server's host and port.
        credentials: whose files connections with TLS are made by.
        authority: the name it goes by, where that is not its host.
    """

    def __init__(
        self, settings: RivaSettings, credentials: Credentials, authority: str | None = None
    ) -> None:
        self._settings = settings
        self._credentials = credentials
        self._generation = 0
        port = settings.http_port
        # A compressed answer could be any size.
        self._headers = {"Accept-Encoding": "identity"}
        if authority is not None:
            self._headers["Host"] = f"{bracketed(authority)}:{port}"
        self._url = settings.ready_url
        self._client: httpx.AsyncClient | None = None
        self._connecting = asyncio.Lock()
        self._closed = False

    async def reason(self) -> str | None:
        """Return why the server is not ready; None when it is, or has no HTTP port."""
        if self._url is None:
            return None
        name = self._settings.ssl_server_name
        extensions = {"sni_hostname": name} if name is not None else {}
        try:
            client = await self._connected()
            if client is None:
                return "the connection to the recogniser was closed by this side"
            request = client.build_request(
                "GET", self._url, headers=self._headers, extensions=extensions
            )
            answer = await client.send(request, stream=True)
            try:
                return _refusal(answer.status_code, await _beginning(answer))
            finally:
                await answer.aclose()
        except (httpx.HTTPError, OSError) as error:
            # The error's text holds addresses or paths; its kind does not.
            return f"the readiness probe of the recogniser failed ({type(error).__name__})"

    async def _connected(self) -> httpx.AsyncClient | None:
        async with self._connecting:
            if self._client is not None and self._generation != self._credentials.generation:
                await self._client.aclose()
                self._client = None
            if self._client is None and not self._closed:
                self._generation = self._credentials.generation
                self._client = httpx.AsyncClient(
                    verify=await asyncio.to_thread(tls_context, self._settings),
                    trust_env=False,
                    timeout=self._settings.timeout_ms / 1000.0,
                )
            return None if self._closed else self._client

    async def aclose(self) -> None:
        """Close the connection; the server then counts as not ready."""
        self._closed = True
        async with self._connecting:
            if self._client is not None:
                await self._client.aclose()


def tls_context(settings: RivaSettings) -> ssl.SSLContext:
    """Return how recognisers are spoken to by TLS; runs in a thread, as it reads files.

    Raises:
        OSError, ValueError: they cannot be used.
    """
    # As in gRPC a given CA replaces the system's.
    context = (
        httpx.create_ssl_context(trust_env=False)
        if settings.ssl_cert is None
        else ssl.create_default_context(cafile=settings.ssl_cert)
    )
    if settings.ssl_client_cert is not None:
        context.load_cert_chain(settings.ssl_client_cert, settings.ssl_client_key)
    return context


async def _beginning(answer: httpx.Response) -> bytes:
    """Read the body, or a little more of it than a probe may hold."""
    body = b""
    async for part in answer.aiter_raw(_MOST_BYTES):
        body += part
        if len(body) > _MOST_BYTES:
            break
    return body


def _refusal(status: int, body: bytes) -> str | None:
    if status != httpx.codes.OK:
        return f"the recogniser's readiness probe answers HTTP {status}"
    # Builds differ: {"status": "ready"}, {"ready": true}; a classic Riva server answers with no
    # body at all.
    if not body:
        return None
    if len(body) > _MOST_BYTES:
        return f"the recogniser's readiness probe answers with more than {_MOST_BYTES} bytes"
    try:
        answer = from_json(body)
    except ValueError:
        return "the recogniser's readiness probe answers with something that is not JSON"
    if isinstance(answer, dict) and (
        answer.get("status") == "ready" or answer.get("ready") is True
    ):
        return None
    return "the recogniser's readiness probe says that it is not ready"
