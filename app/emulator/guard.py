"""Protection of an emulator from web pages, also by a name rebound to this machine."""

import re
from collections.abc import Collection
from ipaddress import ip_address
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LOCALHOST: Final = "localhost"
_BROWSERS: Final = ("origin", "sec-fetch-site", "access-control-request-method")
"""Headers that browsers add; probes and tests do not send them."""
_HOST: Final = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[^:\[\]@/?#\s]+))(?::\d{1,5})?")


class Guard:
    """An ASGI application before another one.

    An address in the Host header cannot be a rebound name, so addresses are accepted as they are.

    Args:
        application: What is guarded.
        names: Host names it goes by, beside localhost.
    """

    def __init__(self, application: ASGIApp, names: Collection[str]) -> None:
        self._application = application
        self._names = frozenset(name.lower() for name in (LOCALHOST, *names))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 403 with what is wrong with it."""
        refusal = None if scope["type"] != "http" else self._refusal(Headers(scope=scope))
        if refusal is None:
            await self._application(scope, receive, send)
            return
        await JSONResponse({"error": refusal}, status_code=403)(scope, receive, send)

    def _refusal(self, headers: Headers) -> str | None:
        if any(name in headers for name in _BROWSERS):
            return "web pages may not speak to the emulator"
        hosts = headers.getlist("host")
        if len(hosts) == 1 and self._is_own(hosts[0]):
            return None
        return (
            "the Host header must be an address or one of: "
            f"{', '.join(sorted(self._names))}; --allowed-host adds a name"
        )

    def _is_own(self, host: str) -> bool:
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        name = found["six"] or found["name"]
        try:
            ip_address(name)
        except ValueError:
            return name.lower() in self._names
        return True
