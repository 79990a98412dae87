"""Finds the words of interim results that can be told before they are final.

Clients of additive deltas put them one after the other, and can take nothing back. So a word is
told once two hypotheses in a row agree on everything up to it: LocalAgreement-2 of Liu, Spanakis
and Niehues, "Low-Latency Sequence-to-Sequence Speech Recognition and Translation by Partial
Hypothesis Selection" (Interspeech 2020), as Machacek, Dabre and Bojar use it for streaming Whisper
(2023). The newest word of a hypothesis is not told: the recogniser may have heard half of it.
"""


class LocalAgreement:
    """Tells each word of a segment at most once, and none of them differently later."""

    def __init__(self) -> None:
        self._before: list[str] = []
        self._told: list[str] = []

    def interim(self, text: str) -> str:
        """Return the words that are agreed upon now and were not told; empty for none."""
        words = text.split()
        agreed = _agreed([_bare(word) for word in words[:-1]], self._before)
        self._before = [_bare(word) for word in words]
        if agreed <= len(self._told) or not self._goes_on(words):
            return ""
        return self._tell(words[:agreed])

    def final(self, text: str) -> str:
        """Return the words of a final that were not told, and begin another segment.

        Empty as well where the final says otherwise than what was told: adding to that would put
        words where nobody spoke them.
        """
        words = text.split()
        rest = self._tell(words) if self._goes_on(words) else ""
        self.forget()
        return rest

    def forget(self) -> None:
        """Begin another segment."""
        self._before, self._told = [], []

    def _goes_on(self, words: list[str]) -> bool:
        return _agreed([_bare(word) for word in words], self._told) == len(self._told)

    def _tell(self, words: list[str]) -> str:
        new = words[len(self._told) :]
        self._told += [_bare(word) for word in new]
        return " ".join(new)


def _agreed(words: list[str], others: list[str]) -> int:
    """Return how many words at the beginning are the same."""
    return next(
        (at for at, (one, other) in enumerate(zip(words, others, strict=False)) if one != other),
        min(len(words), len(others)),
    )


def _bare(word: str) -> str:
    """Return a word without capitals and punctuation, which finals have and interims may not."""
    return "".join(filter(str.isalnum, word.casefold())) or word
