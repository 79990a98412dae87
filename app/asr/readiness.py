"""Whether the recogniser can take a stream now.

A port that accepts connections proves nothing, and an HTTP probe alone may be answered by something
else on the machine: NVIDIA's own deployment notes ask for the list of models as well.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from typing import TYPE_CHECKING

import httpx

from app.asr.catalogue import fitting, unavailable
from app.asr.errors import AsrError
from app.asr.events import Readiness
from app.asr.settings_problems import bracketed

if TYPE_CHECKING:
    from app.asr.catalogue import Catalogue
    from app.asr.settings import RivaSettings


class HttpProbe:
    """Asks the server's HTTP readiness endpoint; connects when it is first used.

    Args:
        settings: with this server's host and port.
        authority: the name it goes by, where that is not its host.
    """

    def __init__(self, settings: RivaSettings, authority: str | None = None) -> None:
        self._settings = settings
        port = settings.http_port
        self._headers = {} if authority is None else {"Host": f"{bracketed(authority)}:{port}"}
        self._url = settings.ready_url
        self._client: httpx.AsyncClient | None = None
        self._connecting = asyncio.Lock()
        self._closed = False

    async def reason(self) -> str | None:
        """Why the server is not ready by its own word; None when it is, or is not asked by HTTP."""
        if self._url is None:
            return None
        name = self._settings.ssl_server_name
        extensions = {"sni_hostname": name} if name is not None else {}
        try:
            client = await self._connected()
            if client is None:
                return "the connection to the recogniser was closed by this side"
            answer = await client.get(self._url, headers=self._headers, extensions=extensions)
        except (httpx.HTTPError, OSError) as error:
            # The error's text holds addresses or paths; its kind does not.
            return f"the readiness probe of the recogniser failed ({type(error).__name__})"
        return _refusal(answer)

    async def _connected(self) -> httpx.AsyncClient | None:
        async with self._connecting:
            if self._client is None and not self._closed:
                self._client = httpx.AsyncClient(
                    verify=await asyncio.to_thread(_tls_context, self._settings),
                    trust_env=False,
                    timeout=self._settings.timeout_ms / 1000.0,
                )
            return None if self._closed else self._client

    async def aclose(self) -> None:
        """Closes the connection; the server then counts as not ready."""
        self._closed = True
        async with self._connecting:
            if self._client is not None:
                await self._client.aclose()


def _tls_context(settings: RivaSettings) -> ssl.SSLContext:
    # As gRPC does: a CA that is given replaces those everybody trusts.
    context = (
        httpx.create_ssl_context(trust_env=False)
        if settings.ssl_cert is None
        else ssl.create_default_context(cafile=settings.ssl_cert)
    )
    if settings.ssl_client_cert is not None:
        context.load_cert_chain(settings.ssl_client_cert, settings.ssl_client_key)
    return context


def _refusal(answer: httpx.Response) -> str | None:
    if answer.status_code != httpx.codes.OK:
        return f"the recogniser's readiness probe answers HTTP {answer.status_code}"
    # Builds differ: {"status": "ready"}, {"ready": true}; a classic Riva server answers with no
    # body at all.
    if not answer.content:
        return None
    try:
        body = json.loads(answer.content)
    except ValueError:
        return "the recogniser's readiness probe answers with something that is not JSON"
    if isinstance(body, dict) and (body.get("status") == "ready" or body.get("ready") is True):
        return None
    return "the recogniser's readiness probe says that it is not ready"


async def probe(http: HttpProbe, catalogue: Catalogue, *, model: str, within: float) -> Readiness:
    """Asks both ways at once, within that many seconds."""
    try:
        async with asyncio.timeout(within):
            refusal, listed = await asyncio.gather(
                http.reason(), catalogue.refresh(), return_exceptions=True
            )
    except TimeoutError:
        return not_ready(f"the recogniser did not answer within {within:g} s")
    if isinstance(listed, AsrError):
        return not_ready(listed.message)
    if isinstance(listed, BaseException):
        raise listed
    if isinstance(refusal, BaseException):
        raise refusal
    if refusal is not None:
        return Readiness(ready=False, reason=refusal, models=listed)
    if not listed:
        return not_ready("the recogniser lists no model")
    if not fitting(listed, model, streaming=True):
        reason = unavailable(model, listed, streaming=True).message
        return Readiness(ready=False, reason=reason, models=listed)
    return Readiness(ready=True, reason=None, models=listed)


def not_ready(reason: str) -> Readiness:
    """The answer where nothing is known to be served."""
    return Readiness(ready=False, reason=reason, models=())
