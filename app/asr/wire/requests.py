"""Build Riva's request messages from the settings and one call's options."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, TypedDict

from riva.client.proto import riva_asr_pb2, riva_audio_pb2, riva_common_pb2

from app.asr.errors import invalid
from app.asr.events import AS_CONFIGURED, Endpointing, Hotwords, Spelling
from app.asr.settings import LANGUAGE_PATTERN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.asr.events import Metadata
    from app.asr.settings import RivaSettings

# Below 8 kHz speech is not intelligible to the models, above 48 kHz nothing is gained; Riva
# resamples in between.
LOWEST_RATE, HIGHEST_RATE = 8_000, 48_000
HIGHEST_BOOST = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What one call asks for, settings and arguments already joined.

    Attributes:
        sample_rate: Hz of the PCM16 mono audio.
        language: BCP 47 code.
        model: exact name, or empty for the recogniser's choice.
        hotwords: phrases to prefer, or None.
        endpointing: what is None in it stays the model's default.
        custom_configuration: the model's own settings.
        request_id: sent along for the recogniser's logs, or None.
        metadata: of each gRPC call, beside what the settings ask for.
        spelling: what is None in it, the settings say.
    """

    sample_rate: int
    language: str
    model: str
    hotwords: Hotwords | None
    endpointing: Endpointing
    custom_configuration: Mapping[str, str]
    request_id: str | None
    metadata: Metadata = ()
    spelling: Spelling = AS_CONFIGURED


class StreamOptions(TypedDict, total=False):
    """Those of `SessionOptions` that have no place of their own in `stream_transcribe`."""

    hotwords: Sequence[str]
    hotword_boost: float | None
    language: str | None
    model: str | None
    endpointing: Endpointing | None
    custom_configuration: Mapping[str, str] | None
    request_id: str | None
    metadata: Metadata
    spelling: Spelling


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """What is asked of the recogniser.

    Attributes:
        sample_rate: Hz of the audio, 8000 to 48000.
        enable_partials: interims too; False gives finals only, as does
            RIVA_ENABLE_PARTIAL_RESULTS=false.
        hotwords: words or phrases to prefer.
        hotword_boost: how strongly, 0 to 100; None takes RIVA_HOTWORD_BOOST.
        language: BCP 47 code; None takes RIVA_LANGUAGE_CODE.
        model: exact name of a listed model, "" for the recogniser's choice; None takes RIVA_MODEL.
        endpointing: when an utterance begins and ends; fields left None take RIVA_ENDPOINTING_*.
        custom_configuration: the model's own settings, added to RIVA_CUSTOM_CONFIGURATION.
        request_id: sent along for the recogniser's logs.
        group: name of the group of recognisers that is asked; None takes that of the language, or
            of the model where no language is named.
        metadata: sent along with each gRPC call, such as a `traceparent`: lower-case names and
            printable ASCII.
        spelling: how what is heard is written; fields left None take the settings.
    """

    sample_rate: int = 16_000
    enable_partials: bool = True
    hotwords: Sequence[str] = ()
    hotword_boost: float | None = None
    language: str | None = None
    model: str | None = None
    endpointing: Endpointing | None = None
    custom_configuration: Mapping[str, str] | None = None
    request_id: str | None = None
    group: str | None = None
    metadata: Metadata = ()
    spelling: Spelling = AS_CONFIGURED


def join_options(settings: RivaSettings, asked: SessionOptions) -> Options:
    """Check what a caller chose and fill in from the settings what it leaves open.

    Raises:
        AsrError: INVALID_ARGUMENT, naming the argument, its value and what is accepted.
    """
    rate, language = asked.sample_rate, asked.language
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise invalid("sample_rate", rate, f"{LOWEST_RATE} to {HIGHEST_RATE} Hz")
    check_language(language)
    return Options(
        sample_rate=rate,
        language=settings.language_code if language is None else language,
        model=settings.model if asked.model is None else asked.model,
        hotwords=_hotwords(settings, asked.hotwords, asked.hotword_boost),
        endpointing=_endpointing(settings, asked.endpointing),
        custom_configuration={
            **settings.custom_configuration,
            **_checked_configuration(asked.custom_configuration or {}),
        },
        request_id=asked.request_id,
        metadata=tuple(asked.metadata),
        spelling=asked.spelling,
    )


def check_language(language: str | None) -> None:
    """Refuse what is no language; None is the settings' own.

    Raises:
        AsrError: INVALID_ARGUMENT, naming the value and what is accepted.
    """
    if language is not None and not re.match(LANGUAGE_PATTERN, language):
        raise invalid("language", language, "a BCP 47 code such as en-US")


