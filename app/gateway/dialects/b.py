"""Dialect B: `start_recording` and friends."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Self

from app.asr import Endpointing
from app.contract import (
    ClientMessage,
    ContractError,
    Dialect,
    ErrorCode,
    ServerMessage,
    WarningCode,
)
from app.contract import dialect_b as b
from app.contract.fields import Finalize
from app.contract.limits import PATH_B
from app.gateway.dialects import events
from app.gateway.dialects.codec import Handshake
from app.gateway.dialects.intents import Finalise, Intent, Reply, SessionRequest, Start, Stop
from app.gateway.dialects.perch import (
    PerchCodec,
    heartbeat_interval,
    milliseconds,
    now,
    session_config,
    warning_fields,
    word_timings,
)
from app.gateway.settings.gateway import GatewaySettings

_MAX_CLIENT_ID_CHARS: Final = 128


class CodecB(PerchCodec):
    """Speaks dialect B to one connection.

    Remembers what `configure` set for its recordings, and the finals of the one that runs.
    """

    dialect = Dialect.B
    name = dialect.value
    paths = (PATH_B,)

    def __init__(self, client_id: str, settings: GatewaySettings) -> None:
        super().__init__(client_id, settings)
        self._sample_rate = settings.audio_sample_rate
        self._silence_s: float | None = None
        self._finals: list[str] = []

    @classmethod
    def open(cls, handshake: Handshake, settings: GatewaySettings) -> Self:
        """Return the codec of a connection, under the id the client gives or is given."""
        client_id = handshake.query.get("client_id", "")[:_MAX_CLIENT_ID_CHARS]
        return cls(client_id or handshake.connection_id, settings)

    def parse(self, message: str | bytes) -> Sequence[Intent]:
        """Take bytes for audio, and text for one control message.

        An unknown type is answered with a warning: the predecessor only logged it, and its browser
        client shows every error to its user.
        """
        try:
            return super().parse(message)
        except ContractError as error:
            if error.code is not ErrorCode.UNKNOWN_MESSAGE_TYPE:
                raise
            warned = events.Warned(WarningCode.UNKNOWN_MESSAGE_TYPE, error.sentence)
            return (Reply(tuple(self.render(warned))),)

    def intent(self, message: ClientMessage) -> Intent:
        """Return what a parsed message asks for."""
        match message:
            case b.StartRecording():
                return Start(self._request(message.config or b.RecordingConfig()))
            case Finalize():
                return Finalise()
            case b.StopRecording() | b.End():
                return Stop(lenient=isinstance(message, b.End))
            case b.Configure():
                return Reply((self._configure(message).model_dump_json(),))
            case b.PingB():
                return Reply((b.PongB(timestamp=now()).model_dump_json(),))
            case _:
                return Reply()

    def result(self, result: events.Result) -> Sequence[str]:
        """Return a partial or a transcription; word times count from the segment's start."""
        transcript, end = result.transcript, result.segment_end
        words = transcript.words
        start = min(words[0].start, end) if words else result.segment_start
        common = {
            "segment_id": result.segment_id,
            "text": transcript.text,
            "words": word_timings(words, start),
            "duration": round(end - start, 3),
            "processing_time_ms": milliseconds(result.age),
            "timestamp": now(),
            "start": round(start, 3),
            "end": round(end, 3),
        }
        if not transcript.is_final:
            partial = b.PartialB.model_validate({**common, "stability": transcript.stability})
            return (partial.model_dump_json(),)
        self._finals.append(transcript.text)
        transcription = b.TranscriptionB.model_validate(
            {
                **common,
                "confidence": transcript.confidence,
                "languages": list(transcript.languages),
                "forced": transcript.forced,
                "resume": result.resume,
            }
        )
        return (transcription.model_dump_json(),)

    def renderers(self) -> Mapping[type[events.Event], Callable[..., ServerMessage]]:
        """Return what makes the messages of this dialect's own; it has none for counters."""
        return {
            events.Opened: self._connection,
            events.Started: self._recording_started,
            events.Stopped: self._recording_stopped,
            events.Failed: self._error,
            events.Warned: self._warning,
        }

    def _connection(self, opened: events.Opened) -> b.ConnectionB:
        return b.ConnectionB(
            client_id=self._id,
            message="Connected; send start_recording, then audio",
            supported_audio_formats=self.audio_formats(),
            timestamp=now(),
            limits=self.limits(),
            resume=opened.offer,
        )

    def _recording_started(self, started: events.Started) -> b.RecordingStarted:
        self._finals = []
        return b.RecordingStarted(
            timestamp=now(),
            config=session_config(started.request),
            session_id=started.session_id,
            resumed=started.resumed,
        )

    def _recording_stopped(self, stopped: events.Stopped) -> b.RecordingStopped:
        finals, self._finals = self._finals, []
        return b.RecordingStopped(
            final_transcript=" ".join(finals),
            total_duration=round(stopped.audio_seconds, 3),
            total_segments=stopped.segments,
            timestamp=now(),
            session_id=stopped.session_id,
        )

    def _error(self, failed: events.Failed) -> b.ErrorB:
        return b.ErrorB(**dict(failed.error.body()), timestamp=now(), lost=failed.lost)

    def _warning(self, warned: events.Warned) -> b.WarningB:
        return b.WarningB(**warning_fields(warned))

    def _configure(self, message: b.Configure) -> ServerMessage:
        self._sample_rate = message.sample_rate or self._sample_rate
        self._silence_s = message.silence_duration or self._silence_s
        return b.Configured(
            config=b.ConfiguredValues(
                sample_rate=self._sample_rate, silence_duration=self._silence_s
            ),
            ignored=[] if message.vad_threshold is None else ["vad_threshold"],
            timestamp=now(),
        )

    def _request(self, config: b.RecordingConfig) -> SessionRequest:
        silence = self._silence_s
        return SessionRequest(
            sample_rate=config.sample_rate or self._sample_rate,
            encoding=config.encoding or "pcm16",
            channels=config.channels or 1,
            enable_partials=True if config.enable_partials is None else config.enable_partials,
            hotwords=tuple(config.hotwords or ()),
            hotword_boost=config.hotword_boost,
            language=config.language,
            model=config.model,
            endpointing=(
                None
                if silence is None
                else Endpointing(stop_history_ms=max(1, round(silence * 1000)))
            ),
            resumable=config.resumable,
            heartbeat_s=heartbeat_interval(config.heartbeat, resumable=config.resumable),
            resume=config.resume,
        )
