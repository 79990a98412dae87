"""Dialect A: `start_transcription` and friends, on every WebSocket path but dialect B's."""

from typing import Annotated, Literal

from pydantic import Field

from . import limits
from .fields import (
    AudioFormats,
    AudioSpan,
    Channels,
    ClientMessage,
    Encoding,
    EndpointingOptions,
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
    Timestamp,
    WarningBody,
    WordTiming,
    accepted,
)


class StartTranscription(ClientMessage):
    """Begin a session. Audio follows as binary messages of any length."""

    type: Literal["start_transcription"] = "start_transcription"
    enable_partials: Flag = Field(default=True, description="Whether interim results are sent.")
    hotwords: Hotwords = Field(default_factory=list)
    hotword_boost: HotwordBoost | None = None
    sample_rate: SampleRate | None = None
    encoding: Encoding = "pcm16"
    channels: Channels = 1
    language: Language | None = None
    model: ModelName | None = None
    endpointing: EndpointingOptions | None = Field(
        default=None, json_schema_extra=accepted("an object of endpointing options")
    )
    resumable: Resumable = False
    heartbeat: HeartbeatInterval | None = None
    resume: ResumeToken | None = Field(default=None, repr=False)


class StopTranscription(ClientMessage):
    """End the audio. Every outstanding result is sent before `session_stopped`."""

    type: Literal["stop_transcription"] = "stop_transcription"


class Ping(ClientMessage):
    """Ask for a `pong`."""

    type: Literal["ping"] = "ping"
    timestamp: float | str | None = Field(
        default=None,
        description="Returned unchanged in the pong.",
        json_schema_extra=accepted("a number or a text"),
    )


class GetMetrics(ClientMessage):
    """Ask for `metrics`."""

    type: Literal["get_metrics"] = "get_metrics"


ClientMessageA = Annotated[
    StartTranscription | Finalize | StopTranscription | Ping | GetMetrics,
    Field(discriminator="type"),
]


class ServerConfig(ServerMessage):
    """What a session starts with when the start message does not say otherwise."""

    sample_rate: int = Field(description="Hz, when the start names none.")
    channels: int = Field(description="When the start names none.")
    frame_ms: int = Field(description="Advised length of a binary message in milliseconds.")
    riva_target: str = Field(description="A public name of the recogniser, never its address.")


class Connection(ServerMessage):
    """Hello: sent once, when the socket is open."""

    type: Literal["connection"] = "connection"
    connection_id: str = Field(description="Id of this connection, for support.")
    server_config: ServerConfig = Field(description="Defaults of a session.")
    timestamp: Timestamp
    protocol_version: str = Field(
        default=limits.PROTOCOL_VERSION_A, description="Version of this dialect."
    )
    supported_audio_formats: AudioFormats = Field(description="What a start may ask for.")
    limits: GatewayLimits = Field(description="Limits of this gateway.")
    resume: ResumeOffer | None = Field(
        default=None, description="How to go on after a break; null: sessions cannot be resumed."
    )


class SessionStarted(ServerMessage):
    """The session runs; audio is taken from now on."""

    type: Literal["session_started"] = "session_started"
    connection_id: str = Field(description="Id of this connection, for support.")
    enable_partials: bool = Field(description="Whether interim results will be sent.")
    timestamp: Timestamp
    session_id: str = Field(description="Id of the session, for support.")
    config: SessionConfig = Field(description="What the session works with.")
    resumed: Resumed | None = Field(
        default=None, description="Where it goes on; null in a new session."
    )


class Partial(ServerMessage):
    """Interim result of the segment being spoken; replaced by the next of the same `segment_id`."""

    type: Literal["partial"] = "partial"
    segment_id: int = Field(ge=0, description="Counts from 0 in each session.")
    text: str = Field(description="What was heard in this segment.")
    is_final: Literal[False] = False
    timestamp: Timestamp
    processing_time_ms: float = Field(
        description="Milliseconds from the arrival of the newest audio in a result to its sending."
    )
    stability: float | None = Field(
        default=None, description="0 to 1; null when the recogniser gave none."
    )
    audio_processed: float | None = Field(
        default=None, description="Seconds of the session's audio recognised so far, where known."
    )


