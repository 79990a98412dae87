"""What was heard, as Deepgram's live messages have it.

What the types of deepgram-sdk 7.17.0 and 4.8.1 want and nobody measured is 0 or empty: a confidence
that the recogniser did not give, the version of a model.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5

from app.asr import Word

_PLACES = 3
"""Of seconds: milliseconds."""


def words_of(words: Sequence[Word]) -> list[dict[str, object]]:
    """Return words bare, and as the text writes them."""
    return [
        {
            "word": _bare(one.word),
            "start": seconds(one.start),
            "end": seconds(one.end),
            "confidence": one.confidence or 0.0,
            "punctuated_word": one.word,
        }
        for one in words
    ]


def alternative(text: str, confidence: float | None, words: Sequence[Word]) -> dict[str, object]:
    """Return the one alternative there is."""
    return {"transcript": text, "confidence": confidence or 0.0, "words": words_of(words)}


def model_id(model: str | None) -> str:
    """Return an id that is the same for the same name of a model: Deepgram's have UUIDs."""
    return str(uuid5(NAMESPACE_URL, f"perch:model:{model or ''}"))


def model_info(model: str | None) -> dict[str, object]:
    """Return what is known of a model; None where the recogniser chose it."""
    return {"name": model or "default", "version": "", "arch": ""}


def seconds(value: float) -> float:
    """Return seconds to the millisecond."""
    return round(value, _PLACES)


def stamp(at: datetime) -> str:
    """Return a time as Deepgram writes it: UTC, milliseconds, `Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _bare(word: str) -> str:
    """Return a word in small letters without the punctuation around it."""
    low = word.lower()
    at = [number for number, letter in enumerate(low) if letter.isalnum()]
    return low[at[0] : at[-1] + 1] if at else low
