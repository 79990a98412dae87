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
    """Counts what is said in a session, over all its calls: a new call is no new allowance."""

    def __init__(self) -> None:
        self._results = self._finals = self._words = self._letters = 0
        self._sent = 0.0  # in earlier calls, with what was heard again
        self._from = self._furthest = 0.0  # of the session's audio

    def call_opens(self, at: float) -> None:
        """A call begins at so many seconds of the session's audio."""
        self._from = at

    def call_ended(self, heard: float) -> None:
        """It is over, and was sent so many seconds of audio."""
        self._sent += heard

    def result(self, heard: float) -> None:
        """One more, in so many seconds of this call's audio.

        Raises:
            AsrError: ANSWER_TOO_LARGE.
        """
        # Interims of audio that is heard again are said again.
        self._results = _counted("results", self._results, 1, RESULTS, self._sent + heard)

    def said(self, letters: int, words: int, heard: float, *, is_final: bool) -> None:
        """A result of so many characters and words, in so many seconds of this call's audio.

        One that is too much is not counted: another recogniser says something else.

        Raises:
            AsrError: ANSWER_TOO_LARGE.
        """
        self._furthest = heard = max(self._furthest, self._from + heard)
        _counted("characters in a result", 0, letters, LETTERS, heard)
        if is_final:
            finals = _counted("finals", self._finals, 1, FINALS, heard)
            all_letters = _counted("characters", self._letters, letters, LETTERS, heard)
            self._words = _counted("words", self._words, words, WORDS, heard)
            self._finals, self._letters = finals, all_letters


def _counted(what: str, before: int, more: int, allowed: Allowed, heard: float) -> int:
    if before + more > (most := allowed.within(heard)):
        raise too_large(f"more than {most} {what} in {heard:.3f} s of audio")
    return before + more
