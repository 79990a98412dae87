"""Captions can be read: the rules of `app.captions`, for words that were made up and any others."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.captions import (
    GAP_S,
    LINE_CHARS,
    LONGEST_S,
    SHORTEST_S,
    Caption,
    TimedWord,
    captions,
    srt,
    vtt,
)


def spoken(text: str, *, start: float = 0.0, step: float = 0.4) -> list[TimedWord]:
    """Words of a text, one after the other."""
    return [
        TimedWord(word, start + number * step, start + (number + 1) * step)
        for number, word in enumerate(text.split())
    ]


def lines(words: list[TimedWord]) -> list[tuple[str, ...]]:
    return [one.lines for one in captions(words)]


def test_a_sentence_that_fits_is_one_caption_on_one_line() -> None:
    first, second = captions(spoken("Hello there. How are you?", start=0.5))
    assert (first.lines, second.lines) == (("Hello there.",), ("How are you?",))
    assert (first.start, first.end) == pytest.approx((0.5, 1.3 - GAP_S))
    assert (second.start, second.end) == pytest.approx((1.3, 2.5))


def test_a_longer_one_is_broken_after_punctuation_and_else_in_the_middle() -> None:
    assert lines(spoken("When it rains in the valley, nobody goes to the market")) == [
        ("When it rains in the valley,", "nobody goes to the market")
    ]
    assert lines(spoken("the quick brown fox jumps over the lazy dog twice a day")) == [
        ("the quick brown fox jumps", "over the lazy dog twice a day")
    ]


def test_what_does_not_fit_into_two_lines_goes_on_in_the_next_after_a_clause() -> None:
    text = (
        "The first part of this sentence is not very long, and after the comma it goes on for so "
        "much longer that nobody could read it"
    )
    found = lines(spoken(text, step=0.2))
    assert found[0] == ("The first part of this", "sentence is not very long,")
    assert " ".join(line for one in found for line in one) == text


def test_a_pause_ends_a_caption_and_nobody_reads_through_it() -> None:
    first = TimedWord("so", 0.0, 0.2)
    assert lines([first, TimedWord("then", 1.19, 1.4)]) == [("so then",)]
    after = captions([first, TimedWord("then", 1.2, 1.4)])
    assert [one.lines for one in after] == [("so",), ("then",)]
    assert after[0].end == pytest.approx(SHORTEST_S)


def test_slow_speech_is_cut_after_seven_seconds() -> None:
    found = captions(spoken("one two three four five six", step=2.0))
    assert [one.lines for one in found] == [("one two three",), ("four five six",)]


def test_words_without_blanks_between_them_are_shown_so() -> None:
    words = [
        TimedWord("\u4f60\u597d", 0.0, 0.5),
        TimedWord("\u4e16\u754c\u3002", 0.5, 1.0, glued=True),
    ]
    assert lines(words) == [("\u4f60\u597d\u4e16\u754c\u3002",)]


def test_subrip_and_webvtt_are_written_as_their_readers_want_them() -> None:
    found = [Caption(0.0, 2.5, ("a < b & c",)), Caption(3661.0009, 3662.9996, ("two", "lines"))]
    assert srt(found) == (
        "1\n00:00:00,000 --> 00:00:02,500\na < b & c\n\n"
        "2\n01:01:01,001 --> 01:01:03,000\ntwo\nlines\n\n"
    )
    assert vtt(found) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:02.500\na &lt; b &amp; c\n\n"
        "01:01:01.001 --> 01:01:03.000\ntwo\nlines\n\n"
    )
    assert (srt([]), vtt([])) == ("", "WEBVTT\n\n")


@st.composite
def any_words(draw: st.DrawFn) -> list[TimedWord]:
    """Words in order of time, with pauses, and some that begin at the same time."""
    texts = draw(st.lists(st.text(alphabet="ab,.-> \n\u3002", max_size=60), max_size=40))
    start, found = 0.0, []
    for text in texts:
        start += draw(st.sampled_from([0.0, 0.01, 0.3, 1.5]))
        length = draw(st.sampled_from([0.0, 0.05, 0.4, 9.0]))
        found.append(TimedWord(text, start, start + length))
    return found


@given(any_words())
def test_of_any_words_none_is_lost_shown_too_early_or_over_another(words: list[TimedWord]) -> None:
    found = captions(words)
    shown = " ".join(line for one in found for line in one.lines)
    assert shown.split() == " ".join(word.text for word in words).split()
    for one, following in pairwise(found):
        assert one.start <= following.start
        assert one.end <= max(following.start, one.start + 0.001)
    for one in found:
        assert one.start < one.end
        assert len(one.lines) <= 2
        for line in one.lines:
            assert (
                len(line) <= LINE_CHARS
                or not re.search(r"\s", line.strip())
                or _is_one(line, words)
            )


def _is_one(line: str, words: list[TimedWord]) -> bool:
    """Whether a line is a single word: one that has blanks in it itself."""
    return line in {re.sub(r"\s+", " ", word.text).strip() for word in words}


@given(any_words())
def test_a_caption_of_several_words_is_on_the_screen_for_seven_seconds_at_most(
    words: list[TimedWord],
) -> None:
    texts = [re.sub(r"\s+", " ", word.text).strip() for word in words]
    for one in captions(words):
        if "\n".join(one.lines) not in texts and " ".join(one.lines) not in texts:
            assert one.end - one.start <= LONGEST_S + 1e-6
