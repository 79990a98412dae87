"""Words that a reopened stream hears again, which are left out.

Pure. Two things tell a word that was said from a new one. Its time: a word whose middle lies before
the end of what was said is none. And its letters: where the last word is heard again, whole, what
follows it is new whatever its times say; and a piece of it, such as "day" after "Thursday", is none
where it begins before the end.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app.asr.events import LastWord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.asr.events import Word

# A word that is heard again may begin so long after the end that was guessed the first time.
_LATE_S = 0.35
# A single letter may be a word of its own ("I" is in "Hi").
_SHORTEST_PIECE = 2
# What is longer is no word, and has no room in a token.
_MOST_LETTERS = 40
# Heard again are the last word and what is spoken in 0.3 s before it.
_MOST_BEFORE = 3


class Overlap:
    """What one reopened stream may hear again.

    Args:
        end: where what was said ends, in seconds of the session's audio.
        last: the last word that was said, where the stream begins before it.
    """

    def __init__(self, end: float, last: LastWord | None = None) -> None:
        self._end = self._said_to = end
        self._last = last

    def new_words(self, words: Sequence[Word], *, is_final: bool) -> list[Word]:
        """Those of a result that were not said before; none of them lies before the end.

        Args:
            words: heard by the stream, in order of time.
            is_final: whether the next result is about later audio.
        """
        last, end = self._last, self._end
        found = None if last is None else _again(words, end, last)
        if found is not None:
            new = list(words[found + 1 :])
            end = min(end, words[found].end)
        else:
            new = [word for word in words if not _was_said(word, end, last)]
        if is_final and (new or found is not None):
            self._end, self._last = end, None
        return [_not_before(word, self._said_to) for word in new]

    def new_text(self, text: str, *, is_final: bool) -> str:
        """Return the text behind the last word, if it is there: for a result without words."""
        if self._last is None:
            return text
        spelled, wanted = text.split(maxsplit=_MOST_BEFORE), self._last.letters
        if is_final:
            self._last = None
        for number, word in enumerate(spelled[:_MOST_BEFORE]):
            if letters(word) == wanted:
                return " ".join(spelled[number + 1 :])
        return text


def last_word(words: Sequence[Word]) -> LastWord | None:
    """Return the last one, which may be replayed; None where it has no letters, or too many."""
    if not words:
        return None
    found = letters(words[-1].word)
    if not 0 < len(found) <= _MOST_LETTERS:
        return None
    return LastWord(letters=found, start=max(0.0, words[-1].start))


def letters(word: str) -> str:
    """Keep letters and digits alone, without capitals: a word is spelled anew each time."""
    return "".join(filter(str.isalnum, word.casefold()))


def _again(words: Sequence[Word], end: float, last: LastWord) -> int | None:
    """Which one is the last word; of several alike, the one at its time."""
    alike = [
        number
        for number, word in enumerate(words)
        if word.start < end + _LATE_S and letters(word.word) == last.letters
    ]

    def off(number: int) -> float:
        return abs(words[number].start - last.start) + abs(words[number].end - end)

    return min(alike, key=off, default=None)


def _was_said(word: Word, end: float, last: LastWord | None) -> bool:
    if (word.start + word.end) / 2 < end:
        return True
    return last is not None and word.start < end and is_piece(word.word, last.letters)


def is_piece(word: str, whole: str) -> bool:
    """Whether it may be the beginning or the end of a word of these letters."""
    piece = letters(word)
    if not _SHORTEST_PIECE <= len(piece) < len(whole):
        return False
    return whole.startswith(piece) or whole.endswith(piece)


def _not_before(word: Word, moment: float) -> Word:
    if word.start >= moment:
        return word
    return replace(word, start=moment, end=max(word.end, moment))
