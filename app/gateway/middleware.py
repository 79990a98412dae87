"""What every request passes on its way to a route, and every answer on its way out."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.contract import ContractError
from app.gateway.http import error_response, gateway_of, upgrade_required

SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self'; font-src 'self'; media-src 'self'; worker-src 'self'; "
        "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class SecurityHeaders:
    """Puts the security headers on every HTTP answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an ASGI connection on, adding headers to what is HTTP."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    *((k.lower().encode(), v.encode()) for k, v in SECURITY_HEADERS.items()),
                ]
            await send(message)

        await self._app(scope, receive, with_headers)


class TrailingSlashes:
    """Serves `/path/` as `/path`.

    A redirect would have to name scheme and host, and neither is known here: TLS may have ended at
    a load balancer, under another name and port.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an ASGI connection on under its path without slashes at the end."""
        if scope["type"] == "http" and scope["path"].endswith("/"):
            scope = {**scope, "path": scope["path"].rstrip("/") or "/"}
        await self._app(scope, receive, send)


class HostCheck:
    """Answers nothing over HTTP for a host the gateway is not known as.

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
    """Tells a WebSocket client, on whatever path, that its upgrade did not arrive."""

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


MIDDLEWARE: Final = (SecurityHeaders, HostCheck, TrailingSlashes, LostUpgrades)
"""From the outside in."""
