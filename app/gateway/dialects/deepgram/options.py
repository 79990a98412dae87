"""What a request can ask for: names and values as deepgram-sdk 7.17.0 sends them.

What would be silently wrong is refused; what cannot change a word has no effect, and so has a name
that is not known here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from app.asr import Endpointing
from app.contract.limits import (
    DEFAULT_SAMPLE_RATE_HZ,
    MAX_ENDPOINTING_MS,
    MAX_HOTWORD_CHARS,
    MAX_HOTWORDS,
    MAX_NAME_CHARS,
    MAX_SAMPLE_RATE_HZ,
    MIN_SAMPLE_RATE_HZ,
    SUPPORTED_CHANNELS,
)
from app.gateway.dialects.deepgram.query import Pairs, Query
from app.gateway.dialects.intents import SessionRequest

LEAST_ENDPOINTING_MS: Final = 240
"""Riva's own shorter window, stop_history_eou. Deepgram's values below (10 by default, 25 from
LiveKit) are of a detector that looks at the sound; here they would cut words in two."""
_LEAST_UTTERANCE_END_MS: Final = 1000
"""Deepgram's own: its documentation of `utterance_end_ms`."""
_PROGRESS_S: Final = 0.25
"""How often is looked whether an utterance has ended."""

_RAW: Final = {"linear16": "pcm16", "mulaw": "mulaw", "alaw": "alaw"}
_CONTAINED: Final = ("flac", "opus", "ogg-opus")
"""Compressed sound, which says itself what it is."""
_ENCODINGS: Final = (*_RAW, *_CONTAINED)

_REFUSED: Final[Mapping[str, str]] = {
    "callback": "answers go over the connection itself",
    "redact": "nothing is redacted here",
    "replace": "nothing is replaced here",
    "search": "nothing is searched here",
    "diarize": "speakers are not told apart here",
    "diarize_model": "speakers are not told apart here",
    "detect_entities": "entities are not found here",
    "detect_language": "name the language, or `multi` where a model lists it",
}
"""Options that are refused unless they are off, with the reason."""
_REFUSED_OF_RECORDINGS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("summarize", "topics", "intents", "sentiment"), "speech is written, not read"),
    "custom_topic": "speech is written, not read",
    "custom_intent": "speech is written, not read",
    "paragraphs": "paragraphs are not told apart here",
    "encoding": "post a file that says itself what it is, such as WAV",
}

PARAMETERS: Final[Mapping[str, str]] = {
    "model": "a served model (`GET /v1/models`), or a foreign name of `APP_MODEL_ALIASES`; without "
    "it the configured one",
    "language": "`en`, `en-US`, `multi` where a model lists it; without it the configured one",
    "encoding": "`linear16`, `mulaw`, `alaw`; `flac`, `opus`, `ogg-opus` and none for a stream "
    "that begins with its own header (WAV, FLAC, Ogg, MP3); others are refused",
    "sample_rate": f"{MIN_SAMPLE_RATE_HZ} to {MAX_SAMPLE_RATE_HZ} Hz; needed with raw samples",
    "channels": "1, or 2 that are averaged",
    "multichannel": "refused with 2 channels: they are not recognised one by one",
    "interim_results": "as Deepgram's: the whole segment each time",
    "endpointing": f"milliseconds of silence that end a segment; below {LEAST_ENDPOINTING_MS} the "
    "recogniser's own; with `false` none is said to be `speech_final`",
    "utterance_end_ms": f"`UtteranceEnd` after so much silence, {_LEAST_UTTERANCE_END_MS} at least",
    "vad_events": "`SpeechStarted` with the first word that is heard, not with the first sound",
    "keyterm": f"words and phrases to prefer, at most {MAX_HOTWORDS} of {MAX_HOTWORD_CHARS} "
    "characters",
    "keywords": "likewise; the number behind the colon has no effect, a negative one is refused",
    "punctuate, smart_format": "no effect: the recogniser writes as the operator has it configured",
    "numerals, dictation, measurements, filler_words, profanity_filter, no_delay": "no effect",
    **{name: f"refused: {reason}" for name, reason in _REFUSED.items()},
    "tag, extra, version, mip_opt_out, language_hint": "no effect",
}
"""What comes of each option of a live stream, for the documentation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What one request asks for.

    Attributes:
        model: As the client names it; None for the configured one.
        language: BCP 47 code; None for the configured one.
        encoding: Of raw samples; None where the stream has a header of its own.
        sample_rate: Hz; None likewise.
        channels: Of raw samples.
        interims: Whether interim results are wanted.
        endpointing_ms: Silence that ends a segment; None as the recogniser has it.
        says_speech_final: Whether a segment's end is told as the end of speech.
        utterance_end_s: Seconds of silence after which `UtteranceEnd` is wanted; None for never.
        vad_events: Whether `SpeechStarted` is wanted.
        hotwords: Words and phrases to prefer.
    """

    model: str | None = None
    language: str | None = None
    encoding: str | None = None
    sample_rate: int | None = None
    channels: int = 1
    interims: bool = False
    endpointing_ms: int | None = None
    says_speech_final: bool = True
    utterance_end_s: float | None = None
    vad_events: bool = False
    hotwords: tuple[str, ...] = ()

    def request(self) -> SessionRequest:
        """Return the session to begin."""
        silence = self.endpointing_ms
        return SessionRequest(
            sample_rate=self.sample_rate or DEFAULT_SAMPLE_RATE_HZ,
            encoding=self.encoding or "pcm16",
            channels=self.channels,
            # Events are found by them, too.
            enable_partials=self.interims or self.vad_events or self.utterance_end_s is not None,
            hotwords=self.hotwords,
            language=self.language,
            model=self.model,
            is_model_foreign=True,
            endpointing=None if silence is None else Endpointing(stop_history_ms=silence),
            heartbeat_s=None if self.utterance_end_s is None else _PROGRESS_S,
        )