def _hotwords(
    settings: RivaSettings, phrases: Sequence[str], boost: float | None
) -> Hotwords | None:
    accepted = "a list of words or phrases, none of them blank"
    # A lone string is a sequence of strings too: its letters would become hotwords.
    if isinstance(phrases, str) or not all(isinstance(phrase, str) for phrase in phrases):
        raise invalid("hotwords", phrases, accepted)
    if not all(phrase.strip() for phrase in phrases):
        raise invalid("hotwords", list(phrases), accepted)
    if boost is not None and not 0.0 <= boost <= HIGHEST_BOOST:
        raise invalid("hotword_boost", boost, f"0 to {HIGHEST_BOOST:g}")
    if not phrases:
        return None
    return Hotwords(
        phrases=tuple(phrase.strip() for phrase in phrases),
        boost=settings.hotword_boost if boost is None else boost,
    )


def _checked_configuration(configuration: Mapping[str, str]) -> Mapping[str, str]:
    if "" in configuration:
        raise invalid("custom_configuration", dict(configuration), "names that are not empty")
    return configuration


def _endpointing(settings: RivaSettings, chosen: Endpointing | None) -> Endpointing:
    defaults = {
        field.name: getattr(settings, f"endpointing_{field.name}") for field in fields(Endpointing)
    }
    if chosen is None:
        return Endpointing(**defaults)
    given = {
        field.name: value
        for field in fields(Endpointing)
        if (value := getattr(chosen, field.name)) is not None
    }
    for name, value in given.items():
        _check_endpointing(name, value)
    joined = Endpointing(**{**defaults, **given})
    early, final = joined.stop_history_eou_ms, joined.stop_history_ms
    if early is None or final is None or early < final:
        return joined
    if "stop_history_eou_ms" in given:
        raise invalid("endpointing.stop_history_eou_ms", early, f"less than {final} ms")
    # Who asks for a shorter window does not know what is configured beside it.
    return replace(joined, stop_history_eou_ms=None)


def _check_endpointing(name: str, value: float) -> None:
    if name.endswith("_ms"):
        fits, accepted = value > 0, "more than 0 ms"
    else:
        fits, accepted = 0.0 <= value <= 1.0, "0 to 1"
    if not fits:
        raise invalid(f"endpointing.{name}", value, accepted)


def recognition_config(settings: RivaSettings, options: Options) -> riva_asr_pb2.RecognitionConfig:
    """Return the part of a request that both kinds of recognition share."""
    asked = options.spelling
    config = riva_asr_pb2.RecognitionConfig(
        encoding=riva_audio_pb2.AudioEncoding.LINEAR_PCM,
        sample_rate_hertz=options.sample_rate,
        language_code=options.language,
        max_alternatives=1,
        profanity_filter=_first(asked.profanity_filter, settings.profanity_filter),
        audio_channel_count=1,
        enable_word_time_offsets=settings.enable_word_time_offsets,
        enable_automatic_punctuation=_first(
            asked.punctuation, settings.enable_automatic_punctuation
        ),
        model=options.model,
        verbatim_transcripts=_first(asked.verbatim, settings.verbatim_transcripts),
        custom_configuration=dict(options.custom_configuration),
    )
    if options.hotwords is not None:
        config.speech_contexts.append(
            riva_asr_pb2.SpeechContext(
                phrases=list(options.hotwords.phrases), boost=options.hotwords.boost
            )
        )
    _fill_endpointing(config, options.endpointing)
    return config


def _first(asked: bool | None, configured: bool) -> bool:
    return configured if asked is None else asked


def _fill_endpointing(config: riva_asr_pb2.RecognitionConfig, endpointing: Endpointing) -> None:
    # Riva's fields are these names without the unit. A field that is set, even to its default,
    # overrides the model's.
    for field in fields(Endpointing):
        value = getattr(endpointing, field.name)
        if value is not None:
            setattr(config.endpointing_config, field.name.replace("_ms", ""), value)


def opening_request(
    settings: RivaSettings, options: Options, *, interims: bool
) -> riva_asr_pb2.StreamingRecognizeRequest:
    """Return the first message of a stream: the configuration, and nothing else."""
    request = riva_asr_pb2.StreamingRecognizeRequest(
        streaming_config=riva_asr_pb2.StreamingRecognitionConfig(
            config=recognition_config(settings, options), interim_results=interims
        )
    )
    if options.request_id is not None:
        request.id.CopyFrom(riva_common_pb2.RequestId(value=options.request_id))
    return request


def file_request(
    settings: RivaSettings, options: Options, pcm: bytes
) -> riva_asr_pb2.RecognizeRequest:
    """Return the request to recognise one whole recording."""
    request = riva_asr_pb2.RecognizeRequest(config=recognition_config(settings, options), audio=pcm)
    if options.request_id is not None:
        request.id.CopyFrom(riva_common_pb2.RequestId(value=options.request_id))
    return request
