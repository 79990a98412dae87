"""Dialect B."""

from app.asr import Endpointing, Transcript
from app.contract import (
    ContractError,
    Dialect,
    ErrorCode,
    ServerMessage,
    WarningCode,
    parse_client_message,
)
from app.contract import dialect_b as b
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
from app.gateway.dialects.intents import Finalise, Intent, Reply, SessionRequest, Start, Stop
from app.gateway.session.recognition import Recognition
from app.gateway.settings.gateway import GatewaySettings


class CodecB:
    """Speaks dialect B to one connection, and remembers what `configure` set for its recordings.

    Args:
        client_id: Id the client gave or was given.
        settings: For the hello message and defaults.
    """

    dialect = Dialect.B

    def __init__(self, client_id: str, settings: GatewaySettings) -> None:
        self._id = client_id
        self._settings = settings
        self._sample_rate = settings.audio_sample_rate
        self._silence_s: float | None = None

    def hello(self, offer: ResumeOffer) -> ServerMessage:
        """Greet with what recordings may be."""
        return b.ConnectionB(
            client_id=self._id,
            message="Connected; send start_recording, then audio",
            supported_audio_formats=audio_formats(),
            timestamp=now(),
            limits=gateway_limits(self._settings),
            resume=offer,
        )

    def understand(self, text: str) -> Intent:
        """Parse a text message; raises ContractError.

        An unknown type is answered with a warning: the predecessor only logged it, and its browser
        client shows every error to its user.
        """
        try:
            parsed = parse_client_message(Dialect.B, text)
        except ContractError as error:
            if error.code is not ErrorCode.UNKNOWN_MESSAGE_TYPE:
                raise
            return Reply(self.warning(error.sentence, WarningCode.UNKNOWN_MESSAGE_TYPE, None))
        match parsed:
            case b.StartRecording() as message:
                return Start(self._request(message.config or b.RecordingConfig()))
            case Finalize():
                return Finalise()
            case b.StopRecording() | b.End():
                return Stop(lenient=isinstance(parsed, b.End))
            case b.Configure() as message:
                return Reply(self._configure(message))
            case _:
                pong = b.PongB(timestamp=now()) if isinstance(parsed, b.PingB) else None
                return Reply(pong)

    def started(self, recognition: Recognition) -> ServerMessage:
        """Say that the session runs."""
        return b.RecordingStarted(
            timestamp=now(),
            config=session_config(recognition.request),
            session_id=recognition.session_id,
            resumed=recognition.resumed,
        )

    def result(self, recognition: Recognition, transcript: Transcript, age: float) -> ServerMessage:
        """Say what was heard; word times count from the start of the segment, as ever."""
        start = (
            min(transcript.words[0].start, recognition.segment_end(transcript))
            if transcript.words
            else recognition.segment_start
        )
        end = recognition.segment_end(transcript)
        common = {
            "segment_id": recognition.segment_id,
            "text": transcript.text,
            "words": word_timings(transcript, start),
            "duration": round(end - start, 3),
            "processing_time_ms": milliseconds(age),
            "timestamp": now(),
            "start": round(start, 3),
            "end": round(end, 3),
        }
        if not transcript.is_final:
            return b.PartialB.model_validate({**common, "stability": transcript.stability})
        return b.TranscriptionB.model_validate(
            {
                **common,
                "confidence": transcript.confidence,
                "languages": list(transcript.languages),
                "forced": transcript.forced,
                "resume": recognition.resume_point(transcript.cursor),
            }
        )

    def stopped(self, recognition: Recognition) -> ServerMessage:
        """Say that the session ended, with everything that was said in it."""
        return b.RecordingStopped(
            final_transcript=" ".join(recognition.finals),
            total_duration=round(recognition.audio_seconds, 3),
            total_segments=recognition.segment_id,
            timestamp=now(),
            session_id=recognition.session_id,
        )

    def error(
        self,
        error: ContractError,
        segment_id: int | None = None,  # noqa: ARG002 - dialect B's errors name no segment
        lost: AudioSpan | None = None,
    ) -> ServerMessage:
        """Say what went wrong."""
        return b.ErrorB(**dict(error.body()), timestamp=now(), lost=lost)

    def warning(self, sentence: str, code: str, seconds_left: float | None) -> ServerMessage:
        """Say what is about to happen."""
        return b.WarningB(warning=sentence, code=code, timestamp=now(), seconds_left=seconds_left)

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
                None if silence is None else Endpointing(stop_history_ms=round(silence * 1000))
            ),
            resumable=config.resumable,
            heartbeat_s=heartbeat_interval(config.heartbeat, resumable=config.resumable),
            resume=config.resume,
        )