def of_stream(pairs: Pairs) -> Options:
    """Read the options of a live stream.

    Raises:
        ContractError: `bad_request`, with all that cannot be taken.
    """
    query = Query(pairs)
    for name, reason in _REFUSED.items():
        _refuse_unless_off(query, name, reason)
    options = _with_audio(query, _shared(query))
    silence, ends = _endpointing(query)
    utterance_end = query.whole("utterance_end_ms", _LEAST_UTTERANCE_END_MS, MAX_ENDPOINTING_MS)
    options = replace(
        options,
        interims=query.flag("interim_results"),
        endpointing_ms=silence,
        says_speech_final=ends,
        utterance_end_s=None if utterance_end is None else utterance_end / 1000,
        vad_events=query.flag("vad_events"),
    )
    query.check()
    return options


def of_recording(pairs: Pairs) -> tuple[Options, bool]:
    """Read the options of a recording, and whether its segments are wanted one by one.

    Raises:
        ContractError: As `of_stream`.
    """
    query = Query(pairs)
    for name, reason in {**_REFUSED, **_REFUSED_OF_RECORDINGS}.items():
        _refuse_unless_off(query, name, reason)
    if query.flag("multichannel"):
        query.refuse("multichannel", "true", "false: channels are not recognised one by one")
    options, has_utterances = _shared(query), query.flag("utterances")
    query.check()
    return options, has_utterances


def _refuse_unless_off(query: Query, name: str, reason: str) -> None:
    value = query.text(name)
    if value is not None and value.lower() not in {"false", "0", "none"}:
        query.refuse(name, value, f"false: {reason}")


def _shared(query: Query) -> Options:
    for name in ("model", "language"):
        value = query.text(name)
        if value is not None and len(value) > MAX_NAME_CHARS:
            query.refuse(name, value, f"at most {MAX_NAME_CHARS} characters")
    return Options(
        model=query.text("model"), language=query.text("language"), hotwords=_hotwords(query)
    )


def _with_audio(query: Query, options: Options) -> Options:
    encoding = query.text("encoding")
    rate = query.whole("sample_rate", MIN_SAMPLE_RATE_HZ, MAX_SAMPLE_RATE_HZ)
    channels = query.whole("channels", min(SUPPORTED_CHANNELS), max(SUPPORTED_CHANNELS)) or 1
    if channels > 1 and query.flag("multichannel"):
        query.refuse("multichannel", "true", "false with 2 channels, which are averaged")
    if encoding is None or encoding in _CONTAINED:
        return options
    if encoding not in _RAW:
        query.refuse("encoding", encoding, ", ".join(_ENCODINGS))
    if query.text("sample_rate") is None:
        query.refuse("sample_rate", "", f"Hz, with encoding {encoding[:MAX_NAME_CHARS]}")
    return replace(options, encoding=_RAW.get(encoding), sample_rate=rate, channels=channels)


def _endpointing(query: Query) -> tuple[int | None, bool]:
    """Return milliseconds, None for the recogniser's own, and whether the end of speech is told."""
    value = (query.text("endpointing") or "").lower()
    if value == "false":
        return None, False
    if value in {"", "true"}:
        return None, True
    silence = query.whole("endpointing", 0, MAX_ENDPOINTING_MS)
    return silence if (silence or 0) >= LEAST_ENDPOINTING_MS else None, True


def _hotwords(query: Query) -> tuple[str, ...]:
    found = query.texts("keyterm")
    for keyword in query.texts("keywords"):
        word, _, boost = keyword.rpartition(":") if _is_boosted(keyword) else (keyword, "", "")
        if boost.strip().startswith("-"):
            query.refuse("keywords", keyword, "words to prefer; none can be held back")
        found.append(word)
    words = [word for word in dict.fromkeys(one.strip() for one in found) if word]
    if len(words) > MAX_HOTWORDS:
        query.refuse("keyterm", f"{len(words)} words", f"at most {MAX_HOTWORDS}")
    for word in words:
        if len(word) > MAX_HOTWORD_CHARS:
            query.refuse("keyterm", word, f"at most {MAX_HOTWORD_CHARS} characters")
    return tuple(words)


def _is_boosted(keyword: str) -> bool:
    try:
        float(keyword.rpartition(":")[2])
    except ValueError:
        return False
    return ":" in keyword
