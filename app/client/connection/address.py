"""The checked address of a gateway, and the opening of WebSockets to it."""

import inspect
import logging
import math
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Self, TypedDict
from urllib.parse import SplitResult, urlencode, urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_websocket
from websockets.exceptions import InvalidHandshake, InvalidProxy, InvalidStatus

from ...contract import Dialect, dialect_of
from ...contract.limits import MAX_WAIT_S, MIN_WAIT_S, PATH_A
from ...loopback import is_this_machine
from ..deadlines import Deadlines
from ..errors import refusal
from .diagnosis import failure

# At DEBUG the websockets library logs handshakes, the bearer token included. This logger stays
# above.
_WIRE_LOG: Final = logging.getLogger(f"{__name__}.wire")
_WIRE_LOG.setLevel(logging.INFO)


TokenSource = str | Callable[[], str | Awaitable[str]]
"""A bearer token, or what gives one for each try to connect."""


class _OpenWebSocket(open_websocket):
    """Opens a WebSocket without following redirects: they could carry the token to another host."""

    def process_redirect(self, exc: Exception) -> Exception:
        """Refuse every redirect."""
        return exc


class AddressOptions(TypedDict, total=False):
    """How a gateway is reached; `connect` explains each."""

    token: TokenSource | None
    ca: Path | str | None
    ssl_context: ssl.SSLContext | None
    server_hostname: str | None
    headers: Mapping[str, str] | None
    wait: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A gateway to connect to, checked before anything is opened.

    Attributes:
        url: Full address.
        headers: Fields of the upgrade, which may be secret, so they are never shown.
        token: Sent as a bearer token beside them.
        context: TLS setting, None for `ws://`.
        server_hostname: Name in the certificate, where it is not the URL's host.
        wait: Seconds for which a place in the waiting room is asked for, None for none.
    """

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    token: TokenSource | None = field(repr=False)
    context: ssl.SSLContext | None = field(repr=False)
    server_hostname: str | None
    wait: float | None

    @classmethod
    def checked(  # noqa: PLR0913 - independent keywords, each with a default
        cls,
        url: str,
        *,
        token: TokenSource | None = None,
        ca: Path | str | None = None,
        ssl_context: ssl.SSLContext | None = None,
        server_hostname: str | None = None,
        headers: Mapping[str, str] | None = None,
        wait: float | None = None,
    ) -> Self:
        """Check and combine what `connect` was given.

        Raises:
            ValueError: Some of it cannot be, or does not fit together.
        """
        if wait is not None and not (math.isfinite(wait) and MIN_WAIT_S <= wait <= MAX_WAIT_S):
            raise ValueError(
                f"wait is {wait}; accepted: {MIN_WAIT_S:g} to {MAX_WAIT_S:g} seconds, or None"
            )
        if isinstance(token, str):
            _sendable(token)
        return cls(
            url=url,
            headers=dict(headers or {}),
            token=token,
            context=_tls_context(url, ca, ssl_context, server_hostname),
            server_hostname=server_hostname,
            wait=wait,
        )

    @property
    def shown(self) -> str:
        """The URL without what may be secret in it: credentials and the query."""
        return _shown(self.url)

    def waiting(self, seconds: float) -> Self:
        """Return the same address with a wait in the waiting room of at least so many seconds."""
        bounded = min(MAX_WAIT_S, max(MIN_WAIT_S, seconds, self.wait or 0.0))
        return replace(self, wait=bounded)

    def showing(self, token: str) -> Self:
        """Return the same address with another bearer token."""
        return replace(self, token=token)

    async def dial(self, deadlines: Deadlines) -> ClientConnection:
        """Open a WebSocket; the caller sets the deadline around it.

        Raises:
            RefusedError: The gateway answered with an HTTP status.
            ConnectFailedError: There was no such answer.
            ValueError: The token that was given for this try cannot be sent.
        """
        parts = urlsplit(self.url)
        headers = {**self.headers, **await self._authorization()}
        try:
            return await _OpenWebSocket(
                self._with_wait(),
                additional_headers=headers,
                compression=None,  # sound does not shrink; every session would pay for trying
                open_timeout=None,  # the deadline around this covers the hello as well
                close_timeout=deadlines.close,
                # The answer to a ping that was sent just too late may take as long again.
                ping_interval=deadlines.silent / 2,
                ping_timeout=deadlines.silent / 2,
                logger=_WIRE_LOG,
                ssl=self.context,
                server_hostname=self.server_hostname,
                # No proxy is the way to this machine, whatever the environment says.
                proxy=None if is_this_machine(str(parts.hostname)) else True,
            )
        except InvalidStatus as error:
            answer = error.response
            raise refusal(answer.status_code, answer.headers, bytes(answer.body or b"")) from error
        except (OSError, InvalidHandshake, InvalidProxy, EOFError) as error:
            raise await failure(error, parts, self.shown) from error
        except (ImportError, ValueError) as error:
            # Only a proxy was not checked before.
            raise await failure(error, parts, self.shown) from error

    async def _authorization(self) -> Mapping[str, str]:
        token = self.token
        if token is None:
            return {}
        if not isinstance(token, str):
            given = token()
            token = _sendable(await given if inspect.isawaitable(given) else given)
        return {"Authorization": f"Bearer {token}"}

    def _with_wait(self) -> str:
        if self.wait is None:
            return self.url
        parts = urlsplit(self.url)
        asked = urlencode({"wait": f"{self.wait:g}"})
        return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, asked)))))


def _tls_context(
    url: str,
    ca: Path | str | None,
    context: ssl.SSLContext | None,
    server_hostname: str | None,
) -> ssl.SSLContext | None:
    """Check what was asked for, and return the TLS setting, None for `ws://`."""
    parts = _parts(url)
    if dialect_of(parts.path) is not Dialect.A:
        raise ValueError(f"url has the path {parts.path}, where dialect B is spoken; use {PATH_A}")
    if ca is not None and context is not None:
        raise ValueError("ca and ssl_context are both given; accepted: one of them")
    if parts.scheme == "wss":
        return context or _context(ca)
    if ca is not None or context is not None or server_hostname is not None:
        raise ValueError("ca, ssl_context and server_hostname need a wss:// url; this is ws://")
    return None


def _parts(url: str) -> SplitResult:
    """Split a URL of a gateway.

    Raises:
        ValueError: It is none; says which one was perhaps meant.
    """
    try:
        parts = urlsplit(url)
        has_place = bool(parts.hostname) and parts.port != 0
        # As a resolver is asked, and as it stands in the request.
        (parts.hostname or "").encode("idna")
        url.encode()
    except ValueError as error:
        shown = ascii(url.partition("?")[0].rpartition("@")[2])
        reason = "no host is called so" if isinstance(error, UnicodeError) else error
        raise ValueError(
            f"url is {shown}; accepted: ws://host... or wss://host... ({reason})"
        ) from None
    if has_place and parts.scheme in {"ws", "wss"} and not parts.fragment:
        return parts
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme)
    path = PATH_A if parts.path in {"", "/", "/ui"} else parts.path
    meant = f"; perhaps {scheme}://{parts.netloc.rpartition('@')[2]}{path} is meant"
    raise ValueError(
        f"url is {_shown(url)}; accepted: ws://host... or wss://host..."
        f"{', without #' if parts.fragment else meant if has_place and scheme else ''}"
    )


def _context(ca: Path | str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if ca is None else str(ca))
    except (OSError, ValueError) as error:
        # An SSLError names OpenSSL's trouble, not the file's.
        is_no_pem = isinstance(error, ssl.SSLError)
        reason = "it holds no certificate" if is_no_pem else getattr(error, "strerror", error)
    raise ValueError(f"ca is {ca}; accepted: a readable PEM file of an authority ({reason})")


def _sendable(token: str) -> str:
    if not (token.isascii() and token.isprintable() and token and " " not in token):
        raise ValueError("token has characters a header cannot carry, or none; accepted: ASCII")
    return token


def _shown(url: str) -> str:
    parts = urlsplit(url)
    scheme = f"{parts.scheme}://" if parts.scheme else ""
    return f"{scheme}{parts.netloc.rpartition('@')[2]}{parts.path}"
