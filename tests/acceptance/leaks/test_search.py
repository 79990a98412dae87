"""The search finds what is planted in each form, so that "nothing was found" means something."""

from __future__ import annotations

import base64
import gzip
import html
import json
import textwrap
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.leaks.search import Search, forms
from tests.support.leaks.secrets import Secret, made, plain

if TYPE_CHECKING:
    from collections.abc import Callable

LETTERS = "0f3a9c1be27d48560f1e2d3c4b5a6978"  # pragma: allowlist secret
SECRET = Secret("planted", f'nvapi-{LETTERS}+/=&"<%{LETTERS[::-1]}'.encode())
OTHER = Secret("another", b"quite different letters, and as many of them")
SEARCH = Search([SECRET, OTHER])


def escaped_by_numbers(text: str) -> str:
    return "".join(f"\\u{ord(letter):04x}" for letter in text)


def in_basic_credentials(text: str, user: str) -> str:
    return base64.b64encode(f"{user}:{text}".encode()).decode()


WRITTEN: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 behind one byte": lambda text: in_basic_credentials(text, ""),
    "base64 behind two": lambda text: in_basic_credentials(text, "u"),
    "base64 behind three": lambda text: in_basic_credentials(text, "us"),
    "base64 twice": lambda text: base64.b64encode(base64.b64encode(text.encode())).decode(),
    "base64 in lines": lambda text: textwrap.fill(
        base64.b64encode(text.encode() * 3).decode(), 5, break_long_words=True
    ),
    "URL-encoded": lambda text: quote(text, safe=""),
    "as a form's field": quote_plus,
    "URL-encoded twice": lambda text: quote(quote(text, safe=""), safe=""),
    "in JSON": json.dumps,
    "in JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "by numbers": escaped_by_numbers,
    "hex": lambda text: text.encode().hex(),
    "HEX": lambda text: text.encode().hex(":").upper(),
    "in HTML": html.escape,
    "in lines of a log": lambda text: f"12:00 info {text[:33]}\n12:01 info {text[33:]}\n",
    "over the lines of a text": lambda text: "\n   ".join(textwrap.wrap(text, 6)),
    "over lines in JSON": lambda text: json.dumps("\n".join(textwrap.wrap(text, 6))),
    "its second half": lambda text: text[len(text) // 2 :],
    "repr of bytes": lambda text: repr(list(text.encode())),
}


@pytest.mark.parametrize("form", WRITTEN)
def test_a_planted_secret_is_found_in_each_form(form: str) -> None:
    said = f'{{"event": "x", "detail": "{WRITTEN[form](SECRET.text)}"}}'
    hits = SEARCH.found(said)
    assert hits
    assert {hit.partition(",")[0] for hit in hits} == {"planted"}


@pytest.mark.parametrize("form", ["as it is", "base64", "in JSON"])
def test_a_compressed_one_is_found(form: str) -> None:
    said = b"#cloud-config\0" + gzip.compress(WRITTEN[form](SECRET.text).encode())
    assert SEARCH.found(said)


def test_bytes_that_are_no_text_are_found_too() -> None:
    key = Secret("key", bytes(range(101, 133)))
    search = Search([key])
    assert search.found(b"\0" + key.value)
    assert search.found(base64.b64encode(b"ab" + key.value + b"c"))
    assert search.found(key.value.hex())
    assert not search.found(SECRET.value)


@given(before=st.binary(max_size=20), after=st.binary(max_size=20), wrap=st.integers(0, 3))
def test_base64_is_found_wherever_the_secret_stands_in_what_is_encoded(
    before: bytes, after: bytes, wrap: int
) -> None:
    said = before + SECRET.value + after
    for _ in range(min(wrap, 1) + 1):
        said = base64.b64encode(said)
    assert SEARCH.found(said) or wrap


@given(at=st.integers(1, len(SECRET.value) - 1), between=st.text("0123456789 :-T.Z", max_size=30))
def test_half_a_secret_on_either_of_two_lines_is_found(at: int, between: str) -> None:
    text = SECRET.text
    assert SEARCH.found(f"{text[:at]}\n{between} {text[at:]}")


@given(st.text(max_size=300) | st.binary(max_size=300))
def test_nothing_is_found_where_nothing_is(text: str | bytes) -> None:
    assert not SEARCH.found(text)


def test_a_search_for_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing to look for"):
        Search([])


def test_secrets_are_long_enough_and_never_the_same_twice() -> None:
    assert made("a").value != made("a").value
    assert plain("a").value != plain("a").value
    assert all(
        len(text) > 10 for secret in (made("a"), plain("b")) for _, text in forms(secret.value)
    )
