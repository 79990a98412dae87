"""Dialect B: `start_recording` and friends, at `/ws/transcribe`."""

from typing import Annotated, Literal

from pydantic import Field

from . import limits
from .fields import (
    AudioFormats,
    AudioSpan,
    Channels,
    ClientMessage,
    Encoding,
    ErrorBody,
    Finalize,
    Finalized,
    Flag,
    GatewayLimits,
    Heartbeat,
    HeartbeatInterval,
    HotwordBoost,
    Hotwords,
    Language,
    ModelName,
    Queued,
    Resumable,
    Resumed,
    ResumeOffer,
    ResumePoint,
    ResumeToken,
    SampleRate,
    ServerMessage,
    SessionConfig,
    Threshold,
    Timestamp,
    WarningBody,
    WordTiming,
    accepted,
)

TRANSCRIPTION_METHOD = "riva_grpc"
"""How this gateway transcribes; the predecessor said `nim_http`."""

SilenceDuration = Annotated[
    float,
    Field(
        gt=0,
        le=limits.MAX_ENDPOINTING_MS / 1000,
        allow_inf_nan=False,
        description="Seconds of silence that end a segment.",
        json_schema_extra=accepted(
            f"a number of seconds greater than 0, at most {limits.MAX_ENDPOINTING_MS // 1000}"
        ),
    ),
]


class RecordingConfig(ClientMessage):
    """How the audio of a recording is to be read and heard."""

    sample_rate: SampleRate | None = None
    encoding: Encoding | None = None
    channels: Channels | None = None
    language: Language | None = None
    model: ModelName | None = None
    enable_partials: Flag | None = None
    hotwords: Hotwords | None = None
    hotword_boost: HotwordBoost | None = None
    resumable: Resumable = False
    heartbeat: HeartbeatInterval | None = None
    resume: ResumeToken | None = Field(default=None, repr=False)


class StartRecording(ClientMessage):
    """Begin a session. Audio follows as binary messages of any length."""

    type: Literal["start_recording"] = "start_recording"
    config: RecordingConfig | None = Field(
        default=None, json_schema_extra=accepted("an object of recording options")
    )


class StopRecording(ClientMessage):
    """End the audio. Every outstanding result is sent before `recording_stopped`."""

    type: Literal["stop_recording"] = "stop_recording"


class End(ClientMessage):
    """What an old browser client sends for `stop_recording`; ignored where nothing is recorded."""

    type: Literal["end"] = "end"


class Configure(ClientMessage):
    """Set defaults for the recordings that follow on this connection."""

    type: Literal["configure"] = "configure"
    sample_rate: SampleRate | None = None
    vad_threshold: Threshold | None = Field(
        default=None,
        description="Without effect: the recogniser's own detection replaced the energy threshold. "
        "`configured` lists it under `ignored`.",
    )
    silence_duration: SilenceDuration | None = None


class Config(ClientMessage):
    """What an old browser client sends on open. Ignored and not answered, as ever."""

    type: Literal["config"] = "config"


class PingB(ClientMessage):
    """Ask for a `pong`."""

    type: Literal["ping"] = "ping"


ClientMessageB = Annotated[
    StartRecording | Finalize | StopRecording | End | Configure | Config | PingB,
    Field(discriminator="type"),
]


class ConnectionB(ServerMessage):
    """Hello: sent once, when the socket is open."""

    type: Literal["connection"] = "connection"
    status: Literal["connected"] = Field(default="connected", description="Always so.")
    client_id: str = Field(description="As given in the address (`?client_id=`), or a new one.")
    message: str = Field(description="A sentence for people.")
    protocol_version: str = Field(
        default=limits.PROTOCOL_VERSION_B, description="Version of this dialect."
    )
    transcription_method: str = Field(
        default=TRANSCRIPTION_METHOD, description="How the gateway transcribes."
    )
    supported_audio_formats: AudioFormats = Field(description="What a start may ask for.")
    timestamp: Timestamp
    limits: GatewayLimits = Field(description="Limits of this gateway.")
    resume: ResumeOffer | None = Field(
        default=None, description="How to go on after a break; null: sessions cannot be resumed."
    )


