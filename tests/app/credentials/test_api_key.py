"""What an API key looks like, and how near to one a text may come without being one."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.credentials.api_key import (
    ID_PATTERN,
    KEY_CHARS,
    KEY_PATTERN,
    SECRET_CHARS,
    ApiKey,
    ChecksumError,
    MalformedKeyError,
)

FIXED = "perch_0123456789_" + "a" * SECRET_CHARS
"""Of no environment."""


def test_a_key_says_its_id_and_never_shows_itself() -> None:
    made = ApiKey.generate()
    assert ApiKey.parse(made.text) == made
    assert re.fullmatch(KEY_PATTERN, made.text)
    assert re.fullmatch(ID_PATTERN, made.key_id)
    assert made.text.startswith(f"perch_{made.key_id}_")
    assert made.text not in repr(made)
    assert len(made.sha256) == 64
    assert (KEY_CHARS, len(made.text)) == (66, 66)


def test_no_two_keys_are_alike_and_each_has_256_bits() -> None:
    made = [ApiKey.generate() for _ in range(200)]
    assert len({key.key_id for key in made}) == len({key.text for key in made}) == 200
    assert 62**SECRET_CHARS >= 2**256
    # Every kind of character is drawn: 8600 of 62 kinds leave none out but by a fault.
    assert len({sign for key in made for sign in key.text[17:-6]}) == 62


def test_the_checksum_is_that_of_the_published_form() -> None:
    """CRC-32 in base 62, highest digit first: a scanner of somebody else's can check it."""
    assert ApiKey.parse(f"{FIXED}03wtHO").key_id == "0123456789"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:0],
        lambda text: text[:-1],
        lambda text: text + "a",
        lambda text: text + "\n",
        lambda text: " " + text,
        lambda text: text.upper(),
        lambda text: text.replace("perch_", "perch-"),
        lambda text: text.replace("perch_", "porch_"),
        lambda text: text.replace("perch_", "Perch_"),
        lambda text: text[:16] + "-" + text[17:],
        lambda text: text[:6] + "l" + text[7:],
        lambda text: text[:-1] + "\u0663",
        lambda text: text[:-1] + "_",
        lambda text: text[6:] + text[:6],
        lambda text: text * 1000,
    ],
)
def test_what_is_nearly_a_key_is_none(change: object) -> None:
    assert callable(change)
    text = change(ApiKey.generate().text)
    with pytest.raises(MalformedKeyError) as refused:
        ApiKey.parse(text)
    assert not isinstance(refused.value, ChecksumError)
    assert len(str(refused.value)) < 200


@settings(deadline=None)
@given(place=st.integers(17, KEY_CHARS - 1), by=st.integers(1, 61))
def test_one_character_of_a_secret_that_is_another_is_told_from_an_unknown_key(
    place: int, by: int
) -> None:
    signs = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    text = ApiKey.generate().text
    other = signs[(signs.index(text[place]) + by) % 62]
    with pytest.raises(ChecksumError):
        ApiKey.parse(text[:place] + other + text[place + 1 :])


def test_the_id_of_one_with_the_secret_of_another_is_no_key_and_has_another_hash() -> None:
    one, other = ApiKey.generate(), ApiKey.generate()
    with pytest.raises(ChecksumError):
        ApiKey.parse(f"perch_{one.key_id}{other.text[16:]}")
    assert one.sha256 != other.sha256


@settings(deadline=None)
@given(st.text(max_size=80) | st.binary(max_size=80).map(lambda raw: raw.decode("latin-1")))
def test_whatever_is_shown_is_a_key_or_is_refused(text: str) -> None:
    with pytest.raises(MalformedKeyError):
        ApiKey.parse(f"perch_{text}")
