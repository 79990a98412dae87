"""Results as Riva writes them: what is unknown stays at protobuf's 0, times are milliseconds.

A final's text ends in a blank, as Riva's own do: its clients join finals without one.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeAlias

from riva.client.proto import riva_asr_pb2, riva_common_pb2

from app.asr import FileTranscript, Model, Transcript, Word

Message: TypeAlias = Any
"""A protobuf message. The generated types carry no annotations."""

_MS: Final = 1000
_ONE_CHANNEL: Final = 1


def streaming_response(transcript: Transcript, *, words: bool, request_id: str) -> bytes:
    """Return an interim or a final result.

    Args:
        transcript: What was heard.
        words: Whether a final's words are wanted.
        request_id: What the request was marked with; empty for nothing.
    """
    is_final = transcript.is_final
    result = riva_asr_pb2.StreamingRecognitionResult(
        alternatives=[
            _alternative(
                f"{transcript.text} " if is_final else transcript.text,
                transcript.confidence if is_final else None,
                transcript.words if words and is_final else (),
                transcript.languages,
            )
        ],
        is_final=is_final,
        stability=transcript.stability or 0.0,
        channel_tag=transcript.channel or _ONE_CHANNEL,
        audio_processed=transcript.audio_processed or 0.0,
    )
    return _marked(riva_asr_pb2.StreamingRecognizeResponse(results=[result]), request_id)


def file_response(transcript: FileTranscript, *, words: bool, request_id: str) -> bytes:
    """Return the whole transcript of a recording as one result; none where nothing was said."""
    results = []
    if transcript.text:
        spoken = transcript.words if words else ()
        results.append(
            riva_asr_pb2.SpeechRecognitionResult(
                alternatives=[
                    _alternative(f"{transcript.text} ", transcript.confidence, spoken, ())
                ],
                channel_tag=_ONE_CHANNEL,
                audio_processed=transcript.duration,
            )
        )
    return _marked(riva_asr_pb2.RecognizeResponse(results=results), request_id)


def config_response(models: Iterable[Model]) -> bytes:
    """Return the models as a list of them."""
    kind = riva_asr_pb2.RivaSpeechRecognitionConfigResponse
    listed = [
        kind.Config(model_name=model.name, parameters=dict(model.parameters)) for model in models
    ]
    return bytes(kind(model_config=listed).SerializeToString())


def _alternative(
    text: str, confidence: float | None, words: Sequence[Word], languages: Sequence[str]
) -> Message:
    return riva_asr_pb2.SpeechRecognitionAlternative(
        transcript=text,
        confidence=confidence or 0.0,
        words=[
            riva_asr_pb2.WordInfo(
                start_time=round(max(0.0, word.start) * _MS),
                end_time=round(max(0.0, word.end) * _MS),
                word=word.word,
                confidence=word.confidence or 0.0,
                speaker_tag=word.speaker or 0,
                language_code=word.language or "",
            )
            for word in words
        ],
        language_code=languages,
    )


def _marked(response: Message, request_id: str) -> bytes:
    if request_id:
        response.id.CopyFrom(riva_common_pb2.RequestId(value=request_id))
    return bytes(response.SerializeToString())
