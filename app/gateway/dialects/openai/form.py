"""What a form of `POST /v1/audio/transcriptions` asks for.

Fields and their values are those of OpenAI's specification as the Python SDK 3.57.0 types it
(`types/audio/transcription_create_params.py`). What would be silently wrong is refused; what cannot
change a word is taken and has no effect.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Final

from app.contract import ContractError, ErrorCode
from app.contract.limits import MAX_ECHO_CHARS, MAX_HOTWORD_CHARS, MAX_HOTWORDS, MAX_NAME_CHARS
from app.gateway.dialects.upload import Asked, Texts

TEXTS: Final[Mapping[str, str]] = {
    "model": "required: a served model (`GET /v1/models`), the beginning of its name, or a foreign "
    "name of `APP_MODEL_ALIASES`, which stands for the default one",
    "language": "`en`, `en-us`, `en_US`, or `multi` where a model lists it; without it the "
    "configured one",
    "languages[]": "one, as `language`; several are refused",
    "response_format": "`json`, `text`, `srt`, `vtt`, `verbose_json`; `diarized_json` is refused",
    "stream": "`true`: server-sent events, with `json` or `text`; each delta is final",
    "timestamp_granularities[]": "`word`, `segment` or both, with `verbose_json`",
    "keywords[]": "words and phrases to prefer, at most 500",
    "prompt": "no effect: the recogniser has none",
    "temperature": "no effect: the recogniser does not sample",
    "include[]": "`logprobs`, which stays absent: the recogniser gives none",
    "chunking_strategy": "no effect: the recogniser finds the pauses itself",
    "known_speaker_names[]": "refused: speakers are not told apart",
    "known_speaker_references[]": "refused: the same",
}
"""Fields that are read, with what comes of each. Others are passed over."""


class ResponseFormat(StrEnum):
    """How the answer looks."""

    JSON = "json"
    TEXT = "text"
    SRT = "srt"
    VERBOSE_JSON = "verbose_json"
    VTT = "vtt"


class Granularity(StrEnum):
    """What has times in a verbose answer."""

    WORD = "word"
    SEGMENT = "segment"


_IN_PARTS: Final = (ResponseFormat.JSON, ResponseFormat.TEXT)
_FLAGS: Final = {"true": True, "1": True, "false": False, "0": False, "": False}
_NO_SPEAKERS: Final = "nothing: speakers are not told apart here"


class FieldError(ContractError):
    """A field of the form that cannot be taken.

    Args:
        name: Of the field.
        value: What it holds.
        accepted: What it may hold.
    """

    def __init__(self, name: str, value: str, accepted: str) -> None:
        shown = value if len(value) <= MAX_ECHO_CHARS else f"{value[: MAX_ECHO_CHARS - 3]}..."
        super().__init__(ErrorCode.BAD_REQUEST, detail=f"{name} is {shown!r}; accepted: {accepted}")
        self.name = name


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionForm:
    """A form that can be answered.

    Attributes:
        asked: Of the recogniser.
        response_format: How the answer looks.
        has_words: Whether a verbose answer has words with times.
        has_segments: Whether it has segments.
        in_parts: Whether the answer is sent while the recording is heard.
        temperature: As named; it has no effect.
    """

    asked: Asked
    response_format: ResponseFormat
    has_words: bool
    has_segments: bool
    in_parts: bool
    temperature: float


def read(texts: Texts) -> TranscriptionForm:
    """Read a form.

    Raises:
        FieldError: One of its fields cannot be taken.
    """
    for name in ("known_speaker_names[]", "known_speaker_references[]"):
        if texts.get(name):
            raise FieldError(name, texts[name][0], _NO_SPEAKERS)
    for one in texts.get("include[]", ()):
        _choice("include[]", one, ("logprobs",))
    form = ResponseFormat(
        _choice("response_format", _last(texts, "response_format") or "json", ResponseFormat)
    )
    times = _granularities(texts, form)
    return TranscriptionForm(
        asked=Asked(language=_language(texts), model=_model(texts), hotwords=_keywords(texts)),
        response_format=form,
        has_words=Granularity.WORD in times,
        has_segments=Granularity.SEGMENT in times,
        in_parts=_in_parts(texts, form),
        temperature=_temperature(_last(texts, "temperature")),
    )


def _last(texts: Texts, name: str) -> str:
    """Return a field that comes once: of several of one name the last; empty where it is absent."""
    return texts.get(name, ("",))[-1].strip()


def _choice(name: str, value: str, accepted: Sequence[str] | type[StrEnum]) -> str:
    known = tuple(map(str, accepted))
    if value.lower() not in known:
        raise FieldError(name, value, ", ".join(known))
    return value.lower()


def _model(texts: Texts) -> str:
    model = _last(texts, "model")
    if not 0 < len(model) <= MAX_NAME_CHARS or not model.isprintable():
        raise FieldError("model", model, "the name of a model, as GET /v1/models lists them")
    return model


def _language(texts: Texts) -> str | None:
    named = [one.strip() for one in texts.get("languages[]", ()) if one.strip()]
    if len(named) > 1:
        raise FieldError("languages[]", ", ".join(named), "one language")
    # People write en_US as POSIX has it; what is no language the recogniser's client refuses.
    language = _last(texts, "language") or "".join(named)
    return language.replace("_", "-") or None


def _keywords(texts: Texts) -> tuple[str, ...]:
    words = tuple(one.strip() for one in texts.get("keywords[]", ()) if one.strip())
    if len(words) > MAX_HOTWORDS:
        raise FieldError("keywords[]", f"{len(words)} texts", f"at most {MAX_HOTWORDS}")
    for word in words:
        if len(word) > MAX_HOTWORD_CHARS or not word.isprintable():
            accepted = f"texts of 1 to {MAX_HOTWORD_CHARS} printable characters"
            raise FieldError("keywords[]", word, accepted)
    return words


def _granularities(texts: Texts, form: ResponseFormat) -> frozenset[str]:
    name = "timestamp_granularities[]"
    found = frozenset(_choice(name, one.strip(), Granularity) for one in texts.get(name, ()))
    if found and form is not ResponseFormat.VERBOSE_JSON:
        raise FieldError(name, ", ".join(sorted(found)), "only with response_format verbose_json")
    return found or frozenset({Granularity.SEGMENT})


def _in_parts(texts: Texts, form: ResponseFormat) -> bool:
    said = _last(texts, "stream").lower()
    if said not in _FLAGS:
        raise FieldError("stream", said, "true or false")
    if _FLAGS[said] and form not in _IN_PARTS:
        raise FieldError("stream", said, "true only with response_format json or text")
    return _FLAGS[said]


def _temperature(said: str) -> float:
    try:
        value = float(said or 0)
    except ValueError:
        value = -1.0
    if not (isfinite(value) and 0 <= value <= 1):
        raise FieldError("temperature", said, "a number from 0 to 1")
    return value
