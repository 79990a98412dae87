"""What an OpenAI session can be asked for, and how it is echoed.

Names and values are those that the Python SDK 3.57.0 types (`types/realtime`). A key that is absent
changes nothing, null clears. What would be silently wrong is refused; what cannot change a word is
taken, echoed and has no effect.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from app.asr import Endpointing
from app.contract.limits import (
    MAX_ENDPOINTING_MS,
    MAX_HOTWORD_CHARS,
    MAX_HOTWORDS,
    MAX_NAME_CHARS,
    MAX_SAMPLE_RATE_HZ,
    MIN_SAMPLE_RATE_HZ,
)
from app.gateway.dialects.intents import SessionRequest
from app.gateway.dialects.realtime.messages import Event, EventError

RATE: Final = 24_000
"""Hz of PCM, unless the client says otherwise, as those of other servers do."""
PHONE_RATE: Final = 8_000

TEXTS: Final[Mapping[str, str]] = {
    "type": "`transcription`; `realtime` is refused: there is no voice that answers",
    "audio.input.format": "`audio/pcm` at 24000 Hz, or another `rate` if the client names it; "
    "`audio/pcmu` and `audio/pcma` (G.711)",
    "audio.input.transcription.model": "a served model (`GET /v1/models`), or a foreign name of "
    "`APP_MODEL_ALIASES`; without it the configured one",
    "audio.input.transcription.language": "`en`, `en-us`, `en_US`, or `multi` where a model lists "
    "it; without it the configured one",
    "audio.input.transcription.keywords": f"words and phrases to prefer, at most {MAX_HOTWORDS}",
    "audio.input.transcription.prompt": "no effect: the recogniser has none",
    "audio.input.transcription.delay": "no effect: words are told as soon as they are sure",
    "audio.input.turn_detection": "`server_vad`, or null for commits by the client",
    "audio.input.turn_detection.silence_duration_ms": "the silence that ends an utterance",
    "audio.input.turn_detection.threshold": "no effect: the recogniser has its own",
    "audio.input.turn_detection.prefix_padding_ms": "no effect: all audio is heard",
    "audio.input.noise_reduction": "no effect: the recogniser is trained on noise",
    "include": "logprobs, which stay absent: the recogniser gives none",
}

_G711: Final = {"audio/pcmu": "mulaw", "audio/pcma": "alaw"}
_BETA_FORMATS: Final = {"pcm16": "audio/pcm", "g711_ulaw": "audio/pcmu", "g711_alaw": "audio/pcma"}
_VAD: Final[Mapping[str, Any]] = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,
}
_VADS: Final = ("server_vad", "semantic_vad")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """A session's options.

    Attributes:
        format: As the API names it.
        rate: Hz.
        transcription: As the client gave it; empty without.
        turn_detection: What is echoed; None for manual.
        is_asked: Whether the client asked for that turn detection, and not only the default has it.
        noise_reduction: As the client gave it.
        include: Likewise.
    """

    format: str = "audio/pcm"
    rate: int = RATE
    transcription: Mapping[str, Any] = field(default_factory=dict)
    turn_detection: Mapping[str, Any] | None = field(default_factory=lambda: _VAD)
    is_asked: bool = False
    noise_reduction: Any = None
    include: Any = None

    @property
    def has_turns(self) -> bool:
        """Whether the recogniser ends utterances, and not the client."""
        return self.turn_detection is not None

    @property
    def bytes_per_s(self) -> int:
        """Bytes of audio in a second."""
        return self.rate * (1 if self.format in _G711 else 2)

    def request(self) -> SessionRequest:
        """Return the session to begin."""
        return SessionRequest(
            sample_rate=self.rate,
            encoding=_G711.get(self.format, "pcm16"),
            hotwords=tuple(self.transcription.get("keywords") or ()),
            language=self.transcription.get("language") or None,
            model=self.transcription.get("model") or None,
            is_model_foreign=True,
            endpointing=self._endpointing(),
        )

    def _endpointing(self) -> Endpointing | None:
        silence = (self.turn_detection or {}).get("silence_duration_ms")
        return Endpointing(stop_history_ms=silence) if self.is_asked and silence else None

    def with_model(self, name: str | None) -> "Options":
        """Return the options with a model that the address names."""
        if not name:
            return self
        return replace(self, transcription={"model": _name(name, "model")})

    def updated(self, session: Event) -> "Options":
        """Return the options after `session.update`.

        Raises:
            EventError: A field holds something it cannot hold.
        """
        kind = session.get("type", "transcription")
        if kind != "transcription":
            raise EventError("session.type", kind, '"transcription"')
        audio = _object(session.get("audio", {}), "session.audio")
        given = _object(audio.get("input", {}), "session.audio.input")
        options = self
        if "format" in given:
            options = _with_format(options, given["format"], "session.audio.input.format")
        options = _with_shared(options, given, "transcription", "session.audio.input.")
        if "noise_reduction" in given:
            options = replace(options, noise_reduction=given["noise_reduction"])
        if "include" in session:
            options = replace(options, include=session["include"])
        return options

    def updated_beta(self, session: Event) -> "Options":
        """Return the options after `transcription_session.update`; raises as `updated`."""
        options = self
        if "input_audio_format" in session:
            name = session["input_audio_format"]
            kind = _BETA_FORMATS.get(name) if isinstance(name, str) else None
            if kind is None:
                accepted = ", ".join(_BETA_FORMATS)
                raise EventError("session.input_audio_format", name, accepted)
            options = _with_format(options, {"type": kind}, "session.input_audio_format")
        options = _with_shared(options, session, "input_audio_transcription", "session.")
        if "input_audio_noise_reduction" in session:
            options = replace(options, noise_reduction=session["input_audio_noise_reduction"])
        if "include" in session:
            options = replace(options, include=session["include"])
        return options

    def shown(self) -> dict[str, object]:
        """Return the session as `session.created` and `session.updated` have it."""
        pcm = {"type": self.format, "rate": self.rate}
        return {
            "type": "transcription",
            "object": "realtime.transcription_session",
            "include": self.include,
            "audio": {
                "input": {
                    "format": {"type": self.format} if self.format in _G711 else pcm,
                    "noise_reduction": self.noise_reduction,
                    "transcription": dict(self.transcription) or None,
                    "turn_detection": self.turn_detection,
                }
            },
        }

    def shown_beta(self) -> dict[str, object]:
        """Return the session as `transcription_session.created` and `.updated` have it."""
        names = {kind: name for name, kind in _BETA_FORMATS.items()}
        return {
            "object": "realtime.transcription_session",
            "modalities": ["text"],
            "input_audio_format": names[self.format],
            "input_audio_transcription": dict(self.transcription) or None,
            "turn_detection": self.turn_detection,
            "input_audio_noise_reduction": self.noise_reduction,
            "include": self.include,
        }


def _with_format(options: Options, given: object, name: str) -> Options:
    if given is None:
        return replace(options, format="audio/pcm", rate=RATE)
    kind = _object(given, name).get("type", "audio/pcm")
    if isinstance(kind, str) and kind in _G711:
        return replace(options, format=kind, rate=PHONE_RATE)
    if kind != "audio/pcm":
        raise EventError(f"{name}.type", kind, "audio/pcm, audio/pcmu, audio/pcma")
    rate = _object(given, name).get("rate", RATE)
    least, most = MIN_SAMPLE_RATE_HZ, MAX_SAMPLE_RATE_HZ
    return replace(options, format=kind, rate=_whole(rate, f"{name}.rate", least, most))


def _with_shared(options: Options, given: Event, transcription: str, at: str) -> Options:
    if transcription in given:
        asked = _transcription(given[transcription], at + transcription)
        # A model may have been named in the address.
        merged = {**options.transcription, **asked} if asked is not None else {}
        options = replace(options, transcription=merged)
    if "turn_detection" in given:
        turns = _turns(given["turn_detection"], f"{at}turn_detection")
        options = replace(options, turn_detection=turns, is_asked=True)
    return options


def _transcription(given: object, name: str) -> dict[str, Any] | None:
    if given is None:
        return None
    asked = dict(_object(given, name))
    for key in ("model", "language"):
        if asked.get(key) is not None:
            _name(asked[key], f"{name}.{key}")
    if asked.get("prompt") is not None and not isinstance(asked["prompt"], str):
        raise EventError(f"{name}.prompt", asked["prompt"], "a text")
    _check_keywords(asked.get("keywords"), f"{name}.keywords")
    languages = asked.get("languages")
    if languages:
        if not isinstance(languages, list) or len(languages) > 1:
            raise EventError(f"{name}.languages", languages, "one language, or `multi`")
        asked["language"] = _name(languages[0], f"{name}.languages")
    return asked


def _check_keywords(given: object, name: str) -> None:
    if given is None:
        return
    accepted = f"at most {MAX_HOTWORDS} texts of 1 to {MAX_HOTWORD_CHARS} characters"
    if not isinstance(given, list) or len(given) > MAX_HOTWORDS:
        raise EventError(name, given, accepted)
    for word in given:
        if not isinstance(word, str) or not 0 < len(word) <= MAX_HOTWORD_CHARS:
            raise EventError(name, word, accepted)


def _turns(given: object, name: str) -> Mapping[str, Any] | None:
    if given is None:
        return None
    asked = _object(given, name)
    kind = asked.get("type", "server_vad")
    if kind not in _VADS:
        raise EventError(f"{name}.type", kind, "server_vad, semantic_vad, or null for none")
    if kind == "semantic_vad":
        return {"eagerness": "auto", **asked, "type": kind}
    merged = {**_VAD, **{key: value for key, value in asked.items() if value is not None}}
    silence = merged["silence_duration_ms"]
    _whole(silence, f"{name}.silence_duration_ms", 1, MAX_ENDPOINTING_MS)
    return merged


def _object(given: object, name: str) -> Event:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise EventError(name, given, "an object")
    return given


def _name(given: object, name: str) -> str:
    if not isinstance(given, str) or len(given) > MAX_NAME_CHARS:
        raise EventError(name, given, f"a text of at most {MAX_NAME_CHARS} characters")
    return given


def _whole(given: object, name: str, least: int, most: int) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or not least <= given <= most:
        raise EventError(name, given, f"a whole number from {least} to {most}")
    return given
