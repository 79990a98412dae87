"""Access control before the upgrade: bearer tokens, browser origins, host names."""

import hashlib
import hmac
from collections.abc import Callable, Iterable
from enum import StrEnum
from itertools import islice
from typing import Final

from starlette.requests import HTTPConnection

from app.contract import ContractError, ErrorCode
from app.contract.limits import MAX_ECHO_CHARS
from app.gateway.admission.hosts import AcceptedHosts, Authority, Origin
from app.gateway.identity.keys import KeysUnavailableError
from app.gateway.identity.verifier import Identity, TokenRefusedError, TokenVerifier

MAX_TOKENS: Final = 4
"""Of one request that are checked by the issuer's keys, some 0.1 ms each."""

_BEARER_SUBPROTOCOL: Final = "bearer."


class Scope(StrEnum):
    """What a client may do, by the names that tokens have for it."""

    STREAM = "stream"
    FILE = "file"


class AccessPolicy:
    """Grants or denies access by host, token and origin.

    Args:
        tokens: Accepted bearer tokens, which allow everything. Without any, and without a
            verifier, no token is asked for.
        origins: Accepted `Origin` values; none accepts every one. The gateway's own page is always
            accepted.
        hosts: Accepted `Host` values, as `AcceptedHosts` has them.
        verifier: Of an issuer's tokens.
        refused: Told why a token of the issuer was refused.
    """

    def __init__(
        self,
        tokens: Iterable[str],
        origins: Iterable[str],
        hosts: Iterable[str],
        verifier: TokenVerifier | None = None,
        refused: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._verifier = verifier
        self._refused = refused
        self._digests = tuple(_digest(token) for token in tokens)
        self._origins = frozenset(origin.rstrip("/").lower() for origin in origins)
        self._hosts = AcceptedHosts(hosts)

    @property
    def requires_token(self) -> bool:
        """Whether a token is needed."""
        return bool(self._digests) or self._verifier is not None

    async def check(
        self, connection: HTTPConnection, scope: Scope, more: Iterable[str] = ()
    ) -> str | None:
        """Check host, origin and token of a request.

        Args:
            connection: The request.
            scope: What it wants to do.
            more: Tokens that the client shows where its dialect has them.

        Returns:
            Who the client is: the token that was accepted, or the client that a token of the issuer
            names; None where none is required.

        Raises:
            ContractError: `misdirected_request`, `forbidden_origin`, `unauthorized`,
                `insufficient_scope` or `identity_unavailable`.
        """
        self.check_host(connection)
        self._check_origin(connection)
        if not self.requires_token:
            return None
        kept_apart = [*_offered_tokens(connection), *more]
        for token in (*kept_apart, *connection.query_params.getlist("token")):
            if self._known(token):
                return token
        # One in an address ends in logs of others, and this one is good for more than a connection.
        identity = await self._issued(kept_apart)
        if scope not in identity.scopes:
            raise ContractError(ErrorCode.INSUFFICIENT_SCOPE, scope=scope.value)
        return identity.client

    async def _issued(self, tokens: Iterable[str]) -> Identity:
        """Return who the first token says the client is that the issuer has signed."""
        if self._verifier is None:
            raise ContractError(ErrorCode.UNAUTHORIZED)
        for token in islice(tokens, MAX_TOKENS):
            try:
                return await self._verifier.verify(token)
            except TokenRefusedError as error:
                self._refused(error.reason.value)
            except KeysUnavailableError:
                raise ContractError(ErrorCode.IDENTITY_UNAVAILABLE) from None
        raise ContractError(ErrorCode.UNAUTHORIZED)

    def _known(self, token: str) -> bool:
        # Every digest is compared, and digests are equally long: the time tells nothing about the
        # tokens.
        digest = _digest(token)
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return any(matches)

    def check_host(self, connection: HTTPConnection) -> None:
        """Check that a request names a host this gateway is known as.

        Only HTTP/1.0 may name none, and no browser speaks it.

        Raises:
            ContractError: `misdirected_request`.
        """
        for host in filter(None, connection.headers.getlist("host")):
            if not self._hosts.accept(host):
                raise ContractError(ErrorCode.MISDIRECTED_REQUEST, host=host[:MAX_ECHO_CHARS])

    def _check_origin(self, connection: HTTPConnection) -> None:
        for origin in connection.headers.getlist("origin"):
            if not self._accepts_page(origin, connection):
                raise ContractError(ErrorCode.FORBIDDEN_ORIGIN, origin=origin[:MAX_ECHO_CHARS])

    def _accepts_page(self, origin: str, connection: HTTPConnection) -> bool:
        try:
            page = Origin.parse(origin)
            if not self._origins or origin.lower() in self._origins:
                return True
            # The own page: whether the host is one of ours was checked before.
            own = Authority.parse(connection.headers.get("host", ""))
        except ValueError:
            return False
        return page is not None and own.at(page.scheme) == page.authority


def _offered_tokens(connection: HTTPConnection) -> list[str]:
    offered = []
    scheme, _, credentials = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        offered.append(credentials.strip())
    offered.extend(
        name.removeprefix(_BEARER_SUBPROTOCOL)
        for name in connection.scope.get("subprotocols", ())
        if name.startswith(_BEARER_SUBPROTOCOL)
    )
    return offered


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
