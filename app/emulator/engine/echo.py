"""Whisper's echo: with a short window it says a sentence again. Finding it, and cutting it off."""

import re
from collections.abc import Sequence

_NOT_WORD = re.compile(r"[^\w']+")
_SENTENCE_END = re.compile(r"[.!?]$")
_SHORTEST_PARTIAL = 3  # words; "no, no" and "very very" are how people speak


def _bare(words: Sequence[str]) -> list[str]:
    return [_NOT_WORD.sub("", word).lower() for word in words]


def echo_length(words: Sequence[str]) -> int:
    """Return how many words at the end repeat the words before them.

    A whole repetition counts ("X. X."), and so does one that the token limit broke off
    ("X. first words of X") if it begins after the end of a sentence.

    Args:
        words: A transcript, split at spaces.

    Returns:
        The length of the longest periodic tail; 0 without an echo.
    """
    bare = _bare(words)
    longest = 0
    for period in range(1, len(bare)):
        same = 0
        while same < len(bare) - period and bare[-1 - same] == bare[-1 - same - period]:
            same += 1
        whole = same >= period
        broken_off = (
            same >= _SHORTEST_PARTIAL
            and same == len(bare) - period
            and _SENTENCE_END.search(words[period - 1]) is not None
        )
        if whole or broken_off:
            longest = max(longest, same)
    return longest


def without_echo(text: str) -> str:
    """Return the text up to where it begins to repeat itself."""
    words = text.split()
    length = echo_length(words)
    return " ".join(words[: len(words) - length])
