"""What Riva's configuration asks for, in the gateway's words; what it cannot have is refused."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from google.protobuf.message import DecodeError
from riva.client.proto import riva_asr_pb2, riva_audio_pb2

from app.asr import Endpointing, Spelling
from app.contract import ContractError, ErrorCode
from app.contract.limits import (
    MAX_ECHO_CHARS,
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

Message: TypeAlias = Any
"""A protobuf message. The generated types carry no annotations."""

_ENCODINGS: Final[Mapping[int, str]] = MappingProxyType(
    {
        riva_audio_pb2.ENCODING_UNSPECIFIED: "pcm16",
        riva_audio_pb2.LINEAR_PCM: "pcm16",
        riva_audio_pb2.MULAW: "mulaw",
        riva_audio_pb2.ALAW: "alaw",
    }
)
"""Of samples without a header."""

CONTAINERS: Final[Mapping[int, bytes]] = MappingProxyType(
    {riva_audio_pb2.FLAC: b"fLaC", riva_audio_pb2.OGGOPUS: b"OggS"}
)
"""Encodings that come in a container, and what each begins with."""

_MODELS_OWN: Final = frozenset(
    {
        "enable_vad_endpointing",
        "neural_vad.min_duration_off",
        "neural_vad.min_duration_on",
        "neural_vad.offset",
        "neural_vad.onset",
        "neural_vad.pad_offset",
        "neural_vad.pad_onset",
    }
)
"""Settings of the model that are one stream's own: of NVIDIA's documented ones, those of its voice
activity detection."""

_MOST_VALUE_CHARS: Final = 16


def parsed(kind: type[Message], data: bytes) -> Message:
    """Return a message of a kind.

    Raises:
        ContractError: `invalid_message`: the bytes are none.
    """
    try:
        return kind.FromString(data)
    except DecodeError:
        name = kind.DESCRIPTOR.full_name
        raise invalid("the message", f"{len(data)} bytes", f"a {name}") from None


def invalid(field: str, value: object, accepted: str) -> ContractError:
    """Return the error of a field that holds what it cannot hold."""
    shown = repr(value) if isinstance(value, str) else str(value)
    return ContractError(
        ErrorCode.INVALID_MESSAGE, field=field, value=shown[:MAX_ECHO_CHARS], accepted=accepted
    )


def session_request(config: Message, *, interims: bool, default_rate: int) -> SessionRequest:
    """Return what a RecognitionConfig asks for.

    `max_alternatives` is a bound, and one alternative is within any.

    Args:
        config: As it came.
        interims: Whether interim results are wanted.
        default_rate: Hz of audio whose rate is not said.

    Raises:
        ContractError: `invalid_message`, naming the field, its value and what is accepted.
    """
    _refuse_what_is_not_done(config)
    phrases, boost = _hotwords(config)
    in_container = config.encoding in CONTAINERS
    return SessionRequest(
        sample_rate=_rate(config, default_rate),
        encoding="pcm16" if in_container else _encoding(config),
        channels=1 if in_container else _channels(config),
        enable_partials=interims,
        hotwords=phrases,
        hotword_boost=boost,
        language=_language(config),
        model=_name("model", config.model),
        endpointing=_endpointing(config),
        spelling=Spelling(
            punctuation=config.enable_automatic_punctuation,
            verbatim=config.verbatim_transcripts,
            # What the operator has masked stays so.
            profanity_filter=config.profanity_filter or None,
        ),
        custom_configuration=_custom(config),
    )


def _refuse_what_is_not_done(config: Message) -> None:
    if config.diarization_config.enable_speaker_diarization:
        raise invalid("diarization_config.enable_speaker_diarization", "true", "false")
    if config.enable_separate_recognition_per_channel:
        raise invalid("enable_separate_recognition_per_channel", "true", "false")


def _encoding(config: Message) -> str:
    found = _ENCODINGS.get(config.encoding)
    if found is None:
        known = sorted({*_ENCODINGS, *CONTAINERS} - {riva_audio_pb2.ENCODING_UNSPECIFIED})
        names = ", ".join(riva_audio_pb2.AudioEncoding.Name(one) for one in known)
        raise invalid("encoding", config.encoding, names)
    return found


def _rate(config: Message, default_rate: int) -> int:
    # In Riva's protocol 0 is a rate that is not said.
    rate = config.sample_rate_hertz or default_rate
    if not MIN_SAMPLE_RATE_HZ <= rate <= MAX_SAMPLE_RATE_HZ:
        accepted = f"{MIN_SAMPLE_RATE_HZ} to {MAX_SAMPLE_RATE_HZ}, or 0 for {default_rate}"
        raise invalid("sample_rate_hertz", rate, accepted)
    return int(rate)


def _channels(config: Message) -> int:
    count = config.audio_channel_count or 1
    if count not in SUPPORTED_CHANNELS:
        raise invalid("audio_channel_count", count, "1, or 2 that are averaged")
    return int(count)


def _language(config: Message) -> str | None:
    name = _name("language_code", config.language_code)
    return None if name is None else name.replace("_", "-")


def _name(field: str, value: str) -> str | None:
    if len(value) > MAX_NAME_CHARS:
        raise invalid(field, value, f"at most {MAX_NAME_CHARS} characters")
    return value.strip() or None


def _hotwords(config: Message) -> tuple[tuple[str, ...], float | None]:
    phrases: list[str] = []
    boosts: set[float] = set()
    for context in config.speech_contexts:
        boosts.add(context.boost)
        phrases += context.phrases
        if len(phrases) > MAX_HOTWORDS:
            raise invalid("speech_contexts.phrases", "more", f"at most {MAX_HOTWORDS} phrases")
    for phrase in phrases:
        if not 0 < len(phrase.strip()) <= len(phrase) <= MAX_HOTWORD_CHARS:
            accepted = f"1 to {MAX_HOTWORD_CHARS} characters"
            raise invalid("speech_contexts.phrases", phrase, accepted)
    if len(boosts) > 1:
        raise invalid("speech_contexts.boost", f"{len(boosts)} values", "one for all phrases")
    boost = next(iter(boosts), 0.0)
    if not 0.0 <= boost <= MAX_HOTWORD_BOOST:
        accepted = f"0 to {MAX_HOTWORD_BOOST:g}, 0 for the configured boost"
        raise invalid("speech_contexts.boost", boost, accepted)
    return tuple(phrases), boost or None


def _endpointing(config: Message) -> Endpointing | None:
    if not config.HasField("endpointing_config"):
        return None
    asked = config.endpointing_config
    for name in ("start_history", "stop_history", "stop_history_eou"):
        if asked.HasField(name) and not 0 < (found := getattr(asked, name)) <= MAX_ENDPOINTING_MS:
            raise invalid(f"endpointing_config.{name}", found, f"1 to {MAX_ENDPOINTING_MS} ms")

    def given(name: str) -> Any:  # noqa: ANN401 - a field of protobuf
        return getattr(asked, name) if asked.HasField(name) else None

    return Endpointing(
        start_history_ms=given("start_history"),
        start_threshold=given("start_threshold"),
        stop_history_ms=given("stop_history"),
        stop_threshold=given("stop_threshold"),
        stop_history_eou_ms=given("stop_history_eou"),
        stop_threshold_eou=given("stop_threshold_eou"),
    )


def _custom(config: Message) -> Mapping[str, str]:
    found = dict(config.custom_configuration)
    for key, value in found.items():
        if key not in _MODELS_OWN:
            raise invalid("custom_configuration", key, f"of {', '.join(sorted(_MODELS_OWN))}")
        if len(value) > _MOST_VALUE_CHARS or not value.isprintable():
            raise invalid(f"custom_configuration.{key}", value, "a number, true or false")
    return found


def wants_words(config: Message) -> bool:
    """Return whether times and confidences of words are wanted."""
    return bool(config.enable_word_time_offsets)


def request_id(message: Message) -> str:
    """Return what the answers to a request are marked with; empty for nothing."""
    found = str(message.id.value)
    if len(found) > MAX_NAME_CHARS:
        raise invalid("id.value", found, f"at most {MAX_NAME_CHARS} characters")
    return found


StreamingRequest: Final[Message] = riva_asr_pb2.StreamingRecognizeRequest
FileRequest: Final[Message] = riva_asr_pb2.RecognizeRequest
ConfigRequest: Final[Message] = riva_asr_pb2.RivaSpeechRecognitionConfigRequest
