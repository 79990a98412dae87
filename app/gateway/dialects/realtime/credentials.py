"""Where realtime clients show their keys, and what a short-lived one carries.

A client secret is a single-use token behind `ek_`, which OpenAI's SDKs for browsers insist on. What
the session is to be follows it after a `~`: whoever holds the token may ask for anything else
itself, so that is not signed.
"""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pydantic_core import from_json

from app.contract import ContractError, ErrorCode
from app.gateway.dialects.codec import Handshake
from app.gateway.dialects.json_objects import encoded

SUBPROTOCOL: Final = "realtime"
NIM_TOKEN: Final = "realtime-token."  # noqa: S105 - where a token begins, not one
_OPENAI_KEY: Final = "openai-insecure-api-key."
_SECRET: Final = "ek_"  # noqa: S105 - likewise
_CONFIGURATION: Final = "~"


def secret(token: str, session: Mapping[str, Any]) -> str:
    """Return a client secret of a token and what the session is to be."""
    if not session:
        return f"{_SECRET}{token}"
    packed = base64.urlsafe_b64encode(encoded(session).encode()).decode().rstrip("=")
    return f"{_SECRET}{token}{_CONFIGURATION}{packed}"


def keys(handshake: Handshake) -> Iterable[str]:
    """Return the tokens that a client shows where the rest of the gateway does not look."""
    return [_token(key) for key in _shown(handshake)]


def configuration(handshake: Handshake) -> Mapping[str, Any] | None:
    """Return what the session is to be, if a client secret says so.

    Raises:
        ContractError: `bad_request`: it cannot be read.
    """
    for key in _shown(handshake):
        if key.startswith(_SECRET) and _CONFIGURATION in key:
            packed = key.partition(_CONFIGURATION)[2]
            try:
                session = from_json(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
            except (ValueError, binascii.Error):
                session = None
            if not isinstance(session, dict):
                raise ContractError(
                    ErrorCode.BAD_REQUEST, detail="the client secret is no whole one"
                )
            return session
    return None


def _shown(handshake: Handshake) -> Iterator[str]:
    for name in handshake.subprotocols:
        for prefix in (_OPENAI_KEY, NIM_TOKEN):
            if name.startswith(prefix):
                yield name.removeprefix(prefix)
    scheme, _, key = handshake.headers.get("authorization", "").partition(" ")
    # A bare key has no scheme.
    yield from filter(None, [key.strip() if key else scheme])


def _token(key: str) -> str:
    if not key.startswith(_SECRET):
        return key
    return key.removeprefix(_SECRET).partition(_CONFIGURATION)[0]
