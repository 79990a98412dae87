"""`POST /transcribe/file`: transcribe an uploaded recording."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from app.asr import AsrError, Fault, FileAudio, FileTranscript, SessionOptions
from app.contract import ContractError, ErrorCode
from app.gateway.admission.access import check_model
from app.gateway.core import Gateway
from app.gateway.failures import upload_failure
from app.gateway.identity.identity import ClientLimits, Scope
from app.gateway.server.answers import error_response
from app.gateway.server.pages import SERVICE, gateway_of
from app.gateway.telemetry.faults import FAULTS, REFUSALS
from app.gateway.telemetry.logs import get_logger
from app.gateway.telemetry.trace_context import Metadata, TraceContext, trace_context_of
from app.gateway.uploads.hangup import until_hang_up
from app.gateway.uploads.queue import QueuedUpload, UploadQueue, UploadSlot
from app.gateway.uploads.reception import Received, received

if TYPE_CHECKING:
    from app.gateway.tracing.spans import UploadSpans

_LEAST_BYTES_S: Final = 1000
"""Of a second of speech, however it is coded: where a header does not say how long it is."""

_LANGUAGE: Final = "language"
"""Of the query, as the form comes after the decision who takes it."""

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What an upload asks for.

    Attributes:
        language: BCP 47 code; None for the configured one.
        group: The group of recognisers that goes with it.
    """

    language: str | None
    group: str


@dataclass(frozen=True, slots=True)
class _Traced:
    """The trace of one upload.

    Attributes:
        context: The client's, or a new one.
        spans: Of the upload; None where traces are off.
    """

    context: TraceContext
    spans: "UploadSpans | None"

    @property
    def metadata(self) -> Metadata:
        """What goes with each call to the recogniser."""
        return self.context.metadata if self.spans is None else self.spans.metadata


async def transcribe_file(request: Request) -> Response:
    """Transcribe the multipart field `file`, in the language that the query names."""
    gateway = gateway_of(request)
    outcome = "ok"
    try:
        return await _transcribe(gateway, request)
    except ClientDisconnect:
        outcome = "disconnected"
        # Nobody is there to read it; Starlette wants one all the same.
        return Response()
    except ContractError as error:
        outcome = error.code.value
        gateway.metrics.errors_sent.labels(outcome).inc()
        # `message` is the predecessor's key for an upload's error.
        response = error_response(error, status="error", message=error.sentence)
        if error.code is ErrorCode.UPLOAD_TOO_SLOW:
            # What is still to come would come as slowly.
            response.headers["Connection"] = "close"
        return response
    finally:
        gateway.metrics.uploads.labels(outcome).inc()


async def _transcribe(gateway: Gateway, request: Request) -> Response:
    visitor = await gateway.authorise(request, Scope.FILE)
    asked = _asked(gateway, request, visitor.limits)
    with _traced(gateway, request) as trace, gateway.uploads.slot(visitor, asked.group) as slot:
        async with received(request, slot, gateway.settings, gateway.drain_begun) as upload:
            hearing = _recognise(gateway, slot, upload, asked, trace)
            return await until_hang_up(request.receive, hearing)


@contextmanager
def _traced(gateway: Gateway, request: Request) -> Iterator[_Traced]:
    """Trace an upload: its spans end with the block."""
    context = trace_context_of(request.headers)
    spans = None if gateway.tracing is None else gateway.tracing.upload(context)
    outcome = ErrorCode.INTERNAL_ERROR.value
    try:
        yield _Traced(context, spans)
        outcome = "ok"
    except ClientDisconnect:
        outcome = "disconnected"
        raise
    except ContractError as error:
        outcome = error.code.value
        raise
    finally:
        if spans is not None:
            spans.ended(outcome, is_fault=outcome in FAULTS | REFUSALS)


def _asked(gateway: Gateway, request: Request, limits: ClientLimits) -> _Asked:
    """Read what the request asks for beside its file, before that is received.

    Raises:
        ContractError: `bad_request`: the language is none; `model_not_allowed`: the client may not
            ask for the model that goes with it.
    """
    language = request.query_params.get(_LANGUAGE) or None
    options = SessionOptions(language=language)
    try:
        group, model = gateway.asr.group_of(options), gateway.asr.model_of(options)
    except AsrError as error:
        raise ContractError(ErrorCode.BAD_REQUEST, detail=error.message) from error
    check_model(limits, model)
    return _Asked(language, group)


async def _recognise(
    gateway: Gateway, slot: UploadSlot, upload: Received, asked: _Asked, trace: _Traced
) -> Response:
    log = _log.bind(group=asked.group, trace_id=trace.context.trace_id)
    try:
        result = await _hear(gateway, slot, upload, asked, trace)
    except AsrError as error:
        if error.fault is not Fault.CALLER:
            gateway.metrics.upstream_errors.labels(str(error.code), asked.group).inc()
        log.warning("upload failed", code=str(error.code), detail=error.detail)
        raise upload_failure(error, upload.name, gateway.settings.max_upload_bytes) from error
    gateway.metrics.audio_seconds.inc(result.duration)
    log.info("upload transcribed", audio_s=round(result.duration, 3), words=len(result.words))
    return JSONResponse(_answer(upload.name, result))


async def _hear(
    gateway: Gateway, slot: UploadSlot, upload: Received, asked: _Asked, trace: _Traced
) -> FileTranscript:
    uploads, settings = gateway.uploads, gateway.settings
    if trace.spans is not None:
        trace.spans.arrived()
    async with gateway.asr.file(
        upload.file, max_bytes=settings.max_upload_bytes, max_duration=settings.app_max_upload_s
    ) as recording:
        promised = recording.promised_duration
        if promised is None:
            promised = slot.held / _LEAST_BYTES_S
        seconds = min(promised, settings.app_max_upload_s)
        async with uploads.turn(slot, seconds, asked.group) as turn:
            recording.on_decoded = partial(_keep_within, uploads, turn, recording)
            if not await gateway.readiness.confirm(asked.group):
                raise ContractError(ErrorCode.ASR_UNAVAILABLE)
            if trace.spans is not None:
                trace.spans.admitted()
            return await gateway.asr.transcribe_file(
                recording, language=asked.language, metadata=trace.metadata
            )


async def _keep_within(
    uploads: UploadQueue, turn: QueuedUpload, recording: FileAudio, seconds: float
) -> None:
    uploads.hold(turn, recording.duration)
    await uploads.keep_pace(seconds)


def _answer(name: str, result: FileTranscript) -> dict[str, object]:
    return {
        "status": "success",
        "filename": name,
        "transcript": result.text,
        "confidence": result.confidence,
        "duration": round(result.duration, 3),
        "service": SERVICE,
        "timestamp": datetime.now(UTC).isoformat(),
        "words": [
            {
                "word": word.word,
                "start": round(word.start, 3),
                "end": round(word.end, 3),
                "confidence": word.confidence,
            }
            for word in result.words
        ],
        "warnings": list(result.warnings),
    }
