"""Who may connect: bearer tokens and browser origins. Checked before the upgrade."""

import hashlib
import hmac
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from app.contract import ContractError, ErrorCode

SUBPROTOCOL: Final = "perch"
"""What browsers offer beside `bearer.<token>`, and what is selected: a token is never echoed."""

_BEARER_SUBPROTOCOL: Final = "bearer."


class AccessPolicy:
    """Decides by token and origin.

    Args:
        tokens: Accepted bearer tokens; none switches the check off.
        origins: Accepted `Origin` values; none accepts every one. The gateway's own page is always
            accepted.
    """

    def __init__(self, tokens: Iterable[str], origins: Iterable[str]) -> None:
        self._digests = tuple(_digest(token) for token in tokens)
        self._origins = frozenset(origin.rstrip("/").lower() for origin in origins)

    @property
    def asks_for_token(self) -> bool:
        """Whether a token is needed."""
        return bool(self._digests)

    def check(self, connection: HTTPConnection) -> str | None:
        """Let a request pass.

        Returns:
            The token that was accepted; None where none is asked for.

        Raises:
            ContractError: `unauthorized` or `forbidden_origin`.
        """
        self._check_origin(connection)
        if not self._digests:
            return None
        for token in _offered_tokens(connection):
            if self._known(token):
                return token
        raise ContractError(ErrorCode.UNAUTHORIZED)

    def _known(self, token: str) -> bool:
        # Every digest is compared, and digests are equally long: the time tells nothing about the
        # tokens.
        digest = _digest(token)
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return any(matches)

    def _check_origin(self, connection: HTTPConnection) -> None:
        origin = connection.headers.get("origin")
        if origin is None or not self._origins:
            return
        if origin.lower() in self._origins:
            return
        if urlsplit(origin).netloc.lower() == connection.headers.get("host", "").lower():
            return
        raise ContractError(ErrorCode.FORBIDDEN_ORIGIN, origin=origin[:200])


def selected_subprotocol(connection: HTTPConnection) -> str | None:
    """Return the subprotocol to select, if the client offered it."""
    return SUBPROTOCOL if SUBPROTOCOL in connection.scope.get("subprotocols", ()) else None


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
    offered.extend(connection.query_params.getlist("token"))
    return offered


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
