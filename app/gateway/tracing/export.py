"""Sends spans to a collector by OTLP, from a thread of its own.

Spans wait in a queue that holds so many; what comes beyond replaces the oldest. A collector that is
slow, gone or full of errors costs spans and nothing else: no stream waits for it.
"""

import asyncio
import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Final
from uuid import uuid4

import grpc
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    DEFAULT_OFF,
    DEFAULT_ON,
    ParentBasedTraceIdRatio,
    Sampler,
    TraceIdRatioBased,
)

from app.certificates import facts_of_authorities
from app.followed_files import FollowedFiles
from app.gateway.settings.gateway import GatewaySettings
from app.gateway.settings.traces import OtlpProtocol, TraceSampler
from app.gateway.telemetry.logs import get_logger
from app.gateway.telemetry.metrics import GatewayMetrics
from app.gateway.tracing.spans import TraceIds, Tracing

_QUEUED: Final = 4096
"""Spans that wait at most: some 8 MB, the finals of minutes."""
_BATCH: Final = 512
_EVERY_MS: Final = 2000
_GOODBYE_S: Final = 3.0
"""How long the process waits at its end for what is not sent yet."""
_MOST_ATTRIBUTES: Final = 32

_log = get_logger(__name__)


class WatchedExporter(SpanExporter):
    """Counts what an exporter sends, and logs when it begins to fail and when it works again.

    Its own log says so for each batch, and the reason nowhere else: of that a line is kept.

    Args:
        exporter: Sends.
        metrics: Count.
    """

    def __init__(self, exporter: SpanExporter, metrics: GatewayMetrics) -> None:
        self._exporter = exporter
        self._next: SpanExporter | None = None
        self._sent = metrics.trace_spans_sent
        self._works: bool | None = None
        self._said = FirstLine()
        for name in ("opentelemetry.exporter", "opentelemetry.sdk"):
            library = logging.getLogger(name)
            library.handlers, library.propagate = [self._said], False
            library.setLevel(logging.WARNING)

    def replace(self, exporter: SpanExporter) -> None:
        """Send by another exporter from the next batch on."""
        self._next = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch."""
        if self._next is not None:
            # Here alone, in the thread that sends: none is shut down under a batch.
            self._exporter.shutdown()
            self._exporter, self._next = self._next, None
        self._said.text = ""
        try:
            result = self._exporter.export(spans)
        except Exception as error:  # noqa: BLE001 - whatever it was, streams go on
            self._said.text = repr(error)
            result = SpanExportResult.FAILURE
        works = result is SpanExportResult.SUCCESS
        if works:
            self._sent.inc(len(spans))
        if works is not self._works:
            self._works = works
            if works:
                _log.info("traces are sent")
            else:
                _log.warning("traces cannot be sent, and spans are lost", detail=self._said.text)
        return result

    def shutdown(self) -> None:
        """Send no more, and end a wait between two attempts."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Return True: nothing waits here."""
        return self._exporter.force_flush(timeout_millis)


class FirstLine(logging.Handler):
    """Keeps the first line of a log: those after it say that there were further attempts.

    Attributes:
        text: The line; may be emptied for another one.
    """

    text = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.text = self.text or record.getMessage()


class SpanCount(SpanProcessor):
    """Counts the spans that ended; what is not among those sent in time is lost."""

    def __init__(self, metrics: GatewayMetrics) -> None:
        self._spans = metrics.trace_spans

    def on_end(self, span: ReadableSpan) -> None:  # noqa: ARG002 - of any span
        """Count one."""
        self._spans.inc()


