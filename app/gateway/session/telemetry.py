"""The metrics and log lines of a connection, and the counters a client may ask for."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

from app.asr import AsrError, Interrupted, Resumed, Word
from app.contract import CloseCode, ContractError, ErrorCode
from app.gateway.core import Gateway
from app.gateway.dialects.events import Counts
from app.gateway.session.recognition import Recognition
from app.gateway.session.speech_clock import SpeechClock, SpeechLatency
from app.gateway.telemetry import stream_log
from app.gateway.telemetry.faults import FAULTS, REFUSALS
from app.gateway.telemetry.logs import get_logger
from app.gateway.telemetry.trace_context import Metadata, TraceContext

if TYPE_CHECKING:
    from app.gateway.tracing.spans import StreamSpans

_log = get_logger(__name__)
_KNOWN_CLOSE_CODES = {int(member) for member in CloseCode} | {1005, 1006}


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a connection comes from.

    Attributes:
        connection_id: For log lines.
        dialect: Name of the client's.
        client: Keyed hash of whose it is.
        trace: Which trace it belongs to.
    """

    connection_id: str
    dialect: str
    client: bytes
    trace: TraceContext


@dataclass(slots=True)
class _Stream:
    """What is counted of the session that runs."""

    stream_id: str
    speech: SpeechClock
    received: int
    interims: int = 0
    finals: int = 0
    replays: int = 0
    outage_s: float = 0.0
    first_interim_s: float | None = None
    worst_final_s: float | None = None

    def note(self, latency: SpeechLatency) -> None:
        if self.first_interim_s is None:
            self.first_interim_s = latency.first_interim
        if latency.final is not None:
            self.worst_final_s = max(latency.final, self.worst_final_s or 0.0)


