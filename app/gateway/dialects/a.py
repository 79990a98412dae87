"""Dialect A."""

from app.asr import Endpointing, Transcript
from app.contract import ContractError, Dialect, ServerMessage, parse_client_message
from app.contract import dialect_a as a
from app.contract.fields import AudioSpan, Finalize, ResumeOffer
from app.gateway.dialects.codec import (
    audio_formats,
    gateway_limits,
    heartbeat_interval,
    milliseconds,
    now,
    session_config,
    word_timings,
)
from app.gateway.dialects.intents import (
    Finalise,
    Intent,
    Reply,
    SessionRequest,
    Start,
    Stop,
    TellMetrics,
)
from app.gateway.session.recognition import Recognition
from app.gateway.settings.gateway import GatewaySettings


class CodecA:
    """Speaks dialect A to one connection.

    Args:
        connection_id: Id the client hears.
        settings: For the hello message and defaults.
    """

    dialect = Dialect.A

    def __init__(self, connection_id: str, settings: GatewaySettings) -> None:
        self._id = connection_id
        self._settings = settings

    def hello(self, offer: ResumeOffer) -> ServerMessage:
        """Greet with what a session starts with."""
        return a.Connection(
            connection_id=self._id,
            server_config=a.ServerConfig(
                sample_rate=self._settings.audio_sample_rate,
                channels=1,
                frame_ms=self._settings.ws_frame_ms,
                riva_target=self._settings.app_riva_label,
            ),
            timestamp=now(),
            supported_audio_formats=audio_formats(),
            limits=gateway_limits(self._settings),
            resume=offer,
        )

    def understand(self, text: str) -> Intent:
        """Parse a text message; raises ContractError."""
        match parse_client_message(Dialect.A, text):
            case a.StartTranscription() as message:
                return Start(self._request(message))
            case Finalize():
                return Finalise()
            case a.StopTranscription():
                return Stop()
            case a.Ping() as message:
                return Reply(a.Pong(timestamp=now(), client_timestamp=message.timestamp))
            case _:
                return TellMetrics()

    def started(self, recognition: Recognition) -> ServerMessage:
        """Say that the session runs."""
        return a.SessionStarted(
            connection_id=self._id,
            enable_partials=recognition.request.enable_partials,
            timestamp=now(),
            session_id=recognition.session_id,
            config=session_config(recognition.request),
            resumed=recognition.resumed,
        )

    def result(self, recognition: Recognition, transcript: Transcript, age: float) -> ServerMessage:
        """Say what was heard."""
        if not transcript.is_final:
            return a.Partial(
                segment_id=recognition.segment_id,
                text=transcript.text,
                timestamp=now(),
                processing_time_ms=milliseconds(age),
                stability=transcript.stability,
                audio_processed=transcript.audio_processed,
            )
        return a.Transcription(
            segment_id=recognition.segment_id,
            text=transcript.text,
            timestamp=now(),
            processing_time_ms=milliseconds(age),
            words=word_timings(transcript),
            confidence=transcript.confidence,
            audio_processed=transcript.audio_processed,
            languages=list(transcript.languages),
            forced=transcript.forced,
            resume=recognition.resume_point(transcript.cursor),
        )

    def stopped(self, recognition: Recognition) -> ServerMessage:
        """Say that the session ended."""
        return a.SessionStopped(
            connection_id=self._id,
            timestamp=now(),
            session_id=recognition.session_id,
            audio_seconds=round(recognition.audio_seconds, 3),
            segments=recognition.segment_id,
        )

    def error(
        self,
        error: ContractError,
        segment_id: int | None = None,
        lost: AudioSpan | None = None,
    ) -> ServerMessage:
        """Say what went wrong."""
        body = dict(error.body())
        return a.ErrorA(**body, timestamp=now(), segment_id=segment_id, lost=lost)

    def warning(self, sentence: str, code: str, seconds_left: float | None) -> ServerMessage:
        """Say what is about to happen."""
        return a.WarningA(warning=sentence, code=code, timestamp=now(), seconds_left=seconds_left)

    def _request(self, message: a.StartTranscription) -> SessionRequest:
        ends = message.endpointing
        return SessionRequest(
            sample_rate=message.sample_rate or self._settings.audio_sample_rate,
            encoding=message.encoding,
            channels=message.channels,
            enable_partials=message.enable_partials,
            hotwords=tuple(message.hotwords),
            hotword_boost=message.hotword_boost,
            language=message.language,
            model=message.model,
            endpointing=None if ends is None else Endpointing(**ends.model_dump()),
            resumable=message.resumable,
            heartbeat_s=heartbeat_interval(message.heartbeat, resumable=message.resumable),
            resume=message.resume,
        )
