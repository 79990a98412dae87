"""What was heard, and what went wrong, as OpenAI's REST API has it.

Shapes are those that the Python SDK 3.57.0 types (`types/audio`). What the recogniser did not say
is absent where the type allows it. Numbers that a segment must have, and that nobody measured, are
0; the extra key `not_measured` names them, so that nobody takes them for a measurement.
"""

import zlib
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from app.asr import FileTranscript, Transcript
from app.captions import TimedWord, captions, srt, vtt
from app.contract import ContractError, ErrorCode
from app.contract.limits import SERVICE
from app.gateway.dialects.json_objects import encoded
from app.gateway.dialects.openai.form import FieldError, ResponseFormat, TranscriptionForm
from app.gateway.dialects.upload import AnswerInParts, Heard, HttpAnswer, ServedModel

_TEXT_TYPES: Final = {
    ResponseFormat.TEXT: "text/plain; charset=utf-8",
    ResponseFormat.SRT: "text/plain; charset=utf-8",
    ResponseFormat.VTT: "text/vtt; charset=utf-8",
}
_NOT_MEASURED: Final = ("tokens", "avg_logprob", "no_speech_prob")

_CODES: Final = {ErrorCode.UNAUTHORIZED: "invalid_api_key"}
"""Where OpenAI has a code of its own that programs compare."""

_STATUSES: Final = {ErrorCode.UNSUPPORTED_AUDIO: HTTPStatus.BAD_REQUEST}
"""Where OpenAI's status is another: a file of an unknown kind is a bad request there."""

_ONLY_MORE_LOAD: Final = frozenset({ErrorCode.UPLOAD_TOO_SLOW})
"""May succeed later, but hardly if the same is sent again at once, as the SDKs would."""


def answer(form: TranscriptionForm, heard: Heard) -> HttpAnswer:
    """Return the whole answer.

    Raises:
        ContractError: `bad_request`: captions are wanted, and the recogniser gave no times.
    """
    result = heard.transcript
    match form.response_format:
        case ResponseFormat.TEXT:
            body = f"{result.text}\n"
        case ResponseFormat.SRT:
            body = srt(captions(_timed_words(result)))
        case ResponseFormat.VTT:
            body = vtt(captions(_timed_words(result)))
        case ResponseFormat.VERBOSE_JSON:
            return _json(_verbose(form, result))
        case _:
            return _json({"text": result.text, "usage": _usage(result), **_languages(result)})
    return HttpAnswer(body=body.encode(), media_type=_TEXT_TYPES[form.response_format])


class TranscriptEvents(AnswerInParts):
    """Server-sent events: a delta for each final, and the whole text in the end.

    The deltas one after the other are the text. Interim results would have to be taken back.
    """

    media_type = "text/event-stream"

    def __init__(self) -> None:
        self._has_begun = False

    def final(self, final: Transcript) -> bytes:
        """Return a final as a delta."""
        delta = f" {final.text}" if self._has_begun else final.text
        self._has_begun = True
        return _event({"type": "transcript.text.delta", "delta": delta})

    def done(self, heard: Heard) -> bytes:
        """Return the whole text."""
        result = heard.transcript
        return _event({"type": "transcript.text.done", "text": result.text, **_languages(result)})

    def failed(self, error: ContractError) -> bytes:
        """Return an error, which the SDKs raise."""
        return _event({"type": "error", **_error(error)})


def refusal(error: ContractError) -> HttpAnswer:
    """Return an error; the SDKs raise a class by its status, and retry as the header says."""
    own = _STATUSES.get(error.code)
    retries = error.retryable and error.code not in _ONLY_MORE_LOAD
    return _json(
        _error(error),
        status=int(own or error.spec.http_status or HTTPStatus.INTERNAL_SERVER_ERROR),
        headers={"x-should-retry": "true" if retries else "false"},
    )