class RecordingStarted(ServerMessage):
    """The session runs; audio is taken from now on."""

    type: Literal["recording_started"] = "recording_started"
    timestamp: Timestamp
    config: SessionConfig = Field(description="What the recording works with.")
    transcription_method: str = Field(
        default=TRANSCRIPTION_METHOD, description="How the gateway transcribes."
    )
    session_id: str = Field(description="Id of the session, for support.")
    resumed: Resumed | None = Field(
        default=None, description="Where it goes on; null in a new session."
    )


class ConfiguredValues(ServerMessage):
    """Defaults now in force for the next recording."""

    sample_rate: int = Field(description="Hz.")
    silence_duration: float | None = Field(description="Seconds; null: as the model has it.")
    vad_threshold: float | None = Field(default=None, description="Always null; see `ignored`.")


class Configured(ServerMessage):
    """Answer to `configure`."""

    type: Literal["configured"] = "configured"
    config: ConfiguredValues = Field(description="Defaults now in force.")
    transcription_method: str = Field(
        default=TRANSCRIPTION_METHOD, description="How the gateway transcribes."
    )
    ignored: list[str] = Field(
        default=[], description="Keys that were understood and have no effect."
    )
    timestamp: Timestamp


class PongB(ServerMessage):
    """Answer to `ping`."""

    type: Literal["pong"] = "pong"
    timestamp: Timestamp


class ResultB(ServerMessage):
    """What interim and final results have in common."""

    segment_id: int = Field(ge=0, description="Counts from 0 in each session.")
    text: str = Field(description="What was heard in this segment.")
    words: list[WordTiming] = Field(
        description="Times in seconds from the segment's `start`; empty in interim results."
    )
    duration: float = Field(description="Seconds from `start` to `end`.")
    processing_time_ms: float = Field(
        description="Milliseconds from the arrival of the newest audio in a result to its sending."
    )
    timestamp: Timestamp
    method: str = Field(default=TRANSCRIPTION_METHOD, description="As `transcription_method`.")
    start: float = Field(
        description="Start of the segment in seconds from the start of the recording."
    )
    end: float = Field(
        description="End of the segment so far, in seconds from the start of the recording."
    )


class PartialB(ResultB):
    """Interim result of the segment being spoken; replaced by the next of the same `segment_id`."""

    type: Literal["partial"] = "partial"
    is_final: Literal[False] = False
    stability: float | None = Field(
        default=None, description="0 to 1; null when the recogniser gave none."
    )


class TranscriptionB(ResultB):
    """Final result of a segment; the next one has `segment_id` + 1."""

    type: Literal["transcription"] = "transcription"
    is_final: Literal[True] = True
    confidence: float | None = Field(
        default=None, description="As the recogniser scores it; null when it gave none."
    )
    languages: list[str] = Field(default=[], description="Languages heard, where the model tells.")
    forced: bool = Field(
        default=False,
        description="Whether `finalize`, or quiet, ended the segment, and not the recogniser.",
    )
    resume: ResumePoint | None = Field(
        default=None,
        description="Where to go on after a break; null where unknown or `resumable` is false.",
    )


class RecordingStopped(ServerMessage):
    """The session ended; no result of it follows. A new one may start on this connection."""

    type: Literal["recording_stopped"] = "recording_stopped"
    final_transcript: str = Field(
        description="The finals of this recording, or since its resume, joined by spaces."
    )
    total_duration: float = Field(
        description="Seconds of audio, with what was taken before it was resumed."
    )
    total_segments: int = Field(description="Finals, with those before it was resumed.")
    timestamp: Timestamp
    transcription_method: str = Field(
        default=TRANSCRIPTION_METHOD, description="How the gateway transcribes."
    )
    session_id: str = Field(description="Id of the session, for support.")


class ErrorB(ErrorBody):
    """Something went wrong. The table of error codes says whether the connection stays open."""

    type: Literal["error"] = "error"
    timestamp: Timestamp
    transcription_method: str = Field(
        default=TRANSCRIPTION_METHOD, description="How the gateway transcribes."
    )
    lost: AudioSpan | None = Field(
        default=None,
        description="Audio of the session that was taken and is in no final, where it ended so; "
        "who resumes sends it again.",
    )


class WarningB(WarningBody):
    """Something the client should know; nothing ends by it."""


ServerMessageB = Annotated[
    ConnectionB
    | RecordingStarted
    | Configured
    | PongB
    | PartialB
    | TranscriptionB
    | RecordingStopped
    | ErrorB
    | WarningB
    | Heartbeat
    | Finalized
    | Queued,
    Field(discriminator="type"),
]