class Transcription(ServerMessage):
    """Final result of a segment; the next one has `segment_id` + 1."""

    type: Literal["transcription"] = "transcription"
    segment_id: int = Field(ge=0, description="Counts from 0 in each session.")
    text: str = Field(description="What was heard in this segment.")
    is_final: Literal[True] = True
    timestamp: Timestamp
    processing_time_ms: float = Field(description="As in `partial`.")
    words: list[WordTiming] = Field(
        description="Times in seconds from the start of the session's audio."
    )
    confidence: float | None = Field(
        description="As the recogniser scores it; null when it gave none."
    )
    audio_processed: float | None = Field(default=None, description="As in `partial`.")
    languages: list[str] = Field(default=[], description="Languages heard, where the model tells.")
    forced: bool = Field(
        default=False,
        description="Whether `finalize`, or quiet, ended the segment, and not the recogniser.",
    )
    resume: ResumePoint | None = Field(
        default=None,
        description="Where to go on after a break; null where unknown or `resumable` is false.",
    )


class SessionStopped(ServerMessage):
    """The session ended; no result of it follows. A new one may start on this connection."""

    type: Literal["session_stopped"] = "session_stopped"
    connection_id: str = Field(description="Id of this connection, for support.")
    timestamp: Timestamp
    session_id: str = Field(description="Id of the session, for support.")
    audio_seconds: float = Field(
        description="Audio of this session, with what was taken before it was resumed."
    )
    segments: int = Field(description="Finals of this session, with those before it was resumed.")


class Pong(ServerMessage):
    """Answer to `ping`."""

    type: Literal["pong"] = "pong"
    timestamp: Timestamp
    client_timestamp: float | str | None = Field(default=None, description="What the ping carried.")


class BridgeMetrics(ServerMessage):
    """Counters of this gateway process since it started."""

    total_connections: int = Field(description="Accepted since the start.")
    active_connections: int = Field(description="Open now.")
    active_transcription_sessions: int = Field(description="Running now, uploads included.")
    total_audio_chunks_processed: int = Field(description="Binary messages taken.")
    total_transcriptions: int = Field(description="Finals sent.")


class RivaMetrics(ServerMessage):
    """The recogniser as this connection sees it."""

    connected: bool = Field(description="Whether the last readiness check succeeded.")
    total_audio_duration_s: float = Field(description="Audio of this connection's sessions.")
    total_segments: int = Field(description="Finals sent on this connection.")
    current_segment_id: int = Field(description="Segment being spoken; 0 without a session.")
    host: str = Field(description="A public name of the recogniser, never its address.")
    model: str | None = Field(
        description="Model of the running session; null when the recogniser chooses."
    )


class ConnectionMetrics(ServerMessage):
    """This connection."""

    id: str = Field(description="As `connection_id`.")
    created_at: Timestamp
    session_active: bool = Field(description="Whether a session runs.")
    total_audio_chunks: int = Field(description="Binary messages taken.")
    total_transcriptions: int = Field(description="Finals sent.")


class Metrics(ServerMessage):
    """Answer to `get_metrics`."""

    type: Literal["metrics"] = "metrics"
    bridge: BridgeMetrics = Field(description="The gateway.")
    riva: RivaMetrics = Field(description="The recogniser.")
    connection: ConnectionMetrics = Field(description="This connection.")
    timestamp: Timestamp


class ErrorA(ErrorBody):
    """Something went wrong. The table of error codes says whether the connection stays open."""

    type: Literal["error"] = "error"
    timestamp: Timestamp
    segment_id: int | None = Field(
        default=None, description="Segment that was being spoken, for errors of the recogniser."
    )
    lost: AudioSpan | None = Field(
        default=None,
        description="Audio of the session that was taken and is in no final, where it ended so; "
        "who resumes sends it again.",
    )


class WarningA(WarningBody):
    """Something the client should know; nothing ends by it."""


ServerMessageA = Annotated[
    Connection
    | SessionStarted
    | Partial
    | Transcription
    | SessionStopped
    | Pong
    | Metrics
    | ErrorA
    | WarningA
    | Heartbeat
    | Finalized
    | Queued,
    Field(discriminator="type"),
]
