"""Security headers of every answer, whichever layer gives it.

Sources: OWASP Secure Headers Project; RFC 6797 for Strict-Transport-Security.
"""

from collections.abc import Mapping
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.gateway.admission.hosts import Authority
from app.loopback import is_this_machine

PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; media-src 'self'; worker-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Of the page: its own files and no inline script or style. 'self' covers the WebSocket of the same
host (CSP 3, 6.7.2.8)."""

SECURITY_HEADERS: Final[Mapping[str, str]] = {
    # What is no page loads nothing, should a browser take it for one.
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), display-capture=(), geolocation=(), "
    "midi=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # For browsers that do not know frame-ancestors.
    "X-Frame-Options": "DENY",
}
"""Of every answer that does not say otherwise."""

STRICT_TRANSPORT: Final = "max-age=31536000"
"""A year, this name alone: whether the names below it have certificates is not known here."""

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
