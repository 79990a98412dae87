"""User data, unpacked: what a machine is told, and what it must not be told."""

import re
import zlib
from base64 import b64decode
from collections.abc import Iterator
from typing import Final

MAX_BYTES: Final = 1 << 20
"""Unpacked; EC2 takes 16 KiB packed, so anything larger is no honest user data."""

_SECRETS: Final = {
    "an AWS access key": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "an NVIDIA API key": re.compile(r"\bnvapi-[\w-]{20,}"),
    "a GitHub token": re.compile(r"\bgh[opsu]_\w{36,}"),
    "a signed token": re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\."),
    "an assigned secret": re.compile(
        r"(?i)\b\w*(?:password|passwd|secret|token|api_?key)[\w-]*[\"']?"
        r"[ \t]*(?:=|:(?=[ \t\"']))[ \t]*[\"']?"
        # References, paths, substitutions and options are not values.
        r"(?![\w.=-]*arn:|[$/<{(-])[\w+/=.~-]{16,}"
    ),
}


def unpack(packed: str) -> str:
    """Return the text of base64 user data, compressed or not.

    Raises:
        ValueError: it is not base64, not text, or unpacks to more than `MAX_BYTES`.
    """
    data = b64decode(packed, validate=True)
    if data.startswith(b"\x1f\x8b"):
        try:
            reader = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
            data = reader.decompress(data, MAX_BYTES)
        except zlib.error as error:
            raise ValueError(f"user data is damaged: {error}") from None
        if reader.unconsumed_tail:
            raise ValueError(f"user data unpacks to more than {MAX_BYTES} bytes")
    return data.decode()


def secrets_in(text: str) -> Iterator[str]:
    """Yield what looks like a secret, by kind and line; the secret itself is not repeated."""
    for kind, pattern in _SECRETS.items():
        for match in pattern.finditer(text):
            yield f"{kind} in line {text.count(chr(10), 0, match.start()) + 1}"


def variable(text: str, name: str) -> float | None:
    """Return a number that the environment files within user data set; None where they do not."""
    match = re.search(rf'^\s*{re.escape(name)}="?(\d+(?:\.\d+)?)"?\s*$', text, re.MULTILINE)
    return None if match is None else float(match[1])