def tracing_by(settings: GatewaySettings, metrics: GatewayMetrics, version: str) -> Tracing:
    """Begin to send spans as the settings say; the thread that does runs from now on."""
    ids = TraceIds()
    certificate = settings.otel_exporter_otlp_certificate
    watched = WatchedExporter(_exporter(settings, _bytes_of(certificate)), metrics)
    batches = BatchSpanProcessor(
        watched,
        max_queue_size=_QUEUED,
        max_export_batch_size=_BATCH,
        schedule_delay_millis=_EVERY_MS,
        export_timeout_millis=settings.otel_exporter_otlp_timeout,
    )
    provider = TracerProvider(
        sampler=_sampler(settings),
        resource=_resource(settings, version),
        id_generator=ids,
        span_limits=SpanLimits(max_span_attributes=_MOST_ATTRIBUTES),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(SpanCount(metrics))
    provider.add_span_processor(batches)
    _log.info(
        "traces are on",
        endpoint=settings.otel_exporter_otlp_endpoint,
        protocol=settings.otel_exporter_otlp_protocol.value,
        sampler=settings.otel_traces_sampler.value,
    )

    async def close() -> None:
        await _within(_GOODBYE_S, batches)

    followed = (
        ()
        if certificate is None
        else (
            FollowedFiles(
                "OTEL_EXPORTER_OTLP_CERTIFICATE",
                [certificate],
                _authorities,
                lambda pem: watched.replace(_exporter(settings, pem)),
            ),
        )
    )
    return Tracing(provider.get_tracer("perch.gateway", version), ids, close, followed)


def _authorities(contents: Sequence[bytes]) -> bytes:
    facts_of_authorities(contents[0])
    return contents[0]


async def _within(seconds: float, batches: BatchSpanProcessor) -> None:
    """Send what waits, and leave the rest once the time is over."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def shut_down() -> None:
        batches.shutdown()  # type: ignore[no-untyped-call]  # theirs has no annotations
        with suppress(RuntimeError):  # the loop may have gone on without us, and ended
            loop.call_soon_threadsafe(done.set)

    # A daemon: a collector that never answers must not keep the process alive.
    threading.Thread(target=shut_down, name="traces-end", daemon=True).start()
    try:
        async with asyncio.timeout(seconds):
            await done.wait()
    except TimeoutError:
        _log.warning("traces: the collector did not take the last spans in time")
        batches.span_exporter.shutdown()


def _exporter(settings: GatewaySettings, authorities: bytes | None) -> SpanExporter:
    endpoint, headers = settings.otel_exporter_otlp_endpoint, settings.trace_headers()
    if settings.otel_exporter_otlp_protocol is OtlpProtocol.GRPC:
        return GrpcExporter(
            endpoint,
            insecure=(endpoint or "").startswith("http://"),
            credentials=grpc.ssl_channel_credentials(authorities),
            headers={name.lower(): value for name, value in headers.items()},
            timeout=settings.trace_timeout_s,
            compression=grpc.Compression.NoCompression,
        )
    certificate = settings.otel_exporter_otlp_certificate
    return HttpExporter(
        f"{endpoint}/v1/traces",
        certificate_file=None if certificate is None else str(certificate),
        headers=headers,
        timeout=settings.trace_timeout_s,
    )


def _bytes_of(certificate: Path | None) -> bytes | None:
    return None if certificate is None else certificate.read_bytes()


def _sampler(settings: GatewaySettings) -> Sampler:
    ratio = settings.otel_traces_sampler_arg
    match settings.otel_traces_sampler:
        case TraceSampler.ALWAYS_ON:
            return ALWAYS_ON
        case TraceSampler.ALWAYS_OFF:
            return ALWAYS_OFF
        case TraceSampler.RATIO:
            return TraceIdRatioBased(ratio)
        case TraceSampler.PARENT_OR_ON:
            return DEFAULT_ON
        case TraceSampler.PARENT_OR_OFF:
            return DEFAULT_OFF
        case TraceSampler.PARENT_OR_RATIO:
            return ParentBasedTraceIdRatio(ratio)


def _resource(settings: GatewaySettings, version: str) -> Resource:
    """Return what every span carries; what an operator names wins."""
    return Resource(
        {
            "telemetry.sdk.language": "python",
            "telemetry.sdk.name": "opentelemetry",
            "telemetry.sdk.version": version_of("opentelemetry-sdk"),
            "service.version": version,
            "service.instance.id": str(uuid4()),
            **settings.trace_attributes(),
            "service.name": settings.otel_service_name,
        }
    )
