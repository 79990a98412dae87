"""What a session of NVIDIA's realtime ASR NIM can be asked for, and how it is echoed.

Keys and defaults are those of the NIM's own answer and of nvidia-riva-client 2.28.0, which writes
into the nested objects: each of them is there. A part of a session is merged into what there is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from app.asr import Endpointing
from app.contract.limits import (
    MAX_ENDPOINTING_MS,
    MAX_HOTWORD_BOOST,
    MAX_HOTWORD_CHARS,
    MAX_HOTWORDS,
    MAX_NAME_CHARS,
    MAX_SAMPLE_RATE_HZ,
    MIN_SAMPLE_RATE_HZ,
    SUPPORTED_CHANNELS,
)
from app.gateway.dialects.intents import SessionRequest
from app.gateway.dialects.realtime.messages import Event, EventError

TEXTS: Final[Mapping[str, str]] = {
    "input_audio_format": "`pcm16`; `none` for the bytes of a file: WAV, FLAC, Ogg and MP3 are "
    "decoded, anything else is PCM",
    "input_audio_params": "`sample_rate_hz` and `num_channels` of PCM; a file says both itself",
    "input_audio_transcription.language": "`en-US`, `en`, or `multi` where a model lists it; "
    "without it the configured one",
    "input_audio_transcription.model": "a served model, or a foreign name of `APP_MODEL_ALIASES`; "
    "without it the configured one",
    "input_audio_transcription.prompt": "no effect: the recogniser has none",
    "recognition_config.enable_word_time_offsets": "`words_info` in `completed`, times in ms; a "
    "number that the recogniser did not give is 0",
    "recognition_config": "the other keys: no effect, the operator has them (`RIVA_*`)",
    "word_boosting": "words and phrases to prefer, with one boost for all of them",
    "endpointing_config": "when an utterance ends; 0 leaves it to the model",
    "speaker_diarization": "refused where it is on: speakers are not told apart",
}

_DEFAULTS: Final[Mapping[str, Any]] = {
    "modalities": ["text"],
    "input_audio_format": "pcm16",
    "input_audio_transcription": {"language": "", "model": "", "prompt": ""},
    "input_audio_params": {"sample_rate_hz": 16_000, "num_channels": 1},
    "recognition_config": {
        "max_alternatives": 1,
        "enable_automatic_punctuation": False,
        "enable_word_time_offsets": False,
        "enable_profanity_filter": False,
        "enable_verbatim_transcripts": False,
        "custom_configuration": "",
    },
    "speaker_diarization": {"enable_speaker_diarization": False, "max_speaker_count": 8},
    "word_boosting": {"enable_word_boosting": False, "word_boosting_list": []},
    "endpointing_config": {
        "start_history": 0,
        "start_threshold": 0,
        "stop_history": 0,
        "stop_threshold": 0,
        "stop_history_eou": 0,
        "stop_threshold_eou": 0,
    },
}
_FORMATS: Final = ("pcm16", "none")
_HISTORIES: Final = ("start_history", "stop_history", "stop_history_eou")
_THRESHOLDS: Final = ("start_threshold", "stop_threshold", "stop_threshold_eou")


@dataclass(frozen=True, slots=True, kw_only=True)
class NimOptions:
    """A session's options.

    Attributes:
        session: As it is echoed.
        boost: Of all the words to prefer; None for the configured one.
        phrases: Words to prefer.
    """

    session: Mapping[str, Any] = field(default_factory=lambda: _DEFAULTS)
    boost: float | None = None
    phrases: tuple[str, ...] = ()

    @property
    def has_words(self) -> bool:
        """Whether finals have their words."""
        return bool(self.session["recognition_config"].get("enable_word_time_offsets"))

    def request(self) -> SessionRequest:
        """Return the session to begin."""
        asked, audio = self.session["input_audio_transcription"], self.session["input_audio_params"]
        return SessionRequest(
            sample_rate=audio["sample_rate_hz"],
            channels=audio["num_channels"],
            hotwords=self.phrases,
            hotword_boost=self.boost,
            language=asked.get("language") or None,
            model=asked.get("model") or None,
            is_model_foreign=True,
            endpointing=self._endpointing(),
        )

    def _endpointing(self) -> Endpointing | None:
        given = self.session["endpointing_config"]
        histories = {f"{key}_ms": given.get(key) or None for key in _HISTORIES}
        thresholds = {key: given.get(key) or None for key in _THRESHOLDS}
        if not any((*histories.values(), *thresholds.values())):
            return None
        return Endpointing(**histories, **thresholds)

    def updated(self, session: Event) -> "NimOptions":
        """Return the options after an update.

        Raises:
            EventError: A field holds something it cannot hold.
        """
        merged = dict(self.session)
        for key, value in session.items():
            known = self.session.get(key)
            if value is None or key not in _DEFAULTS:
                continue
            if isinstance(known, dict):
                if not isinstance(value, dict):
                    raise EventError(f"session.{key}", value, "an object")
                merged[key] = {**known, **value}
            else:
                merged[key] = value
        _check(merged)
        phrases, boost = _boosted(merged["word_boosting"])
        return replace(self, session=merged, phrases=phrases, boost=boost)


def _check(session: Mapping[str, Any]) -> None:
    name = session["input_audio_format"]
    if name not in _FORMATS:
        raise EventError("session.input_audio_format", name, ", ".join(_FORMATS))
    audio = session["input_audio_params"]
    _whole(audio, "input_audio_params", "sample_rate_hz", MIN_SAMPLE_RATE_HZ, MAX_SAMPLE_RATE_HZ)
    _whole(audio, "input_audio_params", "num_channels", *SUPPORTED_CHANNELS)
    for key in ("language", "model"):
        text = session["input_audio_transcription"].get(key) or ""
        if not isinstance(text, str) or len(text) > MAX_NAME_CHARS:
            at = f"session.input_audio_transcription.{key}"
            raise EventError(at, text, f"a text of at most {MAX_NAME_CHARS} characters")
    endpointing = session["endpointing_config"]
    for key in _HISTORIES:
        _whole(endpointing, "endpointing_config", key, 0, MAX_ENDPOINTING_MS)
    for key in _THRESHOLDS:
        share = endpointing.get(key)
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
            raise EventError(f"session.endpointing_config.{key}", share, "a number from 0 to 1")
    if session["speaker_diarization"].get("enable_speaker_diarization"):
        raise EventError(
            "session.speaker_diarization.enable_speaker_diarization",
            value=True,
            accepted="false: speakers are not told apart here",
        )


def _boosted(given: Mapping[str, Any]) -> tuple[tuple[str, ...], float | None]:
    if not given.get("enable_word_boosting"):
        return (), None
    at = "session.word_boosting.word_boosting_list"
    accepted = (
        f"at most {MAX_HOTWORDS} phrases of 1 to {MAX_HOTWORD_CHARS} characters in all, with one "
        f"boost of at most {MAX_HOTWORD_BOOST:g}, as [{{phrases, boost}}]"
    )
    listed = given.get("word_boosting_list")
    if not isinstance(listed, list):
        raise EventError(at, listed, accepted)
    phrases: list[Any] = []
    boosts: list[object] = []
    for one in listed:
        some = one.get("phrases") if isinstance(one, dict) else None
        if not isinstance(some, list):
            raise EventError(at, one, accepted)
        phrases += some
        boosts.append(one.get("boost"))
    fits = all(isinstance(one, str) and 0 < len(one) <= MAX_HOTWORD_CHARS for one in phrases)
    if not fits or len(phrases) > MAX_HOTWORDS or any(one != boosts[0] for one in boosts):
        raise EventError(at, listed, accepted)
    boost = boosts[0] if boosts else None
    if boost is None:
        return tuple(phrases), None
    if isinstance(boost, bool) or not isinstance(boost, int | float):
        raise EventError(at, listed, accepted)
    if not 0 <= boost <= MAX_HOTWORD_BOOST:
        raise EventError(at, listed, accepted)
    return tuple(phrases), float(boost)


def _whole(given: Mapping[str, Any], at: str, key: str, least: int, most: int) -> None:
    value = given.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise EventError(f"session.{at}.{key}", value, f"a whole number from {least} to {most}")