class SessionTelemetry:
    """Counts for one connection and for the gateway.

    Args:
        gateway: Where the gateway's counters are.
        origin: The connection.
    """

    def __init__(self, gateway: Gateway, origin: Origin) -> None:
        self._gateway = gateway
        self._metrics = gateway.metrics
        self._origin = origin
        self._exemplar = {"trace_id": origin.trace.trace_id}
        self._created_at = datetime.now(UTC)
        self._messages = self._bytes = 0
        self._finals = 0
        self._ended_audio_s = 0.0
        self._stream: _Stream | None = None
        # None where traces are off, and for a stream that the sampler left out.
        self._spans: StreamSpans | None = None
        self._log = _log.bind(connection_id=origin.connection_id, dialect=origin.dialect)
        gateway.totals.connections += 1
        self._metrics.connections.labels(origin.dialect).inc()

    def audio_message(self, size: int) -> None:
        """Count an audio message of so many bytes."""
        self._messages += 1
        self._bytes += size
        self._gateway.totals.audio_messages += 1

    @contextmanager
    def asking(self) -> Iterator[Metadata]:
        """Note that a session is asked for, and a ContractError of the block that it is refused.

        Yields:
            By what the recogniser's own spans join the client's trace.
        """
        tracing = self._gateway.tracing
        if tracing is None:
            yield self._origin.trace.metadata
            return
        named = {
            "perch.connection_id": self._origin.connection_id,
            "perch.dialect": self._origin.dialect,
        }
        spans = tracing.stream(self._origin.trace, named)
        self._spans = spans if spans.is_recorded else None
        try:
            yield spans.metadata
        except ContractError as error:
            self.session_refused(error.code.value)
            raise

    def session_refused(self, reason: str) -> None:
        """Note that the session asked for does not begin, and why."""
        spans, self._spans = self._spans, None
        if spans is not None:
            spans.refused(reason, is_fault=reason in REFUSALS)

    def session_started(self, recognition: Recognition) -> None:
        """Count and log a session."""
        request = recognition.request
        self._metrics.sessions_started.labels(self._origin.dialect, recognition.group).inc()
        self._stream = stream = _Stream(
            uuid4().hex, SpeechClock(recognition.arrivals), received=self._bytes
        )
        line = stream_log.StreamStarted(
            **self._identity(stream, recognition),
            language=request.language,
            sample_rate=request.sample_rate,
            encoding=request.encoding,
            channels=request.channels,
            hotwords=len(request.hotwords),
            resumable=request.resumable,
            resumed_at=None if recognition.resumed is None else recognition.resumed.position,
        )
        _log.info(stream_log.STARTED, **line.model_dump())
        if self._spans is not None:
            arrivals = recognition.arrivals
            self._spans.admitted(line, lambda: arrivals.first_arrival)
        if recognition.resumed is not None:
            self._metrics.resumes.labels("ok").inc()

    def interrupted(self, recognition: Recognition, event: Interrupted) -> None:
        """Count that the recogniser was lost."""
        self._metrics.interruptions.labels(str(event.code), recognition.group).inc()
        self._metrics.upstream_streams.labels(str(event.code), recognition.group).inc()
        if self._spans is not None:
            self._spans.lost(str(event.code))

    def reopened(self, event: Resumed) -> None:
        """Count that the recogniser is back."""
        self._metrics.reopenings.inc()
        self._metrics.outage_seconds.observe(event.outage)
        if self._stream is not None:
            self._stream.replays += 1
            self._stream.outage_s += event.outage
        if self._spans is not None:
            self._spans.replayed(event.replayed_from, event.outage)

    def result(self, recognition: Recognition, final: Sequence[Word] | None, age: float) -> None:
        """Count a result that was sent, before the recognition notes it.

        Args:
            recognition: What it is of.
            final: The words of a final; None for an interim.
            age: Of the result, in seconds.
        """
        metrics, stream = self._metrics, self._stream
        metrics.queue_wait_seconds.observe(recognition.session.unsent)
        if final is not None:
            metrics.finals.inc()
            metrics.final_ages.observe(age)
            self._finals += 1
            self._gateway.totals.finals += 1
            if stream is not None:
                stream.finals += 1
                latency = stream.speech.final(final)
                self._heard(stream, latency)
                if self._spans is not None:
                    self._spans.final(recognition.segment_id, len(final), latency.final, age)
        else:
            metrics.interims.inc()
            metrics.interim_ages.observe(age)
            if stream is not None:
                stream.interims += 1
                if (gap := stream.speech.interim()) is not None:
                    metrics.interim_gap_seconds.observe(gap)
                if self._spans is not None and stream.interims == 1:
                    self._spans.first_interim()
        first = recognition.arrivals.first_arrival
        if recognition.results == 0 and first is not None:
            metrics.first_result_seconds.observe(monotonic() - first)

    def _heard(self, stream: _Stream, latency: SpeechLatency) -> None:
        stream.note(latency)
        if latency.first_interim is not None:
            self._metrics.first_interim_seconds.observe(latency.first_interim, self._exemplar)
        if latency.final is not None:
            self._metrics.final_seconds.observe(latency.final, self._exemplar)

    def upstream_error(self, recognition: Recognition, error: AsrError) -> None:
        """Count and log a failure of the recogniser."""
        self._metrics.upstream_errors.labels(str(error.code), recognition.group).inc()
        self._metrics.upstream_streams.labels(str(error.code), recognition.group).inc()
        self._log.warning(
            "recogniser failed",
            session_id=recognition.session_id,
            trace_id=self._origin.trace.trace_id,
            group=recognition.group,
            code=str(error.code),
            retryable=error.retryable,
            detail=error.detail,
        )

    def error_sent(self, error: ContractError) -> None:
        """Count an error sent to the client."""
        self._metrics.errors_sent.labels(error.code.value).inc()
        if error.code is ErrorCode.RESUME_REJECTED:
            self._metrics.resumes.labels("rejected").inc()

    def session_ended(
        self, recognition: Recognition, reason: str, close_code: int | None = None
    ) -> None:
        """Count and log the end of a session, and the code its connection ends with, if it does."""
        wall = monotonic() - recognition.started_at
        audio = recognition.new_audio_seconds
        self._ended_audio_s += audio
        self._metrics.sessions_ended.labels(reason).inc()
        self._metrics.session_seconds.observe(wall)
        flush = None
        if recognition.stopped_at is not None and reason == "stopped":
            flush = monotonic() - recognition.stopped_at
            self._metrics.flush_seconds.observe(flush)
            self._metrics.upstream_streams.labels("OK", recognition.group).inc()
        stream, self._stream = self._stream, None
        if stream is None:
            return
        resumes: Literal[0, 1] = 0 if recognition.resumed is None else 1
        line = stream_log.StreamEnded(
            **self._identity(stream, recognition),
            reason=reason,
            close_code=close_code,
            duration_s=round(wall, 3),
            audio_s=round(audio, 3),
            audio_bytes=self._bytes - stream.received,
            rtfx=round(audio / wall, 3) if wall > 0 else None,
            interims=stream.interims,
            finals=stream.finals,
            segments=recognition.segment_id,
            first_interim_s=_rounded(stream.first_interim_s),
            worst_final_s=_rounded(stream.worst_final_s),
            flush_s=_rounded(flush),
            replays=stream.replays,
            outage_s=round(stream.outage_s, 3),
            resumes=resumes,
        )
        _log.info(stream_log.ENDED, **line.model_dump())
        spans, self._spans = self._spans, None
        if spans is not None:
            spans.ended(line, is_fault=reason in FAULTS)

    def _identity(self, stream: _Stream, recognition: Recognition) -> stream_log.IdentityFields:
        return {
            "stream_id": stream.stream_id,
            "session_id": recognition.session_id,
            "connection_id": self._origin.connection_id,
            "trace_id": self._origin.trace.trace_id,
            "client": self._origin.client.hex()[:12],
            "dialect": self._origin.dialect,
            "group": recognition.group,
            "model": recognition.request.model,
            "colour": self._gateway.settings.app_colour,
        }

    def connection_closed(self, code: int, reason: str) -> None:
        """Count the end of the connection; codes a client made up share one label."""
        self.session_refused(reason)
        label = str(code) if code in _KNOWN_CLOSE_CODES else "other"
        self._metrics.connections_closed.labels(label, reason).inc()

    def counts(self, recognition: Recognition | None) -> Counts:
        """Return the counters as they are now."""
        gateway = self._gateway
        running = 0.0 if recognition is None else recognition.new_audio_seconds
        return Counts(
            connections_opened=gateway.totals.connections,
            connections=gateway.admission.connections,
            sessions=gateway.admission.sessions,
            all_messages=gateway.totals.audio_messages,
            all_finals=gateway.totals.finals,
            connected=gateway.readiness.unready_reason is None,
            connection_created_at=self._created_at,
            messages=self._messages,
            finals=self._finals,
            audio_seconds=self._ended_audio_s + running,
            segment_id=0 if recognition is None else recognition.segment_id,
            session_active=recognition is not None,
            model=None if recognition is None else recognition.request.model,
        )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
