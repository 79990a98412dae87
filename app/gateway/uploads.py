"""`POST /transcribe/file`: one recording in, its transcript out."""

import asyncio
from datetime import UTC, datetime
from typing import Final

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive

from app.asr import AsrError, Fault, FileTranscript
from app.contract import ContractError, ErrorCode
from app.gateway.answers import error_response
from app.gateway.core import Gateway
from app.gateway.failures import upload_failure
from app.gateway.hangup import until_hang_up
from app.gateway.http import SERVICE, gateway_of, media_type
from app.gateway.logs import get_logger
from app.gateway.settings import GatewaySettings

_FORM_ROOM_BYTES: Final = 64 * 1024
"""Room for the multipart headers beside the file itself."""

_MAX_FIELDS: Final = 16
_MAX_NAME_CHARS: Final = 255

_log = get_logger(__name__)


async def transcribe_file(request: Request) -> Response:
    """Transcribe the multipart field `file`."""
    gateway = gateway_of(request)
    outcome = "ok"
    try:
        with gateway.admission.session(gateway.let_in(request)):
            return await _transcribe(gateway, request)
    except ClientDisconnect:
        outcome = "disconnected"
        # Nobody is there to read it; Starlette wants one all the same.
        return Response()
    except ContractError as error:
        outcome = error.code.value
        gateway.metrics.errors_sent.labels(outcome).inc()
        # `message` is the predecessor's key for an upload's error.
        return error_response(error, status="error", message=error.sentence)
    finally:
        gateway.metrics.uploads.labels(outcome).inc()


async def _transcribe(gateway: Gateway, request: Request) -> Response:
    name, data = await _file_in_time(request, gateway.settings)
    return await until_hang_up(request.receive, _recognise(gateway, name, data))


async def _recognise(gateway: Gateway, name: str, data: bytes) -> Response:
    if not await gateway.readiness.confirm():
        raise ContractError(ErrorCode.ASR_UNAVAILABLE)
    try:
        result = await gateway.asr.transcribe_file(
            data, max_duration=gateway.settings.app_max_upload_s
        )
    except AsrError as error:
        if error.fault is not Fault.CALLER:
            gateway.metrics.upstream_errors.labels(str(error.code)).inc()
        _log.warning("upload failed", code=str(error.code), detail=error.detail)
        raise upload_failure(error, name, gateway.settings.max_upload_bytes) from error
    gateway.metrics.audio_seconds.inc(result.duration)
    _log.info("upload transcribed", audio_s=round(result.duration, 3), words=len(result.words))
    return JSONResponse(_answer(name, result))


async def _file_in_time(request: Request, settings: GatewaySettings) -> tuple[str, bytes]:
    """Take the upload; one that trickles in would keep its slot for ever."""
    limit = settings.app_upload_timeout_s
    try:
        async with asyncio.timeout(limit):
            return await _file_of(request, settings.max_upload_bytes)
    except TimeoutError as error:
        raise ContractError(
            ErrorCode.BAD_REQUEST, detail=f"The upload did not arrive within {limit:g} s"
        ) from error


async def _file_of(request: Request, limit: int) -> tuple[str, bytes]:
    too_big = ContractError(ErrorCode.UPLOAD_TOO_BIG, limit=limit)
    room = limit + _FORM_ROOM_BYTES
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > room:
        raise too_big
    if media_type(request.headers.get("content-type", "")) != "multipart/form-data":
        raise ContractError(
            ErrorCode.BAD_REQUEST,
            detail="Content-Type must be multipart/form-data with a field named file",
        )
    limited = Request(request.scope, _at_most(request.receive, room, too_big))
    try:
        async with limited.form(max_files=1, max_fields=_MAX_FIELDS) as form:
            part = form.get("file")
            if not isinstance(part, UploadFile):
                raise ContractError(
                    ErrorCode.BAD_REQUEST, detail="The form has no file in a field named file"
                )
            data = await part.read()
            name = (part.filename or "")[:_MAX_NAME_CHARS]
    except HTTPException as error:
        raise ContractError(ErrorCode.BAD_REQUEST, detail=error.detail) from error
    if len(data) > limit:
        raise too_big
    if not data:
        raise ContractError(ErrorCode.BAD_REQUEST, detail="The file is empty")
    return name, data


def _at_most(receive: Receive, limit: int, too_big: ContractError) -> Receive:
    """Count what comes: a chunked upload declares no length."""
    received = 0

    async def counted() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise too_big
        return message

    return counted


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
