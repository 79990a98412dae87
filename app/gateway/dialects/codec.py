"""How a session understands and answers its client: the two vocabularies of the contract."""

from datetime import UTC, datetime
from typing import Protocol

from app.asr import Transcript
from app.contract import ContractError, Dialect, ServerMessage, WordTiming
from app.contract.fields import AudioFormats, AudioSpan, GatewayLimits, ResumeOffer, SessionConfig
from app.contract.limits import (
    DEFAULT_HEARTBEAT_S,
    MAX_CONTROL_BYTES,
    SUPPORTED_CHANNELS,
    SUPPORTED_ENCODINGS,
    SUPPORTED_SAMPLE_RATES_HZ,
)
from app.gateway.dialects.intents import Intent, SessionRequest
from app.gateway.session.recognition import Recognition
from app.gateway.settings.gateway import GatewaySettings


class DialectCodec(Protocol):
    """One connection's dialect."""

    dialect: Dialect

    def hello(self, offer: ResumeOffer) -> ServerMessage:
        """Greet, and say how sessions can be gone on with."""

    def understand(self, text: str) -> Intent:
        """Parse a text message; raises ContractError."""

    def started(self, recognition: Recognition) -> ServerMessage:
        """Say that the session runs."""

    def result(self, recognition: Recognition, transcript: Transcript, age: float) -> ServerMessage:
        """Say what was heard; `age` is the result's latency in seconds."""

    def stopped(self, recognition: Recognition) -> ServerMessage:
        """Say that the session ended."""

    def error(
        self,
        error: ContractError,
        segment_id: int | None = None,
        lost: AudioSpan | None = None,
    ) -> ServerMessage:
        """Say what went wrong, and which audio is in no final where a session ends by it."""

    def warning(self, sentence: str, code: str, seconds_left: float | None) -> ServerMessage:
        """Say what is about to happen."""


def now() -> datetime:
    """Return the wall-clock time for a message."""
    return datetime.now(UTC)


def audio_formats() -> AudioFormats:
    """Return what start messages may ask for."""
    return AudioFormats(
        sample_rates=list(SUPPORTED_SAMPLE_RATES_HZ),
        encodings=list(SUPPORTED_ENCODINGS),
        channels=list(SUPPORTED_CHANNELS),
    )


def gateway_limits(settings: GatewaySettings) -> GatewayLimits:
    """Return the limits a client should know; 0 in the settings means none."""
    return GatewayLimits(
        max_message_bytes=settings.max_message_bytes,
        max_control_bytes=min(MAX_CONTROL_BYTES, settings.max_message_bytes),
        max_session_s=settings.ws_max_session_s or None,
        idle_timeout_s=settings.ws_idle_timeout_s or None,
    )


def session_config(request: SessionRequest) -> SessionConfig:
    """Return what a session works with."""
    return SessionConfig(
        sample_rate=request.sample_rate,
        encoding=request.encoding,
        channels=request.channels,
        language=request.language,
        model=request.model,
    )


def word_timings(transcript: Transcript, origin: float = 0.0) -> list[WordTiming]:
    """Return the words with times counted from an origin in seconds of the session's audio."""
    return [
        WordTiming(
            word=word.word,
            start=round(max(0.0, word.start - origin), 3),
            end=round(max(0.0, word.end - origin), 3),
            confidence=word.confidence,
            speaker=word.speaker,
        )
        for word in transcript.words
    ]


def heartbeat_interval(asked: float | None, *, resumable: bool) -> float | None:
    """Return the seconds between heartbeats, None where none are wanted."""
    return DEFAULT_HEARTBEAT_S if asked is None and resumable else asked


def milliseconds(seconds: float) -> float:
    """Return milliseconds, rounded to what a clock can tell."""
    return round(seconds * 1000, 1)
