"""Captions of words with times: cut into pieces that can be read, and written as SRT or WebVTT.

The rules are those of Netflix's Timed Text Style Guide (General Requirements; Timing Guidelines;
English (USA), "Character Limitation"): at most two lines of 42 characters, each caption shown for
5/6 s to 7 s, on one line as long as it fits, else broken after punctuation, and two frames of 24 a
second between captions that follow at once. Nothing is known of pictures, so nothing else of that
guide applies. A word is never shown before it is said; a short caption stays a little longer.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

LINE_CHARS: Final = 42
"""English (USA), Character Limitation."""

LONGEST_S: Final = 7.0
"""General Requirements, Duration."""
SHORTEST_S: Final = 5 / 6
"""The same."""

GAP_S: Final = 2 / 24
"""Timing Guidelines, Frame Gap: two frames."""

PAUSE_S: Final = 1.0
"""Of silence between two words that ends a caption: what stays on the screen in it is read already.
Ours: the guide leaves it to people."""

_CLOSING: Final = "\"')]\u201d\u2019"
_SENTENCE_ENDS: Final = ".?!\u2026\u3002\uff1f\uff01"
"""The last three are the full-width ones of Chinese and Japanese; so are those below."""
_CLAUSE_ENDS: Final = f"{_SENTENCE_ENDS},;:\u2013\u2014\u3001\uff0c\uff1b\uff1a"
_BLANKS: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word as it is to be shown.

    Attributes:
        text: With its punctuation.
        start: Seconds.
        end: Seconds.
        glued: Whether it follows the word before it without a blank, as in Chinese or Japanese.
    """

    text: str
    start: float
    end: float
    glued: bool = False


@dataclass(frozen=True, slots=True)
class Caption:
    """What is on the screen at a time.

    Attributes:
        start: Seconds.
        end: Seconds.
        lines: One or two; more only for a word that is longer than a line.
    """

    start: float
    end: float
    lines: tuple[str, ...]


def captions(words: Iterable[TimedWord]) -> list[Caption]:
    """Cut words, in order of time, into captions."""
    pieces = [piece for piece in _pieces([_clean(word) for word in words]) if piece]
    found: list[Caption] = []
    for number, piece in enumerate(pieces):
        start = piece[0].start
        end = max(start, piece[-1].end, start + SHORTEST_S)
        if number + 1 < len(pieces):
            end = max(start, min(end, pieces[number + 1][0].start - GAP_S))
        # Two words may begin at the same time; what is shown for no time at all nobody can seek to.
        found.append(Caption(start, max(end, start + 0.001), _lines(piece)))
    return found


def srt(found: Iterable[Caption]) -> str:
    """Write captions as SubRip has them."""
    return "".join(
        f"{number}\n{_span(one, ',')}\n" + "\n".join(one.lines) + "\n\n"
        for number, one in enumerate(found, 1)
    )


def vtt(found: Iterable[Caption]) -> str:
    """Write captions as WebVTT (W3C, 4.1)."""
    cues = (f"{_span(one, '.')}\n" + _escaped("\n".join(one.lines)) + "\n\n" for one in found)
    return "WEBVTT\n\n" + "".join(cues)


def _clean(word: TimedWord) -> TimedWord:
    return TimedWord(_BLANKS.sub(" ", word.text).strip(), word.start, word.end, word.glued)


def _pieces(words: Sequence[TimedWord]) -> Iterator[list[TimedWord]]:
    """Yield the words of each caption."""
    piece: list[TimedWord] = []
    for word in words:
        if not word.text:
            continue
        if piece and _ends(piece[-1], word):
            yield piece
            piece = []
        while piece and not _fits([*piece, word]):
            kept = _kept(piece)
            yield piece[:kept]
            piece = piece[kept:]
        piece.append(word)
    yield piece


def _ends(word: TimedWord, following: TimedWord) -> bool:
    """Return whether a caption ends between two words, however much room it has."""
    return following.start - word.end >= PAUSE_S or _has_end(word, _SENTENCE_ENDS)


def _has_end(word: TimedWord, marks: str) -> bool:
    return word.text.rstrip(_CLOSING).endswith(tuple(marks))


def _fits(piece: Sequence[TimedWord]) -> bool:
    is_short = max(word.end for word in piece) - piece[0].start <= LONGEST_S
    return len(piece) == 1 or (is_short and all(len(line) <= LINE_CHARS for line in _lines(piece)))


def _kept(piece: Sequence[TimedWord]) -> int:
    """Return how many words of a full caption stay: up to a clause's end in its second half."""
    half = len(piece) // 2
    ends = (n for n in range(len(piece), half, -1) if _has_end(piece[n - 1], _CLAUSE_ENDS))
    return next(ends, len(piece))


def _lines(piece: Sequence[TimedWord]) -> tuple[str, ...]:
    whole = _joined(piece)
    if len(whole) <= LINE_CHARS:
        return (whole,)
    splits = [(_joined(piece[:n]), _joined(piece[n:]), n) for n in range(1, len(piece))]
    if not splits:
        return (whole,)

    def badness(split: tuple[str, str, int]) -> tuple[bool, bool, int]:
        first, second, number = split
        is_long = max(len(first), len(second)) > LINE_CHARS
        is_inside = not _has_end(piece[number - 1], _CLAUSE_ENDS)
        return is_long, is_inside, abs(len(first) - len(second))

    first, second, _ = min(splits, key=badness)
    return first, second


def _joined(piece: Sequence[TimedWord]) -> str:
    return "".join(
        word.text if word.glued or not number else f" {word.text}"
        for number, word in enumerate(piece)
    )


def _span(one: Caption, point: str) -> str:
    return f"{_time(one.start, point)} --> {_time(one.end, point)}"


def _time(seconds: float, point: str) -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{second:02}{point}{thousandths:03}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
