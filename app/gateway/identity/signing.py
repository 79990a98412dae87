"""Signs what gateways give out, with the keys that all of an environment share."""

import hashlib
import secrets
from collections.abc import Sequence
from typing import Final

from itsdangerous import URLSafeSerializer

_KEY_BYTES: Final = 32


def keys_or_own(keys: Sequence[str]) -> tuple[str, ...]:
    """Return keys, or where there are none a random one, which no other gateway knows."""
    return tuple(keys) or (secrets.token_hex(_KEY_BYTES),)


def serializer(keys: Sequence[str], salt: bytes) -> URLSafeSerializer:
    """Return what signs with the first of some keys, and accepts all of them.

    Args:
        keys: At least one.
        salt: Keeps these signatures apart from any others made with the same keys.
    """
    return URLSafeSerializer(
        # The library signs with the last of its keys.
        list(reversed(keys)),
        salt=salt,
        signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
    )
