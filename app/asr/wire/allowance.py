"""How much there can be to say in so much audio. Pure.

Nobody speaks as much in a second as is allowed for one: the fastest speakers on record say 11
words. A recogniser that says more is broken, and whoever is beside it shall not notice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from app.asr.wire.answers import too_large


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """So much at once, and so much more for each second of audio."""

    base: int
    a_second: int

    def within(self, seconds: float) -> int:
        """What is allowed in that much audio."""
        return self.base + int(self.a_second * seconds)


WORDS: Final = Allowed(base=2_000, a_second=50)
"""Words of all finals."""

LETTERS: Final = Allowed(base=200_000, a_second=500)
"""Characters of one result, and of all finals."""

FINALS: Final = Allowed(base=1_000, a_second=20)
RESULTS: Final = Allowed(base=2_000, a_second=200)
"""Finals and interims."""

INTERIM_WORDS: Final = 200
"""An interim with more of them is passed on without: Riva gives finals alone words with times."""


class Allowance:
    """Counts what one call says.

    Raises by each of its methods:
        AsrError: ANSWER_TOO_LARGE.
    """

    def __init__(self) -> None:
        self._results = self._finals = self._words = self._letters = 0

    def result(self, heard: float) -> None:
        """One more, in so many seconds of audio."""
        self._results += 1
        _check("results", self._results, RESULTS, heard)

    def said(self, letters: int, words: int, heard: float, *, is_final: bool) -> None:
        """A result of so many characters and words."""
        _check("characters in a result", letters, LETTERS, heard)
        if not is_final:
            return
        self._finals += 1
        self._letters += letters
        self._words += words
        _check("finals", self._finals, FINALS, heard)
        _check("characters", self._letters, LETTERS, heard)
        _check("words", self._words, WORDS, heard)


def _check(what: str, count: int, allowed: Allowed, heard: float) -> None:
    if count > (most := allowed.within(heard)):
        raise too_large(f"more than {most} {what} in {heard:.3f} s of audio")
