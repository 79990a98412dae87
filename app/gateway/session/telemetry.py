"""The metrics and log lines of a connection, and the counters a client may ask for."""

from datetime import UTC, datetime
from time import monotonic

from app.asr import AsrError, Interrupted, Resumed
from app.contract import CloseCode, ContractError, ErrorCode
from app.gateway.core import Gateway
from app.gateway.dialects.events import Counts
from app.gateway.session.recognition import Recognition
from app.gateway.telemetry.logs import get_logger

_log = get_logger(__name__)


class SessionTelemetry:
    """Counts for one connection and for the gateway.

    Args:
        gateway: Where the gateway's counters are.
        connection_id: For log lines.
        dialect: Name of the client's.
    """

    def __init__(self, gateway: Gateway, connection_id: str, dialect: str) -> None:
        self._gateway = gateway
        self._metrics = gateway.metrics
        self._dialect = dialect
        self._created_at = datetime.now(UTC)
        self._messages = 0
        self._finals = 0
        self._ended_audio_s = 0.0
        self._log = _log.bind(connection_id=connection_id, dialect=dialect)
        gateway.totals.connections += 1
        self._metrics.connections.labels(dialect).inc()

    def audio_message(self) -> None:
        """Count an audio message."""
        self._messages += 1
        self._gateway.totals.audio_messages += 1

    def session_started(self, recognition: Recognition) -> None:
        """Count and log a session."""
        request = recognition.request
        self._metrics.sessions_started.labels(self._dialect).inc()
        self._log.info(
            "session started",
            session_id=recognition.session_id,
            sample_rate=request.sample_rate,
            encoding=request.encoding,
            channels=request.channels,
            language=request.language,
            model=request.model,
            hotwords=len(request.hotwords),
            resumable=request.resumable,
            resumed_at=None if recognition.resumed is None else recognition.resumed.position,
        )
        if recognition.resumed is not None:
            self._metrics.resumes.labels("ok").inc()

    def interrupted(self, event: Interrupted) -> None:
        """Count that the recogniser was lost."""
        self._metrics.interruptions.labels(str(event.code)).inc()

    def reopened(self, event: Resumed) -> None:
        """Count that the recogniser is back."""
        self._metrics.reopenings.inc()
        self._metrics.outage_seconds.observe(event.outage)

    def result(self, recognition: Recognition, age: float, *, is_final: bool) -> None:
        """Count a result that was sent, before the recognition notes it."""
        metrics = self._metrics
        if is_final:
            metrics.finals.inc()
            metrics.final_ages.observe(age)
            self._finals += 1
            self._gateway.totals.finals += 1
        else:
            metrics.interims.inc()
            metrics.interim_ages.observe(age)
        first = recognition.arrivals.first_arrival
        if recognition.results == 0 and first is not None:
            metrics.first_result_seconds.observe(monotonic() - first)

    def upstream_error(self, recognition: Recognition, error: AsrError) -> None:
        """Count and log a failure of the recogniser."""
        self._metrics.upstream_errors.labels(str(error.code)).inc()
        self._log.warning(
            "recogniser failed",
            session_id=recognition.session_id,
            code=str(error.code),
            retryable=error.retryable,
            detail=error.detail,
        )

    def error_sent(self, error: ContractError) -> None:
        """Count an error sent to the client."""
        self._metrics.errors_sent.labels(error.code.value).inc()
        if error.code is ErrorCode.RESUME_REJECTED:
            self._metrics.resumes.labels("rejected").inc()

    def session_ended(self, recognition: Recognition, reason: str) -> None:
        """Count and log the end of a session."""
        wall = monotonic() - recognition.started_at
        audio = recognition.new_audio_seconds
        self._ended_audio_s += audio
        self._metrics.sessions_ended.labels(reason).inc()
        self._metrics.session_seconds.observe(wall)
        flush = None
        if recognition.stopped_at is not None and reason == "stopped":
            flush = monotonic() - recognition.stopped_at
            self._metrics.final_seconds.observe(flush)
        self._log.info(
            "session ended",
            session_id=recognition.session_id,
            reason=reason,
            duration_s=round(wall, 3),
            audio_s=round(audio, 3),
            rtfx=round(audio / wall, 3) if wall > 0 else None,
            results=recognition.results,
            segments=recognition.segment_id,
            final_latency_s=None if flush is None else round(flush, 3),
        )

    def connection_closed(self, code: int, reason: str) -> None:
        """Count the end of the connection; codes a client made up share one label."""
        known = {int(member) for member in CloseCode} | {1005, 1006}
        label = str(code) if code in known else "other"
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
