"""Transcribes an uploaded recording, in whatever dialect it is posted."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from app.asr import AsrError, Fault, FileTranscript, SessionOptions
from app.contract import ContractError, ErrorCode
from app.gateway.admission.access import check_model
from app.gateway.core import Gateway
from app.gateway.dialects.upload import AnswerInParts, Asked, Heard, UploadCodec, UploadRequest
from app.gateway.failures import upload_failure
from app.gateway.identity.identity import ClientLimits, Scope
from app.gateway.model_choice import ModelNames
from app.gateway.server.pages import gateway_of
from app.gateway.server.replies import Reply, WrongMethodError
from app.gateway.telemetry.faults import FAULTS, REFUSALS
from app.gateway.telemetry.logs import get_logger
from app.gateway.telemetry.trace_context import Metadata, TraceContext, trace_context_of
from app.gateway.upload_turn import upload_turn
from app.gateway.uploads.form import FormRules
from app.gateway.uploads.hangup import until_hang_up
from app.gateway.uploads.queue import UploadSlot
from app.gateway.uploads.reception import Received, received

if TYPE_CHECKING:
    from app.gateway.tracing.spans import UploadSpans

End: TypeAlias = Callable[[], Awaitable[None]]

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What an upload asks for, in the recogniser's names.

    Attributes:
        asked: In the client's.
        model: As the recogniser lists it; None for the configured one.
        group: The group of recognisers that goes with it.
    """

    asked: Asked
    model: str | None
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


class TranscribeFile:
    """Answers uploads of one dialect, as an ASGI application.

    Args:
        dialect: How they are posted and answered.
    """

    def __init__(self, dialect: type[UploadCodec]) -> None:
        self._dialect = dialect

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Transcribe a file, or say in the dialect's words why not."""
        request = Request(scope, receive, send)
        gateway = gateway_of(request)
        outcome = "ok"
        reply = Reply(self._dialect, send)
        try:
            await _transcribe(gateway, request, self._dialect, reply)
        except ClientDisconnect:
            outcome = "disconnected"
        except ContractError as error:
            outcome = error.code.value
            gateway.metrics.errors_sent.labels(outcome).inc()
            await reply.fail(error)
        finally:
            gateway.metrics.uploads.labels(outcome).inc()


async def _transcribe(
    gateway: Gateway, request: Request, dialect: type[UploadCodec], reply: Reply
) -> None:
    if request.method != "POST":
        raise WrongMethodError(request.method, "POST")
    visitor = await gateway.authorise(request, Scope.FILE)
    codec = dialect.open(
        UploadRequest(
            path=request.scope["path"],
            query=request.query_params,
            options=request.query_params.multi_items(),
            content_type=request.headers.get("content-type", ""),
        )
    )
    asked = codec.before_form()
    group = None if asked is None else _wanted(gateway, asked, visitor.limits).group
    is_file = dialect.body_is_file
    rules = None if is_file else FormRules(dialect.texts, dialect.most_parts)
    with _traced(gateway, request) as trace, gateway.uploads.slot(visitor, group) as slot:
        async with received(request, slot, gateway.settings, gateway.drain_begun, rules) as upload:
            wanted = _wanted(gateway, codec.asked(upload.texts), visitor.limits)
            if group is None:
                gateway.uploads.check(visitor, wanted.group)
            work = _recognise(_Upload(gateway, slot, upload, wanted, trace), codec, reply)
            end = await until_hang_up(request.receive, work)
    # Who reads the end may post the next one at once: what this one held is free by then.
    await end()


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


def _wanted(gateway: Gateway, asked: Asked, limits: ClientLimits) -> _Wanted:
    """Look up who has what is asked for.

    Raises:
        ContractError: `bad_request`: the language is none; `model_not_found`, `asr_unavailable`;
            `model_not_allowed`: the client may not ask for the model that goes with it.
    """
    options = SessionOptions(language=asked.language)
    try:
        group, model = gateway.asr.group_of(options), gateway.asr.model_of(options)
    except AsrError as error:
        raise ContractError(ErrorCode.BAD_REQUEST, detail=error.message) from error
    if asked.model is None:
        check_model(limits, model)
        return _Wanted(asked, None, group)
    groups = gateway.asr.groups if asked.language is None else (group,)
    chosen = ModelNames(gateway.asr, gateway.settings, limits).choose(asked.model, groups)
    check_model(limits, chosen.model or model)
    return _Wanted(asked, chosen.model, chosen.group or group)


@dataclass(frozen=True, slots=True)
class _Upload:
    """An upload that has arrived, and what belongs to it."""

    gateway: Gateway
    slot: UploadSlot
    received: Received
    wanted: _Wanted
    trace: _Traced


async def _recognise(upload: _Upload, codec: UploadCodec, reply: Reply) -> End:
    """Recognise an upload; return what sends its answer, or the end of one that came in parts."""
    gateway, group = upload.gateway, upload.wanted.group
    log = _log.bind(dialect=codec.name, group=group, trace_id=upload.trace.context.trace_id)
    parts = codec.in_parts()
    try:
        result = await _hear(upload, parts, reply)
    except AsrError as error:
        if error.fault is not Fault.CALLER:
            gateway.metrics.upstream_errors.labels(str(error.code), group).inc()
        log.warning("upload failed", code=str(error.code), detail=error.detail)
        limit = gateway.settings.max_upload_bytes
        raise upload_failure(error, upload.received.name, limit) from error
    gateway.metrics.audio_seconds.inc(result.duration)
    log.info("upload transcribed", audio_s=round(result.duration, 3), words=len(result.words))
    heard = Heard(filename=upload.received.name, transcript=result, sha256=upload.received.sha256)
    if parts is None:
        return partial(reply.whole, codec.answer(heard))
    return partial(reply.last_part, parts, parts.done(heard))


async def _hear(upload: _Upload, parts: AnswerInParts | None, reply: Reply) -> FileTranscript:
    gateway, slot, trace, wanted = upload.gateway, upload.slot, upload.trace, upload.wanted
    settings = gateway.settings
    if trace.spans is not None:
        trace.spans.arrived()
    async with (
        gateway.asr.file(
            upload.received.file,
            max_bytes=settings.max_upload_bytes,
            max_duration=settings.app_max_upload_s,
            programs=settings.audio_ffmpeg,
        ) as recording,
        upload_turn(gateway, slot, recording, wanted.group),
    ):
        if trace.spans is not None:
            trace.spans.admitted()
        return await gateway.asr.transcribe_file(
            recording,
            language=wanted.asked.language,
            model=wanted.model,
            hotwords=wanted.asked.hotwords,
            group=wanted.group,
            metadata=trace.metadata,
            tell=None if parts is None else partial(reply.final, parts),
        )
