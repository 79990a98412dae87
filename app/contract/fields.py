"""Base classes and field types of the messages."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ..json_types import WHOLE
from . import limits

Timestamp = Annotated[AwareDatetime, Field(description="UTC, ISO 8601 with offset.")]
"""Wall-clock time of sending. Not to be used for measuring durations."""


def accepted(text: str) -> dict[str, Any]:
    """Attach to a field what it accepts, in the words an error message uses."""
    return {"accepted": text}


class ClientMessage(BaseModel):
    """A control message from a client. Unknown keys are ignored; known keys are never coerced.

    What JSON calls an integer is one: 16000.0 is 16000.
    """

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, allow_inf_nan=False)


class ServerMessage(BaseModel):
    """A message from the gateway. A client must ignore keys and types it does not know."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class AudioSpan(ServerMessage):
    """A stretch of a session's audio."""

    start: float = Field(description="Seconds from the start of the session's audio.")
    end: float = Field(description="Seconds from the start of the session's audio.")


class WarningBody(ServerMessage):
    """What a warning says, alike in both dialects."""

    type: Literal["warning"] = "warning"
    warning: str = Field(description="A sentence for people.")
    code: str = Field(description="For programs; see the table of warning codes.")
    timestamp: Timestamp
    seconds_left: float | None = Field(
        default=None, description="Until the announced end, where there is one."
    )


SampleRate = Annotated[
    int,
    Field(
        ge=limits.MIN_SAMPLE_RATE_HZ,
        le=limits.MAX_SAMPLE_RATE_HZ,
        description="Samples per second of the audio that follows.",
        json_schema_extra=accepted(
            f"a whole number from {limits.MIN_SAMPLE_RATE_HZ} to {limits.MAX_SAMPLE_RATE_HZ}"
        ),
    ),
    WHOLE,
]
Encoding = Annotated[
    Literal["pcm16", "float32"],
    Field(
        description="Sample format: 16-bit signed or 32-bit float in -1..1, little-endian.",
        json_schema_extra=accepted('"pcm16" or "float32"'),
    ),
]
Channels = Annotated[
    int,
    Field(
        ge=1,
        le=2,
        description="Interleaved channels; two are averaged to one.",
        json_schema_extra=accepted("1 or 2"),
    ),
    WHOLE,
]
Language = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$",
        max_length=35,
        description="BCP 47 tag. Part of one that the recogniser lists will do (`en` for `en-US`), "
        "and more than it lists (`de-CH` for `de`); `config` of the answer says what is asked for.",
        json_schema_extra=accepted("a BCP 47 language tag such as en-US"),
    ),
]
ModelName = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$",
        max_length=limits.MAX_NAME_CHARS,
        description="Model as the recogniser lists it; absent means the configured one.",
        json_schema_extra=accepted(
            f"letters, digits and . _ : / - , at most {limits.MAX_NAME_CHARS} characters"
        ),
    ),
]
Hotword = Annotated[
    str,
    Field(
        min_length=1,
        max_length=limits.MAX_HOTWORD_CHARS,
        json_schema_extra=accepted(f"a text of 1 to {limits.MAX_HOTWORD_CHARS} characters"),
    ),
]
Hotwords = Annotated[
    list[Hotword],
    Field(
        max_length=limits.MAX_HOTWORDS,
        description="Words and phrases to prefer.",
        json_schema_extra=accepted(
            f"a list of at most {limits.MAX_HOTWORDS} texts "
            f"of 1 to {limits.MAX_HOTWORD_CHARS} characters"
        ),
    ),
]
HotwordBoost = Annotated[
    float,
    Field(
        ge=0,
        le=limits.MAX_HOTWORD_BOOST,
        allow_inf_nan=False,
        description="How much hotwords are preferred; absent means the configured boost.",
        json_schema_extra=accepted(f"a number from 0 to {limits.MAX_HOTWORD_BOOST:g}"),
    ),
]
HistoryMs = Annotated[
    int,
    Field(
        ge=1,
        le=limits.MAX_ENDPOINTING_MS,
        description="Window in milliseconds.",
        json_schema_extra=accepted(
            f"a whole number of milliseconds from 1 to {limits.MAX_ENDPOINTING_MS}"
        ),
    ),
    WHOLE,
]
Threshold = Annotated[
    float,
    Field(
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="Share of the window.",
        json_schema_extra=accepted("a number from 0 to 1"),
    ),
]
Flag = Annotated[bool, Field(json_schema_extra=accepted("true or false"))]
Resumable = Annotated[
    Flag,
    Field(
        description="Whether this client can resume: it then gets `resume` in finals, and "
        "heartbeats."
    ),
]
HeartbeatInterval = Annotated[
    float,
    Field(
        ge=limits.MIN_HEARTBEAT_S,
        le=limits.MAX_HEARTBEAT_S,
        allow_inf_nan=False,
        description="Seconds between two `heartbeat` messages; absent: none, or "
        f"{limits.DEFAULT_HEARTBEAT_S:g} where `resumable` is true.",
        json_schema_extra=accepted(
            f"a number of seconds from {limits.MIN_HEARTBEAT_S:g} to {limits.MAX_HEARTBEAT_S:g}"
        ),
    ),
]
ResumeToken = Annotated[
    str,
    Field(
        min_length=1,
        max_length=limits.MAX_RESUME_TOKEN_CHARS,
        description="Newest token of the session that this one goes on from. The other keys are "
        "those of its own start.",
        json_schema_extra=accepted("a token as `resume` of a hello, final or heartbeat has it"),
    ),
]


