"""Secrets to plant: one of each kind, made anew for each run, of letters that no other text has."""

from __future__ import annotations

import json
from base64 import b64decode, urlsafe_b64encode
from dataclasses import dataclass
from secrets import token_bytes, token_hex
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app.credentials.api_key import ID_CHARS, PREFIX

if TYPE_CHECKING:
    from pathlib import Path

    from app.credentials.api_key import ApiKey

LEAST_CHARS: Final = 30
"""Of a secret: in two halves one of them is still long enough to be found."""


@dataclass(frozen=True, slots=True)
class Secret:
    """Something that must not come out.

    Attributes:
        name: What it is, for a finding.
        value: As bytes; of a private key the number alone, as its PEM begins like every other.
    """

    name: str
    value: bytes

    @property
    def text(self) -> str:
        """The value as it is configured."""
        return self.value.decode()


def made(name: str, prefix: str = "") -> Secret:
    """Make one, with characters that URLs, JSON and HTML write otherwise where it may have them."""
    return Secret(name, f"{prefix}{token_hex(12)}+/=&\"'<%{token_hex(12)}".encode())


def plain(name: str, prefix: str = "") -> Secret:
    """Make one of letters, digits and a hyphen alone, as tokens in headers are."""
    return Secret(name, f"{prefix}{token_hex(24)}".encode())


def symmetric_key(name: str) -> tuple[Secret, str]:
    """Make a key for HS256; return it and its key set."""
    raw = token_bytes(32)
    jwk = {"kty": "oct", "k": urlsafe_b64encode(raw).rstrip(b"=").decode(), "kid": "planted"}
    return Secret(name, raw), json.dumps({"keys": [jwk]})


def private_key(name: str, path: Path) -> Secret:
    """Return what is secret of a private key in a PEM file."""
    key = load_pem_private_key(path.read_bytes(), None)
    numbers = key.private_numbers()  # type: ignore[union-attr]
    if hasattr(numbers, "private_value"):
        return Secret(name, numbers.private_value.to_bytes(32, "big"))
    return Secret(name, numbers.p.to_bytes((numbers.p.bit_length() + 7) // 8, "big"))  # type: ignore[union-attr]


def signature_of(name: str, token: str) -> Secret:
    """Return what is secret of a signed token; what it says is no secret."""
    signature = token.rpartition(".")[2]
    return Secret(name, b64decode(signature + "=" * (-len(signature) % 4), altchars="-_"))


def of_api_key(name: str, key: ApiKey) -> tuple[Secret, Secret]:
    """Return what is secret of an API key, whose id is not, and what the access list keeps of it.

    Nobody gets in by the hash; it stands in the list alone all the same (docs/security.md).
    """
    secret = key.text[len(PREFIX) + ID_CHARS + 1 :]
    return Secret(name, secret.encode()), Secret(f"the hash of {name}", key.sha256.encode())
