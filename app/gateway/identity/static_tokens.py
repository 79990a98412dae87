"""Bearer tokens of a configured list: who shows one may do everything.

A list has no scopes. Who wants to tell clients from operators has an issuer, or keys with scopes.
"""

import hashlib
import hmac
from collections.abc import Iterable
from typing import Final

from app.gateway.identity.identity import Identity, Scope

_SCOPES: Final = frozenset(Scope)
_NAME_CHARS: Final = 32
"""Of a digest in hexadecimal: 128 bits tell every two tokens apart."""


class StaticTokens:
    """Knows the tokens of a list by their digests.

    Args:
        tokens: The list.
    """

    allowed_in_query = False
    """It is good until somebody takes it off the list, and an address ends in others' logs."""

    def __init__(self, tokens: Iterable[str]) -> None:
        self.replace(tokens)

    def replace(self, tokens: Iterable[str]) -> None:
        """Know the tokens of another list instead."""
        self._digests = tuple(_digest(token) for token in tokens)

    async def identify(self, token: str) -> Identity | None:
        """Return whose a token is, None where it is not on the list."""
        # Every digest is compared, and digests are equally long: the time tells nothing about the
        # tokens.
        digest = _digest(token)
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        if not any(matches):
            return None
        return Identity(client=f"static {digest.hex()[:_NAME_CHARS]}", scopes=_SCOPES)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
