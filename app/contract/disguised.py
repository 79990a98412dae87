"""Detection of audio sent as text, and text sent as audio, as to other services.

Neither is ever guessed from a few bytes: all of a message must be of the kind, which samples of
sound are not by chance.
"""

import re
from collections.abc import Iterator
from typing import Final

from pydantic_core import from_json

from .limits import MAX_CONTROL_BYTES
from .parsing import CLIENT_MESSAGES, Dialect

_LEAST_CHARS: Final = 200
"""Shorter text carries less than 5 ms of sound, and may be anything."""

_LEAST_NUMBERS: Final = 50
_BASE64: Final = re.compile(r"(?:data:[\w/;+.=-]+,)?[A-Za-z0-9+/_-]+={0,2}\s*")

_BASE64_BYTES: Final = re.compile(_BASE64.pattern.encode(), re.ASCII)


def audio_in_text(dialect: Dialect, text: str) -> str | None:
    """Return what kind of audio a text message carries, in words; None where it carries none.

    Args:
        dialect: Vocabulary of the connection; its own messages carry no audio.
        text: The message as received.
    """
    if len(text) < _LEAST_CHARS:
        return None
    if _BASE64.fullmatch(text):
        return "base64 text"
    try:
        payload = from_json(text)
    except ValueError:
        return None
    kind = payload.get("type") if isinstance(payload, dict) else None
    if isinstance(kind, str) and kind in CLIENT_MESSAGES[dialect]:
        return None
    return next((what for value in _values(payload) if (what := _audio_in(value))), None)


def text_in_audio(message: bytes) -> str | None:
    """Return what kind of text a binary message is, in words; None for audio."""
    if message[:1] == b"{" and len(message) <= MAX_CONTROL_BYTES:
        try:
            return "JSON text" if isinstance(from_json(message), dict) else None
        except ValueError:
            return None
    is_base64 = len(message) >= _LEAST_CHARS and _BASE64_BYTES.fullmatch(message)
    return "base64 text" if is_base64 else None


def _audio_in(value: object) -> str | None:
    if isinstance(value, str):
        is_base64 = len(value) >= _LEAST_CHARS and _BASE64.fullmatch(value)
        return "base64 inside JSON" if is_base64 else None
    if isinstance(value, list) and len(value) >= _LEAST_NUMBERS:
        is_samples = all(isinstance(sample, int | float) for sample in value)
        return "numbers inside JSON" if is_samples else None
    return None


def _values(payload: object) -> Iterator[object]:
    """Yield a message's values and those of its objects; no service nests audio deeper."""
    for value in payload.values() if isinstance(payload, dict) else [payload]:
        yield value
        if isinstance(value, dict):
            yield from value.values()
