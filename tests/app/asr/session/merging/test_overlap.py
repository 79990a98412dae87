"""Which words of a reopened stream are new: by their times, by their letters, and by both."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.asr import LastWord, Word
from app.asr.session.overlap import Overlap, is_piece, letters

END = 21.5
THURSDAY = LastWord(letters="thursday", start=21.2)


def word(text: str, start: float, end: float) -> Word:
    return Word(word=text, start=start, end=end, confidence=None, speaker=None, language=None)


def kept(*words: Word, last: LastWord | None = THURSDAY) -> list[str]:
    return [each.word for each in Overlap(END, last).new_words(words, is_final=True)]


IF = word("If", 21.9, 22.0)


@pytest.mark.parametrize(
    ("heard", "new"),
    [
        ([word("Thursday.", 21.2, 21.8), IF], ["If"]),
        ([word("thursday", 21.6, 21.9), IF], ["If"]),  # later than it seemed at first
        ([word("before", 20.8, 21.2), word("Thursday", 21.2, 21.5), IF], ["If"]),
        ([word("day.", 21.45, 21.8), IF], ["If"]),  # a piece that begins before the end
        ([word("Thurs", 21.2, 21.4), word("day.", 21.4, 21.8), IF], ["If"]),
        ([word("First", 21.2, 21.4), word("day.", 21.4, 21.8), IF], ["If"]),  # heard differently
        ([word("Day", 21.55, 21.9), IF], ["Day", "If"]),  # behind the end it is a word
        ([word("Thursday", 21.2, 21.5), word("Thursday", 21.55, 21.9)], ["Thursday"]),
        ([word("Thursday", 21.2, 21.4), word("I", 21.41, 21.49), IF], ["I", "If"]),
        ([word("Thursday", 22.4, 22.8)], ["Thursday"]),
        ([word("a", 21.45, 21.7), IF], ["a", "If"]),  # too short to be called a piece
        ([], []),
    ],
)
def test_the_last_word_and_pieces_of_it_are_left_out_and_nothing_else(
    heard: list[Word], new: list[str]
) -> None:
    assert kept(*heard) == new


def test_where_nothing_is_heard_again_only_the_times_decide() -> None:
    assert kept(word("day", 21.45, 21.8), IF, last=None) == ["day", "If"]
    assert kept(word("day", 21.2, 21.6), IF, last=None) == ["If"]


def test_once_a_final_is_past_the_restart_the_same_word_is_a_new_one() -> None:
    overlap = Overlap(END, THURSDAY)
    again = word("Thursday", 21.3, 21.7)
    assert overlap.new_words([again], is_final=False) == []
    assert overlap.new_words([again], is_final=True) == []
    assert [w.word for w in overlap.new_words([again], is_final=True)] == ["Thursday"]


def test_a_result_without_words_loses_the_last_word_at_its_beginning() -> None:
    overlap = Overlap(END, THURSDAY)
    assert overlap.new_text("before Thursday. If the", is_final=False) == "If the"
    assert overlap.new_text("Thursday", is_final=False) == ""
    assert overlap.new_text("If it is not before Thursday", is_final=False).startswith("If")
    assert overlap.new_text("Thursday. If the", is_final=True) == "If the"
    assert overlap.new_text("Thursday too", is_final=True) == "Thursday too"
    assert Overlap(END).new_text("Thursday too", is_final=True) == "Thursday too"


WORDS = st.lists(
    st.builds(
        lambda text, start, length: word(text, start, start + length),
        st.sampled_from(["Thursday", "day", "thurs", "no", "…", ""]),
        st.floats(20, 23),
        st.floats(0, 1),
    ),
    max_size=6,
).map(lambda words: sorted(words, key=lambda each: (each.start, each.end)))


@given(words=WORDS, last=st.sampled_from([None, THURSDAY]), is_final=st.booleans())
def test_what_is_kept_is_in_order_behind_the_end_and_was_heard(
    words: list[Word], last: LastWord | None, *, is_final: bool
) -> None:
    new = Overlap(END, last).new_words(words, is_final=is_final)
    assert all(END <= each.start <= each.end for each in new)
    assert all(one.start <= two.start for one, two in pairwise(new))
    # What begins long after the restart is never left out.
    late = [each for each in words if each.start >= END + 0.4]
    assert len(new) >= len(late)


def test_letters_are_compared_without_capitals_accents_of_spelling_and_signs() -> None:
    assert letters("Thursday,") == letters("“THURSDAY”") == "thursday"
    assert letters("U.S.A.") == letters("usa")
    assert letters("…") == ""
    assert is_piece("day.", "thursday")
    assert is_piece("Thurs-", "thursday")
    assert not is_piece("Thursday", "thursday")
    assert not is_piece("y", "thursday")
    assert not is_piece("urs", "thursday")