def models(served: Sequence[ServedModel]) -> HttpAnswer:
    """Return the list of models."""
    return _json({"object": "list", "data": [_model(one) for one in served]})


def model(served: ServedModel) -> HttpAnswer:
    """Return one model."""
    return _json(_model(served))


def _model(served: ServedModel) -> dict[str, object]:
    # When it was made nobody says, and the type wants a number.
    return {
        "id": served.name,
        "object": "model",
        "created": 0,
        "owned_by": SERVICE,
        "languages": list(served.languages),
        "streaming": served.is_streaming,
    }


def _verbose(form: TranscriptionForm, result: FileTranscript) -> dict[str, object]:
    heard = (*result.languages, result.language)
    body: dict[str, object] = {
        "task": "transcribe",
        "language": next(filter(None, heard), ""),
        "duration": round(result.duration, 3),
        "text": result.text,
        "usage": _usage(result),
    }
    if form.has_segments and all(segment.words for segment in result.segments):
        body["segments"] = [
            _segment(number, segment, form) for number, segment in enumerate(result.segments)
        ]
    if form.has_words and (result.words or not result.text):
        body["words"] = [
            {"word": word.word, "start": round(word.start, 3), "end": round(word.end, 3)}
            for word in result.words
        ]
    return body


def _segment(number: int, segment: Transcript, form: TranscriptionForm) -> dict[str, object]:
    raw = segment.text.encode()
    return {
        "id": number,
        "seek": 0,
        "start": round(segment.words[0].start, 3),
        "end": round(max(word.end for word in segment.words), 3),
        "text": segment.text,
        "tokens": [],
        "temperature": form.temperature,
        "avg_logprob": 0.0,
        # As Whisper defines it, openai/whisper: utils.py, compression_ratio.
        "compression_ratio": round(len(raw) / len(zlib.compress(raw)), 3),
        "no_speech_prob": 0.0,
        "not_measured": list(_NOT_MEASURED),
        "confidence": segment.confidence,
    }


def _timed_words(result: FileTranscript) -> list[TimedWord]:
    if not all(segment.words for segment in result.segments):
        raise ContractError(
            ErrorCode.BAD_REQUEST,
            detail="Captions need the words' times, and the recogniser gave none; accepted for "
            "response_format: json, text, verbose_json",
        )
    return [word for segment in result.segments for word in _words_of(segment)]


def _words_of(segment: Transcript) -> list[TimedWord]:
    """Return a segment's words, as its text writes them where both have as many."""
    written = segment.text.split()
    if len(written) != len(segment.words):
        written = [word.word for word in segment.words]
    glued = len(written) > 1 and "".join(written) == segment.text
    return [
        TimedWord(text, word.start, word.end, glued=glued and number > 0)
        for number, (text, word) in enumerate(zip(written, segment.words, strict=True))
    ]


def _usage(result: FileTranscript) -> dict[str, object]:
    return {"type": "duration", "seconds": round(result.duration, 3)}


def _languages(result: FileTranscript) -> dict[str, object]:
    found = result.languages
    return {"languages": [{"code": code} for code in found]} if found else {}


def _error(error: ContractError) -> dict[str, object]:
    status = error.spec.http_status or HTTPStatus.INTERNAL_SERVER_ERROR
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        kind = "rate_limit_error"
    elif status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        kind = "server_error"
    else:
        kind = "invalid_request_error"
    param = error.name if isinstance(error, FieldError) else None
    return {
        "error": {
            "message": error.sentence,
            "type": kind,
            "param": param,
            "code": _CODES.get(error.code, error.code.value),
        }
    }


def _event(data: dict[str, object]) -> bytes:
    return f"data: {encoded(data)}\n\n".encode()


def _json(
    data: dict[str, object], *, status: int = 200, headers: dict[str, str] | None = None
) -> HttpAnswer:
    return HttpAnswer(body=encoded(data).encode(), status=status, headers=headers or {})