class EndpointingOptions(ClientMessage):
    """When the recogniser ends a segment. What is absent stays as the model has it."""

    start_history_ms: HistoryMs | None = None
    start_threshold: Threshold | None = None
    stop_history_ms: HistoryMs | None = None
    stop_threshold: Threshold | None = None
    stop_history_eou_ms: HistoryMs | None = None
    stop_threshold_eou: Threshold | None = None


class WordTiming(ServerMessage):
    """One recognised word."""

    word: str = Field(description="The word as it was recognised.")
    start: float = Field(description="Seconds; the message says from where.")
    end: float = Field(description="Seconds; the message says from where.")
    confidence: float | None = Field(
        description="As the recogniser scores it; null when it gave none."
    )
    speaker: int | None = Field(
        default=None, description="Speaker number, where diarisation is on."
    )


class AudioFormats(ServerMessage):
    """What `sample_rate`, `encoding` and `channels` of a start message may be."""

    sample_rates: list[int] = Field(
        description="Usual rates in Hz; any whole rate between the least and the greatest is taken."
    )
    encodings: list[str] = Field(description="Sample formats.")
    channels: list[int] = Field(description="Interleaved channels.")


class GatewayLimits(ServerMessage):
    """Limits of this gateway, as configured."""

    max_message_bytes: int = Field(description="Largest binary message.")
    max_control_bytes: int = Field(description="Largest text message.")
    max_session_s: float | None = Field(description="null: no limit.")
    idle_timeout_s: float | None = Field(description="null: no limit.")


class SessionConfig(ServerMessage):
    """What a session works with, after defaults."""

    sample_rate: int = Field(description="Hz.")
    encoding: str = Field(description="Sample format.")
    channels: int = Field(description="Interleaved channels.")
    language: str | None = Field(
        description="The recogniser's own tag for what the start named, or for the configured "
        "one; as it was named where the recogniser does not say which it has."
    )
    model: str | None = Field(description="null: as the recogniser is configured.")


class Finalize(ClientMessage):
    """Make everything sent so far final, and go on. Answered by `finalized`."""

    type: Literal["finalize"] = "finalize"


class ResumePoint(ServerMessage):
    """Where a session can be resumed, on this gateway or on another one.

    Audio before `position` may be forgotten once this was received.
    """

    position: float = Field(
        description="Seconds of the session's audio: from here on it must be sent again."
    )
    token: str = Field(repr=False, description="For `resume` of the start on the new connection.")


class ResumeOffer(ServerMessage):
    """How sessions of this gateway can be resumed."""

    token: str = Field(
        repr=False, description="As in a resume point at the very start of a session."
    )
    window_s: float = Field(description="For so many seconds a token is taken.")
    heartbeat_s: float = Field(description="Between heartbeats that renew it, unless asked for.")
    as_bearer: bool = Field(
        default=False,
        description="Whether the newest token of a session stands for the bearer token of the "
        "connection on which it goes on: so where a single-use token opened this one.",
    )


class Resumed(ServerMessage):
    """From where a resumed session goes on."""

    position: float = Field(description="Seconds of the session's audio: the first to be sent now.")
    segment_id: int = Field(ge=0, description="Of the next final.")


class Heartbeat(ServerMessage):
    """How far the session is. Sent only where the start asked for it."""

    type: Literal["heartbeat"] = "heartbeat"
    timestamp: Timestamp
    audio_received: float = Field(
        description="Seconds of the session's audio taken: what is not in here is still on its way."
    )
    audio_recognised: float = Field(
        description="Seconds of the session's audio the recogniser has taken."
    )
    queued: float = Field(description="Seconds of audio that wait for the recogniser.")
    realtime_factor: float | None = Field(
        description="Seconds of audio taken by the recogniser for each second since the last "
        "heartbeat: 1 for speech as it is spoken; null in the first."
    )
    resume: ResumePoint | None = Field(
        default=None, description="Newest point; null where none is known or resumable is false."
    )


class Finalized(ServerMessage):
    """Answer to `finalize`: every final it brought came before this."""

    type: Literal["finalized"] = "finalized"
    timestamp: Timestamp
    position: float = Field(
        description="Seconds of the session's audio: everything before is in the finals."
    )


class Queued(ServerMessage):
    """All sessions are in use; the start waits. Sent only to clients that connected with `wait`."""

    type: Literal["queued"] = "queued"
    timestamp: Timestamp
    place: int = Field(ge=1, description="1 is next.")
    seconds_left: float = Field(description="Until the start is given up.")


class ErrorBody(ServerMessage):
    """Body of an HTTP error, and the common part of both dialects' `error` messages."""

    error: str = Field(description="A sentence for people.")
    code: str = Field(description="For programs; see the table of error codes.")
    retryable: bool = Field(description="Whether the same request may succeed later unchanged.")
    retry_after: float | None = Field(description="Seconds to wait, or null.")
