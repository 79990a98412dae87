"""What a connection leaves behind: metrics, log lines, and dialect A's `metrics` message."""

from datetime import UTC, datetime
from time import monotonic

from app.asr import AsrError, Transcript
from app.contract import CloseCode, ContractError, Dialect
from app.contract import dialect_a as a
from app.gateway.core import Gateway
from app.gateway.session.recognition import Recognition
from app.gateway.telemetry.logs import get_logger

_log = get_logger(__name__)


class SessionTelemetry:
    """Counts for one connection and for the gateway.

    Args:
        gateway: Where the gateway's counters are.
        connection_id: For log lines and the message.
        dialect: A label.
    """

    def __init__(self, gateway: Gateway, connection_id: str, dialect: Dialect) -> None:
        self._gateway = gateway
        self._metrics = gateway.metrics
        self._connection_id = connection_id
        self._dialect = dialect
        self._created_at = datetime.now(UTC)
        self._messages = 0
        self._finals = 0
        self._ended_audio_s = 0.0
        self._log = _log.bind(connection_id=connection_id, dialect=dialect.value)
        gateway.totals.connections += 1
        self._metrics.connections.labels(dialect.value).inc()

    def audio_message(self) -> None:
        """Count a binary message that was taken."""
        self._messages += 1
        self._gateway.totals.audio_messages += 1

    def session_started(self, recognition: Recognition) -> None:
        """Count and log a session."""
        request = recognition.request
        self._metrics.sessions_started.labels(self._dialect.value).inc()
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

    def result(self, recognition: Recognition, transcript: Transcript, age: float) -> None:
        """Count a result that was sent, before the recognition notes it."""
        metrics = self._metrics
        if transcript.is_final:
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
        """Count an error told to the client."""
        self._metrics.errors_sent.labels(error.code.value).inc()

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

    def snapshot(self, recognition: Recognition | None) -> a.Metrics:
        """Return dialect A's `metrics` message."""
        gateway = self._gateway
        running = 0.0 if recognition is None else recognition.new_audio_seconds
        return a.Metrics(
            bridge=a.BridgeMetrics(
                total_connections=gateway.totals.connections,
                active_connections=gateway.admission.connections,
                active_transcription_sessions=gateway.admission.sessions,
                total_audio_chunks_processed=gateway.totals.audio_messages,
                total_transcriptions=gateway.totals.finals,
            ),
            riva=a.RivaMetrics(
                connected=gateway.readiness.obstacle is None,
                total_audio_duration_s=round(self._ended_audio_s + running, 3),
                total_segments=self._finals,
                current_segment_id=0 if recognition is None else recognition.segment_id,
                host=gateway.settings.app_riva_label,
                model=None if recognition is None else recognition.request.model,
            ),
            connection=a.ConnectionMetrics(
                id=self._connection_id,
                created_at=self._created_at,
                session_active=recognition is not None,
                total_audio_chunks=self._messages,
                total_transcriptions=self._finals,
            ),
            timestamp=datetime.now(UTC),
        )
