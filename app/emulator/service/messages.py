"""Riva's messages to the emulator's own types and back. Generated protobuf types are untyped."""

import re
from typing import Any, TypeAlias

import riva.client.proto.riva_asr_pb2 as asr
import riva.client.proto.riva_audio_pb2 as audio_pb

from app.emulator.audio import ENCODINGS
from app.emulator.recognition import AudioFormat, Hypothesis, StreamOptions
from app.emulator.refusals import bad_argument, unavailable_model
from app.emulator.settings import EmulatorSettings

Message: TypeAlias = Any
"""A protobuf message. The generated types carry no annotations."""

_OF_FILES = ("FLAC", "OGGOPUS")
"""Encodings that no samples without a header have."""
_UNSPECIFIED = "ENCODING_UNSPECIFIED"
_LOWEST_RATE, _HIGHEST_RATE = 8_000, 48_000
# Riva's stop history is a number of milliseconds; below this no pause between words would fit in.
_SHORTEST_STOP_MS, _LONGEST_STOP_MS = 100, 10_000
_PUNCTUATION = re.compile(r"""^[^\w$£€'-]+|[^\w%']+$""")


def _encoding_name(number: int) -> str:
    return str(audio_pb.AudioEncoding.Name(number)) if number in _encodings() else str(number)


def _encodings() -> set[int]:
    return set(audio_pb.AudioEncoding.values())


def check_served(config: Message, settings: EmulatorSettings, kind: str) -> None:
    """Refuse a request for a model or language that is not there, or an RPC the mode lacks.

    An empty model means "any"; so does an empty language, which is not verified against a NIM.

    Args:
        config: RecognitionConfig.
        settings: What is served.
        kind: `online` or `offline`.
    """
    served = settings.streams if kind == "online" else settings.recognises_files
    model_fits = config.model in {"", settings.model_name}
    language_fits = config.language_code in {"", *settings.languages}
    if not (served and model_fits and language_fits):
        raise unavailable_model(settings.refusal_status, config.language_code, kind)


def declared_format(config: Message) -> AudioFormat | None:
    """Return the format that a request declares; None where a file's header has to.

    Raises:
        RefusalError: More than one channel, a rate outside 8000..48000 or an encoding that is not
            known.
    """
    if config.audio_channel_count > 1:
        raise bad_argument(
            f"audio_channel_count {config.audio_channel_count} is not supported; send one channel"
        )
    name = _encoding_name(config.encoding)
    if name not in {*ENCODINGS, *_OF_FILES, _UNSPECIFIED}:
        raise bad_argument(
            f"encoding {name} is not supported here; accepted are {(*ENCODINGS, *_OF_FILES)}"
        )
    rate = config.sample_rate_hertz
    # In Riva's protocol 0 is a rate that is not said.
    if rate and not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
        raise bad_argument(
            f"sample_rate_hertz {rate} is not supported; "
            f"accepted are {_LOWEST_RATE} to {_HIGHEST_RATE}, or 0 for what a file's header says"
        )
    if not rate or name in _OF_FILES:
        return None
    return AudioFormat(encoding="LINEAR_PCM" if name == _UNSPECIFIED else name, sample_rate=rate)


def stream_options(
    config: Message,
    audio: AudioFormat,
    *,
    interim_results: bool,
) -> StreamOptions:
    """Return the other options of a client. Unknown customisation is ignored, as by a NIM."""
    return StreamOptions(
        audio=audio,
        interim_results=interim_results,
        word_time_offsets=config.enable_word_time_offsets,
        automatic_punctuation=config.enable_automatic_punctuation,
        hotwords=tuple(
            phrase for context in config.speech_contexts for phrase in context.phrases if phrase
        ),
        stop_history=_stop_history(config),
    )


def _stop_history(config: Message) -> float | None:
    if not config.HasField("endpointing_config"):
        return None
    endpointing = config.endpointing_config
    if not endpointing.HasField("stop_history") or endpointing.stop_history <= 0:
        return None
    if not _SHORTEST_STOP_MS <= endpointing.stop_history <= _LONGEST_STOP_MS:
        raise bad_argument(
            f"endpointing_config.stop_history {endpointing.stop_history} ms is not supported; "
            f"accepted are {_SHORTEST_STOP_MS} to {_LONGEST_STOP_MS}"
        )
    return float(endpointing.stop_history) / 1000.0


def plain(text: str) -> str:
    """Return text without punctuation at the edges of words and without capitals."""
    bare = (_PUNCTUATION.sub("", word).lower() for word in text.split())
    return " ".join(word for word in bare if word)


def _alternative(heard: Hypothesis, text: str, options: StreamOptions) -> Message:
    def shown(word: str) -> str:
        return word if options.automatic_punctuation else plain(word)

    words = heard.words if heard.is_final and options.word_time_offsets else ()
    return asr.SpeechRecognitionAlternative(
        transcript=text if options.automatic_punctuation else plain(text),
        confidence=heard.confidence or 0.0,
        words=[
            asr.WordInfo(
                word=shown(word.word),
                start_time=round(word.start * 1000),
                end_time=round(word.end * 1000),
                confidence=word.confidence or 0.0,
            )
            for word in words
        ],
    )


def streaming_response(heard: Hypothesis, options: StreamOptions, request_id: str) -> Message:
    """Return a hypothesis as StreamingRecognizeResponse; what is unknown stays at protobuf's 0."""
    alternatives = [] if heard.text is None else [_alternative(heard, heard.text, options)]
    response = asr.StreamingRecognizeResponse(
        results=[
            asr.StreamingRecognitionResult(
                alternatives=alternatives,
                is_final=heard.is_final,
                stability=heard.stability or 0.0,
                channel_tag=1,
                audio_processed=heard.audio_processed,
            )
        ]
    )
    if request_id:
        response.id.value = request_id
    return response


def recognize_response(heard: list[Hypothesis], options: StreamOptions, request_id: str) -> Message:
    """Return all finals of a file as RecognizeResponse, one result a segment."""
    response = asr.RecognizeResponse(
        results=[
            asr.SpeechRecognitionResult(
                alternatives=[_alternative(final, final.text, options)],
                channel_tag=1,
                audio_processed=final.audio_processed,
            )
            for final in heard
            if final.is_final and final.text is not None
        ]
    )
    if request_id:
        response.id.value = request_id
    return response


def config_response(settings: EmulatorSettings, model_name: str) -> Message:
    """Return the served models, or the one named, as RivaSpeechRecognitionConfigResponse."""
    served: list[dict[str, str]] = []
    for kind, offered in (("online", settings.streams), ("offline", settings.recognises_files)):
        if offered and model_name in {"", settings.model_name}:
            served += [{"type": kind, "language_code": code} for code in settings.languages]
    model = asr.RivaSpeechRecognitionConfigResponse.Config
    return asr.RivaSpeechRecognitionConfigResponse(
        model_config=[
            model(model_name=settings.model_name, parameters=parameters) for parameters in served
        ]
    )
