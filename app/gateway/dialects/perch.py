"""What Perch's own dialects have in common: messages of app.contract, one for each event."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from app.asr import Endpointing, Word
from app.contract import ClientMessage, Dialect, ServerMessage, WordTiming, parse_client_message
from app.contract.disguised import audio_in_text
from app.contract.fields import (
    AudioFormats,
    EndpointingOptions,
    Finalized,
    GatewayLimits,
    Heartbeat,
    Queued,
    SessionConfig,
)
from app.contract.limits import (
    DEFAULT_HEARTBEAT_S,
    MAX_CONTROL_BYTES,
    SUPPORTED_CHANNELS,
    SUPPORTED_ENCODINGS,
    SUPPORTED_SAMPLE_RATES_HZ,
)
from app.gateway.dialects import events
from app.gateway.dialects.codec import DialectCodec
from app.gateway.dialects.intents import Audio, Intent, SessionRequest
from app.gateway.settings.gateway import GatewaySettings


class PerchCodec(DialectCodec):
    """Binary messages are audio, text is JSON of app.contract.

    Args:
        client_id: Id the client is told.
        settings: For the hello message and defaults.
    """

    dialect: ClassVar[Dialect]
    binary_is_audio = True

    def __init__(self, client_id: str, settings: GatewaySettings) -> None:
        self._id = client_id
        self._settings = settings
        self._renderers: Mapping[type[events.Event], Callable[..., ServerMessage]] = {
            events.Progress: _heartbeat,
            events.Finalised: _finalized,
            events.Queued: _queued,
            **self.renderers(),
        }

    def parse(self, message: str | bytes) -> Sequence[Intent]:
        """Take bytes for audio, and text for one control message."""
        if isinstance(message, bytes):
            return (Audio(message),)
        return (self.intent(parse_client_message(self.dialect, message)),)

    def render(self, event: events.Event) -> Sequence[str]:
        """Return the event's message, if the dialect has one."""
        renderer = self._renderers.get(type(event))
        return () if renderer is None else (renderer(event).model_dump_json(),)

    def name_disguised_audio(self, text: str) -> str | None:
        """Return what kind of audio a text carries; the dialect's own messages carry none."""
        return audio_in_text(self.dialect, text)

    @abstractmethod
    def intent(self, message: ClientMessage) -> Intent:
        """Return what a parsed message asks for."""

    @abstractmethod
    def renderers(self) -> Mapping[type[events.Event], Callable[..., ServerMessage]]:
        """Return what makes the messages of the events that each dialect spells its own way."""

    def audio_formats(self) -> AudioFormats:
        """Return what start messages may ask for."""
        return AudioFormats(
            sample_rates=list(SUPPORTED_SAMPLE_RATES_HZ),
            encodings=list(SUPPORTED_ENCODINGS),
            channels=list(SUPPORTED_CHANNELS),
        )

    def limits(self) -> GatewayLimits:
        """Return the limits a client should know; 0 in the settings means none."""
        settings = self._settings
        return GatewayLimits(
            max_message_bytes=settings.max_message_bytes,
            max_control_bytes=min(MAX_CONTROL_BYTES, settings.max_message_bytes),
            max_session_s=settings.ws_max_session_s or None,
            idle_timeout_s=settings.ws_idle_timeout_s or None,
        )


def now() -> datetime:
    """Return the wall-clock time for a message."""
    return datetime.now(UTC)


def _heartbeat(progress: events.Progress) -> Heartbeat:
    return Heartbeat(
        timestamp=now(),
        audio_received=round(progress.received, 3),
        audio_recognised=round(progress.recognised, 3),
        queued=round(max(0.0, progress.received - progress.recognised), 3),
        realtime_factor=progress.realtime_factor,
        resume=progress.resume,
    )


def _finalized(finalised: events.Finalised) -> Finalized:
    return Finalized(timestamp=now(), position=round(finalised.position, 3))


def _queued(queued: events.Queued) -> Queued:
    left = round(queued.seconds_left, 1)
    return Queued(timestamp=now(), place=queued.place, seconds_left=left)


def warning_fields(warned: events.Warned) -> dict[str, Any]:
    """Return what both dialects' warnings say."""
    return {
        "warning": warned.sentence,
        "code": warned.code.value,
        "timestamp": now(),
        "seconds_left": warned.seconds_left,
    }


def session_config(request: SessionRequest) -> SessionConfig:
    """Return what a session works with."""
    return SessionConfig(
        sample_rate=request.sample_rate,
        encoding=request.encoding,
        channels=request.channels,
        language=request.language,
        model=request.model,
    )


def word_timings(words: Sequence[Word], origin: float = 0.0) -> list[WordTiming]:
    """Return the words with times counted from an origin in seconds of the session's audio."""
    return [
        WordTiming(
            word=word.word,
            start=round(max(0.0, word.start - origin), 3),
            end=round(max(0.0, word.end - origin), 3),
            confidence=word.confidence,
            speaker=word.speaker,
        )
        for word in words
    ]


def endpointing(options: EndpointingOptions | None) -> Endpointing | None:
    """Return when a segment ends, None as the model has it."""
    return None if options is None else Endpointing(**options.model_dump())


def heartbeat_interval(asked: float | None, *, resumable: bool) -> float | None:
    """Return the seconds between heartbeats, None where none are wanted."""
    return DEFAULT_HEARTBEAT_S if asked is None and resumable else asked


def milliseconds(seconds: float) -> float:
    """Return milliseconds, rounded to what a clock can tell."""
    return round(seconds * 1000, 1)
