"""Finds a secret in any of the forms that programs give to a text.

A form is cut into blocks, and a block is enough: a secret that is spread over two lines of a log
is found by the half that is long enough, and one that is wrapped, with the lines joined.
"""

from __future__ import annotations

import html
import json
import re
import zlib
from base64 import b64encode
from collections import defaultdict
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.support.leaks.secrets import Secret

Text: TypeAlias = "tuple[str, bytes | str]"
"""The name of a place, and what stands there."""

BLOCK: Final = 10
"""Characters that must stand together: 40 bits and more of what was drawn by chance."""

_WRAPPED: Final = re.compile(rb"(?:\\+[rn]|[\r\n])[ \t|]*")
"""An end of a line as it is or as JSON writes it, and the indentation of the next."""


class Search:
    """Looks for secrets.

    Args:
        secrets: Which.
    """

    def __init__(self, secrets: Iterable[Secret]) -> None:
        self._of_block: dict[bytes, set[str]] = defaultdict(set)
        for secret in secrets:
            for form, text in forms(secret.value):
                for block in _blocks(text, BLOCK * max(1, len(text) // len(secret.value))):
                    self._of_block[block].add(f"{secret.name}, {form}")
        if not self._of_block:
            raise ValueError("there is nothing to look for")

    def found_in(
        self, texts: Iterable[tuple[str, bytes | str]]
    ) -> tuple[dict[str, list[str]], int]:
        """Search many texts, each with the name of its place.

        Returns:
            What was found, by place, and how many bytes were looked at.
        """
        pieces = {_bytes(text): where for where, text in texts}
        # One long text is searched faster than many.
        whole = b"\0".join(pieces)
        if not self.found(whole):
            return {}, len(whole)
        found = {where: hits for text, where in pieces.items() if (hits := self.found(text))}
        assert found, "something stands across two places"
        return found, len(whole)

    def found(self, text: bytes | str) -> list[str]:
        """Return what is in a text, as `NAME, FORM`, each once."""
        data = _bytes(text)
        hits: set[str] = set()
        for view in (data, _WRAPPED.sub(b"", data), *_inflated(data)):
            for block, names in self._of_block.items():
                if block in view:
                    hits |= names
        return sorted(hits)


def _bytes(text: bytes | str) -> bytes:
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text


def forms(value: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield a secret's forms, each with its name."""
    yield "as it is", value
    yield "reversed", value[::-1]
    for hexed in (value.hex(), value.hex().upper(), value.hex(":"), value.hex(":").upper()):
        yield "hex", hexed.encode()
    yield "a list of numbers", ", ".join(map(str, value)).encode()
    yield "a list of numbers", ",".join(map(str, value)).encode()
    for at in range(3):
        encoded = b64encode(bytes(at) + value)
        # What the bytes around it have a part in is left out.
        inner = encoded[(0, 2, 3)[at] : len(encoded) - 4]
        yield f"base64 at {at}", inner
        yield f"base64url at {at}", inner.translate(bytes.maketrans(b"+/", b"-_"))
        yield f"base64 of base64 at {at}", b64encode(inner)[: -4 or None]
    yield "repr", repr(value)[2:-1].encode()
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return
    yield "URL-encoded", quote(text, safe="").encode()
    yield "URL-encoded", quote(text).encode()
    yield "URL-encoded", quote_plus(text).encode()
    yield "URL-encoded twice", quote(quote(text, safe=""), safe="").encode()
    yield "URL-encoded whole", "".join(f"%{byte:02X}" for byte in value).encode()
    yield "URL-encoded whole", "".join(f"%{byte:02x}" for byte in value).encode()
    once = json.dumps(text)[1:-1]
    yield "in JSON", once.encode()
    yield "in JSON in JSON", json.dumps(once)[1:-1].encode()
    yield "in JSON by numbers", "".join(f"\\u{ord(letter):04x}" for letter in text).encode()
    yield "in HTML", html.escape(text).encode()
    yield "repr", repr(text)[1:-1].encode()
    yield "UTF-16", text.encode("utf-16-le")


def _blocks(text: bytes, size: int) -> Iterator[bytes]:
    """Cut a form in blocks; leave out what is no secret by itself, as a row of one letter."""
    for start in range(0, len(text) - size + 1, size // 2):
        block = text[start : start + size]
        if len(set(block)) >= BLOCK // 2:
            yield block


def _inflated(data: bytes) -> Iterator[bytes]:
    """Yield what is compressed by gzip or zlib in some bytes."""
    for mark in re.finditer(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]", data):
        try:
            yield zlib.decompressobj(47).decompress(data[mark.start() :], 1 << 24)
        except zlib.error:
            continue
