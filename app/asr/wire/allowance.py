"""Bound what a recogniser may return for so much audio. Pure.

A second is allowed more words than people speak: the fastest on record reach 11. A recogniser that
returns more is broken, and must not slow down other sessions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from app.asr.errors import answer_too_large


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """A base amount, and so much more for each second of audio."""

    base: int
    a_second: int

    def within(self, seconds: float) -> int:
        """Return what is allowed in that much audio."""
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
    """Counts the results of a session, over all its calls: a new call is no new allowance."""

    def __init__(self) -> None:
        self._results = self._finals = self._words = self._letters = 0
        self._sent = 0.0  # seconds in earlier calls, replayed audio counted again
        self._from = self._furthest = 0.0  # of the session's audio

    def call_opens(self, at: float) -> None:
        """Note that a call begins at so many seconds of the session's audio."""
        self._from = at

    def call_ended(self, sent: float) -> None:
        """Note that the call is over, and was sent so many seconds of audio."""
        self._sent += sent

    def add_result(self, sent: float) -> None:
        """Count one more result, in so many seconds of this call's audio.

        Raises:
            AsrError: ANSWER_TOO_LARGE.
        """
        # Replayed audio gives its interims again.
        self._results = _add("results", self._results, 1, RESULTS, self._sent + sent)

    def add(self, letters: int, words: int, sent: float, *, is_final: bool) -> None:
        """Count a result's characters and words, in so many seconds of this call's audio.

        A result that is too much is not counted: another recogniser may give another one.

        Raises:
            AsrError: ANSWER_TOO_LARGE.
        """
        self._furthest = seconds = max(self._furthest, self._from + sent)
        _add("characters in a result", 0, letters, LETTERS, seconds)
        if is_final:
            finals = _add("finals", self._finals, 1, FINALS, seconds)
            all_letters = _add("characters", self._letters, letters, LETTERS, seconds)
            self._words = _add("words", self._words, words, WORDS, seconds)
            self._finals, self._letters = finals, all_letters


def _add(what: str, before: int, more: int, allowed: Allowed, seconds: float) -> int:
    if before + more > (most := allowed.within(seconds)):
        raise answer_too_large(f"more than {most} {what} in {seconds:.3f} s of audio")
    return before + more
