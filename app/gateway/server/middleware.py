"""ASGI middleware: security headers, lengths, request targets, host checks, lost upgrades."""

import re
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.contract import ContractError, ErrorCode
from app.gateway.admission.hosts import Authority
from app.gateway.server.answers import error_response
from app.gateway.server.headers import SECURITY_HEADERS, STRICT_TRANSPORT
from app.gateway.server.pages import gateway_of, upgrade_required
from app.loopback import is_this_machine

_WHOLE_URL: Final = re.compile(
    r"https?://(?P<host>[^/?#]*)(?P<path>/.*)?", re.DOTALL | re.IGNORECASE
)

_ANSWERS: Final = frozenset({"http.response.start", "websocket.http.response.start"})


class SecurityHeaders:
    """Adds the security headers to every HTTP answer that lacks them.

    It stands outside the whole application: Starlette answers an exception outside of every
    middleware of its own.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an ASGI connection on, adding headers to what is HTTP."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] in _ANSWERS:
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                if _is_lasting(scope):
                    headers["Strict-Transport-Security"] = STRICT_TRANSPORT
            await send(message)

        await self._app(scope, receive, with_headers)


def _is_lasting(scope: Scope) -> bool:
    """Say whether a browser shall ask this host by TLS alone from now on.

    `localhost` is every program of this machine, on whatever port, and an address is no name. Who
    lies in X-Forwarded-Proto is told so himself, and nobody else.
    """
    headers = Headers(scope=scope)
    scheme = headers.get("x-forwarded-proto", scope.get("scheme", ""))
    if scheme.strip().lower() not in {"https", "wss"}:
        return False
    try:
        host = Authority.parse(headers.get("host", ""))
    except ValueError:
        return False
    return not (host.is_address or is_this_machine(host.host))


class OneLength:
    """Refuses requests that say in two ways where they end.

    h11 goes by the chunks. A proxy that goes by Content-Length sees another request begin
    elsewhere, and may take it for somebody else's (RFC 9112, 6.1 and 11.2).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an ASGI connection on if it has one length, or none."""
        if scope["type"] == "http" and {b"content-length", b"transfer-encoding"} <= {
            name for name, _ in scope["headers"]
        }:
            detail = "Content-Length and Transfer-Encoding exclude each other"
            response = error_response(ContractError(ErrorCode.BAD_REQUEST, detail=detail))
            # Where a next request would begin is what is not certain.
            response.headers["Connection"] = "close"
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)


class RequestTarget:
    """Normalises the request target: `/path/` is `/path`, and a whole URL is its path.

    A redirect to the path without the slash would have to name scheme and host, and neither is
    known here: TLS may have ended at a load balancer, under another name and port.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an ASGI connection on under its path."""
        if scope["type"] in {"http", "websocket"}:
            scope = _at_its_host(scope)
            scope = {**scope, "path": scope["path"].rstrip("/") or "/"}
        await self._app(scope, receive, send)


def _at_its_host(scope: Scope) -> Scope:
    """Split a whole URL; its host overrides the header (RFC 9112, 3.2.2)."""
    found = _WHOLE_URL.fullmatch(scope["path"])
    if found is None:
        return scope
    headers = [pair for pair in scope["headers"] if pair[0] != b"host"]
    headers.append((b"host", found["host"].encode("latin-1", "replace")))
    return {**scope, "path": found["path"] or "/", "headers": headers}


class HostCheck:
    """Refuses HTTP requests for a host the gateway is not known as.

    A WebSocket's host is checked with its origin and token, where refusals are counted.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an ASGI connection on if it asks for a host of ours."""
        if scope["type"] == "http":
            connection = HTTPConnection(scope)
            try:
                gateway_of(connection).access.check_host(connection)
            except ContractError as error:
                await error_response(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


class LostUpgrades:
    """Answers a WebSocket client, on any path, that its upgrade did not arrive."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an ASGI connection on unless it is a WebSocket's handshake over plain HTTP."""
        if (
            scope["type"] == "http"
            and "sec-websocket-key" in (request := HTTPConnection(scope)).headers
        ):
            await error_response(upgrade_required(request))(scope, receive, send)
            return
        await self._app(scope, receive, send)


MIDDLEWARE: Final = (OneLength, RequestTarget, HostCheck, LostUpgrades)
"""From the outside in."""
