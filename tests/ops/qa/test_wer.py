"""Counting errors. That the alignment is the shortest is jiwer's business."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.qa.wer import ALL, Errors, count_errors, totals


def test_errors_are_counted_by_kind() -> None:
    errors = count_errors("the boats came home early", "the goats came home too early today")
    assert (errors.reference, errors.substituted, errors.deleted, errors.inserted) == (5, 1, 0, 2)
    assert errors.rate == pytest.approx(3 / 5)


def test_nothing_heard_is_everything_deleted() -> None:
    assert count_errors("boats came home", "") == Errors(reference=3, deleted=3)


def test_words_heard_in_silence_are_insertions_without_a_rate() -> None:
    errors = count_errors("", "thank you")
    assert errors == Errors(inserted=2)
    assert errors.rate is None


def test_totals_weigh_words_and_not_clips() -> None:
    long = Errors(reference=90, deleted=9)
    short = Errors(reference=10, substituted=5)
    by_tag = totals([(["noise"], long), (["noise", "8k"], short), ([], Errors(inserted=1))])
    assert list(by_tag) == ["8k", "noise", ALL]
    assert by_tag["noise"].rate == pytest.approx(0.14)
    assert by_tag["8k"].rate == pytest.approx(0.5)
    assert by_tag[ALL] == Errors(reference=100, substituted=5, deleted=9, inserted=1)


words = st.lists(st.sampled_from(["boats", "came", "home", "early"]), max_size=8).map(" ".join)


@given(words, words)
def test_counts_fit_the_lengths(said: str, heard: str) -> None:
    errors = count_errors(said, heard)
    assert errors.reference == len(said.split())
    assert errors.substituted + errors.deleted <= errors.reference
    assert errors.reference - errors.deleted + errors.inserted == len(heard.split())
    assert (errors.total == 0) == (said == heard)
