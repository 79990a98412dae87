"""Recognize: a whole recording in one message, in the line of the uploads."""

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from app.asr import AsrError, Fault, FileTranscript, SessionOptions
from app.contract import ContractError, ErrorCode
from app.gateway.admission.access import check_model
from app.gateway.admission.clients import Visitor
from app.gateway.core import Gateway
from app.gateway.dialects.intents import SessionRequest
from app.gateway.failures import upload_failure
from app.gateway.grpc_front import requests
from app.gateway.grpc_front.call import Context, one_message, request_of
from app.gateway.grpc_front.naming import with_served_model
from app.gateway.grpc_front.requests import Message, invalid, parsed
from app.gateway.grpc_front.responses import file_response
from app.gateway.identity.identity import Scope
from app.gateway.telemetry.faults import FAULTS, REFUSALS
from app.gateway.telemetry.logs import get_logger
from app.gateway.telemetry.trace_context import Metadata, TraceContext, trace_context_of
from app.gateway.upload_turn import upload_turn
from app.gateway.uploads.queue import UploadSlot
from app.recordings import certain_name_of

_FORMATS: Final = {"pcm16": (1, 16), "alaw": (6, 8), "mulaw": (7, 8)}
"""Tag and bits of a sample, in a RIFF header (RFC 2361)."""

_HEADER_BYTES: Final = 36
"""Of a RIFF file with one chunk of format and one of samples, behind its first eight."""

_NAME: Final = "The audio"

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Recording:
    """What was sent, and what is asked of it."""

    message: Message
    asked: SessionRequest
    options: SessionOptions
    group: str


async def recognise(gateway: Gateway, context: Context, path: str) -> bytes:
    """Return the response to one recording; what it held of the gateway is free by then.

    Raises:
        ContractError: Why there is none.
    """
    request = request_of(context, path)
    visitor = await gateway.authorise(request, Scope.FILE)
    trace = trace_context_of(request.headers)
    with (
        _traced(gateway, trace) as metadata,
        # Which group it is for only the message says, which is not taken without a place.
        gateway.uploads.slot(visitor, _open_group(gateway)) as slot,
    ):
        data = await one_message(context, gateway.settings.app_upload_timeout_s)
        slot.hold(len(data))
        recording = _read(gateway, data, visitor, metadata)
        heard = await _hear(gateway, slot, recording)
    return file_response(
        heard,
        words=requests.wants_words(recording.message.config),
        request_id=requests.request_id(recording.message),
    )


def _open_group(gateway: Gateway) -> str:
    """Return a group that has sessions, the default one first."""
    groups = gateway.asr.groups
    return next((one for one in groups if gateway.admission.slots_of(one)), groups[0])


@contextmanager
def _traced(gateway: Gateway, trace: TraceContext) -> Iterator[Metadata]:
    """Trace a recording, where traces are on; give what goes with each call to the recogniser."""
    if gateway.tracing is None:
        yield trace.metadata
        return
    spans = gateway.tracing.upload(trace)
    outcome = ErrorCode.INTERNAL_ERROR.value
    try:
        yield spans.metadata
        outcome = "ok"
    except ContractError as error:
        outcome = error.code.value
        raise
    finally:
        spans.ended(outcome, is_fault=outcome in FAULTS | REFUSALS)


def _read(gateway: Gateway, data: bytes, visitor: Visitor, metadata: Metadata) -> _Recording:
    message = parsed(requests.FileRequest, data)
    rate = gateway.settings.audio_sample_rate
    said = requests.session_request(message.config, interims=False, default_rate=rate)
    asked = with_served_model(gateway, visitor.limits, said)
    options = SessionOptions(
        hotwords=asked.hotwords,
        hotword_boost=asked.hotword_boost,
        language=asked.language,
        model=asked.model,
        custom_configuration=asked.custom_configuration,
        metadata=metadata,
    )
    try:
        group, model = gateway.asr.group_of(options), gateway.asr.model_of(options)
    except AsrError as error:
        raise ContractError(ErrorCode.BAD_REQUEST, detail=error.message) from error
    check_model(visitor.limits, model)
    gateway.admission.check_upload(visitor, group)
    return _Recording(message, asked, options, group)


async def _hear(gateway: Gateway, slot: UploadSlot, recording: _Recording) -> FileTranscript:
    settings, options, group = gateway.settings, recording.options, recording.group
    log = _log.bind(dialect="riva", group=group)
    try:
        async with (
            gateway.asr.file(
                io.BytesIO(_file(recording)),
                max_bytes=settings.max_upload_bytes,
                max_duration=settings.app_max_upload_s,
                programs=settings.audio_ffmpeg,
            ) as audio,
            upload_turn(gateway, slot, audio, group),
        ):
            heard = await gateway.asr.transcribe_file(
                audio,
                hotwords=options.hotwords,
                hotword_boost=options.hotword_boost,
                language=options.language,
                model=options.model,
                custom_configuration=options.custom_configuration,
                spelling=recording.asked.spelling,
                metadata=options.metadata,
            )
    except AsrError as error:
        if error.fault is not Fault.CALLER:
            gateway.metrics.upstream_errors.labels(str(error.code), group).inc()
        log.warning("upload failed", code=str(error.code), detail=error.detail)
        raise upload_failure(error, _NAME, settings.max_upload_bytes) from error
    gateway.metrics.audio_seconds.inc(heard.duration)
    log.info("upload transcribed", audio_s=round(heard.duration, 3), words=len(heard.words))
    return heard


def _file(recording: _Recording) -> bytes:
    """Return the audio as a file: as it came where it has a header, else with one of RIFF."""
    audio, config = bytes(recording.message.audio), recording.message.config
    mark = requests.CONTAINERS.get(config.encoding, b"")
    if not audio.startswith(mark):
        raise invalid("audio", "without its header", f"{mark.decode()!r} at its begin")
    if mark or certain_name_of(audio) is not None:
        return audio
    asked = recording.asked
    tag, bits = _FORMATS[asked.encoding]
    frame = asked.channels * bits // 8
    return (
        struct.pack("<4sI4s4sI", b"RIFF", _HEADER_BYTES + len(audio), b"WAVE", b"fmt ", 16)
        + struct.pack("<HHI", tag, asked.channels, asked.sample_rate)
        + struct.pack("<IHH", asked.sample_rate * frame, frame, bits)
        + struct.pack("<4sI", b"data", len(audio))
        + audio
    )
