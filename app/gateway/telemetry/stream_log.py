"""What the log says of a stream: one line at its start and one at its end.

A stream is a session on one connection. These models are the schema; docs/logs.md is made of them.
"""

from typing import Final, Literal, TypedDict

from pydantic import BaseModel, ConfigDict, Field

STARTED: Final = "stream started"
ENDED: Final = "stream ended"


class IdentityFields(TypedDict):
    """The fields of `StreamIdentity`, to be given to either line."""

    stream_id: str
    session_id: str
    connection_id: str
    trace_id: str
    client: str
    dialect: str
    group: str
    model: str | None
    colour: str | None


class StreamIdentity(BaseModel):
    """What both lines begin with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stream_id: str = Field(description="Of this session on this connection; both lines have it.")
    session_id: str = Field(description="Of the session; a resumed one keeps it.")
    connection_id: str = Field(description="Of the WebSocket, or of the call over gRPC.")
    trace_id: str = Field(
        description="W3C trace id, 32 hex digits: of the client's `traceparent`, or made here."
    )
    client: str = Field(
        description="Who it is, as a keyed hash that this gateway makes anew at each start."
    )
    dialect: str = Field(description="Of the protocol that the client speaks.")
    group: str = Field(description="Of recognisers.")
    model: str | None = Field(description="Asked for; null for the recogniser's own choice.")
    colour: str | None = Field(description="Of this gateway's machine; null where it has none.")


class StreamStarted(StreamIdentity):
    """A session was admitted and begins."""

    language: str | None = Field(description="BCP 47, as it is asked of the recogniser.")
    sample_rate: int = Field(description="Hz, of the client's audio.")
    encoding: str = Field(description="Of the client's samples.")
    channels: int = Field(description="Of the client's audio.")
    hotwords: int = Field(description="How many phrases the client prefers.")
    resumable: bool = Field(description="Whether the client is given points to resume from.")
    resumed_at: float | None = Field(
        description="Seconds of the session's audio it goes on from; null for a new one."
    )


class StreamEnded(StreamIdentity):
    """A session is over."""

    reason: str = Field(description="`stopped`, `disconnected`, `client_closed`, or an error code.")
    close_code: int | None = Field(
        description="The WebSocket's, where the connection ended with it; else null."
    )
    duration_s: float = Field(description="Wall-clock seconds from start to end.")
    audio_s: float = Field(description="Seconds of audio taken on this connection.")
    audio_bytes: int = Field(description="Bytes of audio received, as the client encoded them.")
    rtfx: float | None = Field(description="Audio seconds by wall-clock seconds.")
    interims: int = Field(description="Sent.")
    finals: int = Field(description="Sent.")
    segments: int = Field(description="Of the session, those before it was resumed included.")
    first_interim_s: float | None = Field(
        description="From the first word's arrival to the first interim, of the first segment that "
        "has both; null without word times or real time."
    )
    worst_final_s: float | None = Field(
        description="From the end of speech to its final, the longest; null likewise."
    )
    flush_s: float | None = Field(description="From stop to the last result; null without a stop.")
    replays: int = Field(description="Times the recogniser was lost and its audio sent again.")
    outage_s: float = Field(description="Seconds without a recogniser, all together.")
    resumes: Literal[0, 1] = Field(description="1 where a client came back to this session.")


LINES: Final[dict[str, type[StreamIdentity]]] = {STARTED: StreamStarted, ENDED: StreamEnded}
"""Text of the line's `event` -> its fields, beside `level`, `logger` and `timestamp`."""
