"""Check numbers and names that recognisers send: an impossible value becomes None, unknown.

A float of a message may be NaN or infinite, and its integers anything of 32 bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_LEAST_SCORE: Final = -1000.0
"""Riva's scores are like logarithms of probabilities, so they may be negative; 0.0 is unset."""

_ONE: Final = 1.0 + 1e-6
"""A single-precision 1.0 that was computed."""

_BEFORE_S, _AHEAD_S = 0.5, 10.0
"""A time may lie so far before the first sample, and behind what was sent: recognisers round and
pad. Anything beyond is no time."""

_MOST_TAG: Final = 1000
_MOST_LANGUAGES, _MOST_LANGUAGE_CHARS = 16, 35
_MS: Final = 1000.0


def score(value: float) -> float | None:
    """Return a confidence: at most 1, and unset where it is 0."""
    return value if value and _LEAST_SCORE <= value <= _ONE else None


def share(value: float) -> float | None:
    """Return a stability: 0 to 1, and unset where it is 0."""
    return value if 0.0 < value <= _ONE else None


def seconds(value: float, sent: float) -> float | None:
    """Return a moment of the audio, unset where it is 0.

    Args:
        value: seconds, as the recogniser gives them.
        sent: seconds of audio the recogniser was sent.
    """
    return value if 0.0 < value <= sent + _AHEAD_S else None


def span(start_ms: int, end_ms: int, sent: float) -> tuple[float, float] | None:
    """Return where a word lies, in seconds.

    Args:
        start_ms: milliseconds, as the recogniser gives them.
        end_ms: the same.
        sent: seconds of audio the recogniser was sent.
    """
    start, end = start_ms / _MS, end_ms / _MS
    if not -_BEFORE_S <= start <= end <= sent + _AHEAD_S:
        return None
    return max(0.0, start), max(0.0, end)


def tag(value: int) -> int | None:
    """Return the number of a channel or a speaker, counted from 1."""
    return value if 0 < value <= _MOST_TAG else None


def language(code: str) -> str | None:
    """Return a BCP 47 code, where it may be one."""
    return code if 0 < len(code) <= _MOST_LANGUAGE_CHARS else None


def languages(codes: Iterable[str]) -> tuple[str, ...]:
    """Return the codes among them that may be, in order."""
    found = []
    for code in codes:
        if language(code) is not None:
            found.append(code)
        if len(found) == _MOST_LANGUAGES:
            break
    return tuple(found)
