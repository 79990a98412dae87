"""Word by word: what was heard against what is heard undisturbed. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ops.qa.wer import count_errors

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How two transcripts of the same audio differ.

    Attributes:
        lost: Words of the undisturbed transcript that are not where they belong: left out, or
            another word in their place.
        twice: Words that are there and not in the undisturbed transcript.
    """

    lost: int = 0
    twice: int = 0

    def __add__(self, other: Difference) -> Difference:
        return Difference(lost=self.lost + other.lost, twice=self.twice + other.twice)


def compare(undisturbed: str, heard: str) -> Difference:
    """Count the words that differ, punctuation, capitals and spellings of numbers left out."""
    errors = count_errors(undisturbed, heard)
    return Difference(lost=errors.deleted + errors.substituted, twice=errors.inserted)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedWord:
    """A word of a final, in seconds of the session's audio."""

    word: str
    start: float
    end: float


def outside(words: Sequence[TimedWord], start: float, end: float) -> str:
    """The words that lie wholly before or after a span."""
    return " ".join(word.word for word in words if word.end <= start or word.start >= end)
