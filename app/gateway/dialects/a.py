"""Dialect A: `start_transcription` and friends."""

from collections.abc import Callable, Mapping, Sequence
from typing import Self

from app.contract import ClientMessage, Dialect, ServerMessage
from app.contract import dialect_a as a
from app.contract.fields import Finalize
from app.contract.limits import PATH_A
from app.gateway.dialects import events
from app.gateway.dialects.codec import Handshake
from app.gateway.dialects.intents import (
    Finalise,
    Intent,
    Reply,
    ReportCounts,
    SessionRequest,
    Start,
    Stop,
)
from app.gateway.dialects.perch import (
    PerchCodec,
    endpointing,
    heartbeat_interval,
    milliseconds,
    now,
    session_config,
    warning_fields,
    word_timings,
)
from app.gateway.settings.gateway import GatewaySettings


class CodecA(PerchCodec):
    """Speaks dialect A to one connection."""

    dialect = Dialect.A
    name = dialect.value
    paths = (PATH_A,)

    @classmethod
    def open(cls, handshake: Handshake, settings: GatewaySettings) -> Self:
        """Return the codec of a connection."""
        return cls(handshake.connection_id, settings)

    def intent(self, message: ClientMessage) -> Intent:
        """Return what a parsed message asks for."""
        match message:
            case a.StartTranscription():
                return Start(self._request(message))
            case Finalize():
                return Finalise()
            case a.StopTranscription():
                return Stop()
            case a.Ping():
                pong = a.Pong(timestamp=now(), client_timestamp=message.timestamp)
                return Reply((pong.model_dump_json(),))
            case _:
                return ReportCounts()

    def result(self, result: events.Result) -> Sequence[str]:
        """Return a `partial` or a `transcription`."""
        made = self._transcription if result.transcript.is_final else self._partial
        return (made(result).model_dump_json(),)

    def _partial(self, result: events.Result) -> a.Partial:
        transcript = result.transcript
        return a.Partial(
            segment_id=result.segment_id,
            text=transcript.text,
            timestamp=now(),
            processing_time_ms=milliseconds(result.age),
            stability=transcript.stability,
            audio_processed=transcript.audio_processed,
        )

    def _transcription(self, result: events.Result) -> a.Transcription:
        transcript = result.transcript
        return a.Transcription(
            segment_id=result.segment_id,
            text=transcript.text,
            timestamp=now(),
            processing_time_ms=milliseconds(result.age),
            words=word_timings(transcript.words),
            confidence=transcript.confidence,
            audio_processed=transcript.audio_processed,
            languages=list(transcript.languages),
            forced=transcript.forced,
            resume=result.resume,
        )

    def renderers(self) -> Mapping[type[events.Event], Callable[..., ServerMessage]]:
        """Return what makes the messages of this dialect's own."""
        return {
            events.Opened: self._connection,
            events.Started: self._session_started,
            events.Stopped: self._session_stopped,
            events.Failed: self._error,
            events.Warned: self._warning,
            events.Counts: self._metrics,
        }

    def _connection(self, opened: events.Opened) -> a.Connection:
        return a.Connection(
            connection_id=self._id,
            server_config=a.ServerConfig(
                sample_rate=self._settings.audio_sample_rate,
                channels=1,
                frame_ms=self._settings.ws_frame_ms,
                riva_target=self._settings.app_riva_label,
            ),
            timestamp=now(),
            supported_audio_formats=self.audio_formats(),
            limits=self.limits(),
            resume=opened.offer,
        )

    def _session_started(self, started: events.Started) -> a.SessionStarted:
        return a.SessionStarted(
            connection_id=self._id,
            enable_partials=started.request.enable_partials,
            timestamp=now(),
            session_id=started.session_id,
            config=session_config(started.request),
            resumed=started.resumed,
        )

    def _session_stopped(self, stopped: events.Stopped) -> a.SessionStopped:
        return a.SessionStopped(
            connection_id=self._id,
            timestamp=now(),
            session_id=stopped.session_id,
            audio_seconds=round(stopped.audio_seconds, 3),
            segments=stopped.segments,
        )

    def _error(self, failed: events.Failed) -> a.ErrorA:
        return a.ErrorA(
            **dict(failed.error.body()),
            timestamp=now(),
            segment_id=failed.segment_id,
            lost=failed.lost,
        )

    def _warning(self, warned: events.Warned) -> a.WarningA:
        return a.WarningA(**warning_fields(warned))

    def _metrics(self, counts: events.Counts) -> a.Metrics:
        return a.Metrics(
            bridge=a.BridgeMetrics(
                total_connections=counts.connections_opened,
                active_connections=counts.connections,
                active_transcription_sessions=counts.sessions,
                total_audio_chunks_processed=counts.all_messages,
                total_transcriptions=counts.all_finals,
            ),
            riva=a.RivaMetrics(
                connected=counts.connected,
                total_audio_duration_s=round(counts.audio_seconds, 3),
                total_segments=counts.finals,
                current_segment_id=counts.segment_id,
                host=self._settings.app_riva_label,
                model=counts.model,
            ),
            connection=a.ConnectionMetrics(
                id=self._id,
                created_at=counts.connection_created_at,
                session_active=counts.session_active,
                total_audio_chunks=counts.messages,
                total_transcriptions=counts.finals,
            ),
            timestamp=now(),
        )

    def _request(self, message: a.StartTranscription) -> SessionRequest:
        return SessionRequest(
            sample_rate=message.sample_rate or self._settings.audio_sample_rate,
            encoding=message.encoding,
            channels=message.channels,
            enable_partials=message.enable_partials,
            hotwords=tuple(message.hotwords),
            hotword_boost=message.hotword_boost,
            language=message.language,
            model=message.model,
            endpointing=endpointing(message.endpointing),
            resumable=message.resumable,
            heartbeat_s=heartbeat_interval(message.heartbeat, resumable=message.resumable),
            resume=message.resume,
        )
