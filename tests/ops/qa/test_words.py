"""Spellings that count as the same words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.qa.words import normalised


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("four seven one nine two six", "471926"),
        ("four seven one nine two six", "4 7 1 9 2 6"),
        ("thirty eight dollars and fifty cents", "$38.50"),
        ("on the twelfth of March", "on 12 March"),
        ("on the twelfth of March", "on March 12th"),
        ("May the first, twenty twenty four", "1 May 2024"),
        ("I am here and it is not late", "I'm here and it isn't late"),
        ("the colour of the harbour", "The color of the harbor."),
        ("a book shop", "a book shop,"),
    ],
)
def test_two_ways_to_write_the_same_words_are_equal(said: str, written: str) -> None:
    assert normalised(said) == normalised(written)


@pytest.mark.parametrize(
    ("one", "other"),
    [("471926", "47196"), ("12 March", "13 March"), ("$38.50", "$38.15"), ("sun", "son")],
)
def test_other_words_stay_other_words(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


@given(st.text(max_size=60))
def test_any_text_can_be_normalised(text: str) -> None:
    assert normalised(text) == " ".join(normalised(text).split())
