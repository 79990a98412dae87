"""What can be sent to a client, as plain values; a dialect renders it, or leaves it out."""

from dataclasses import dataclass
from datetime import datetime

from app.asr import Transcript
from app.contract import ContractError, WarningCode
from app.contract.fields import AudioSpan, Resumed, ResumeOffer, ResumePoint
from app.gateway.dialects.intents import SessionRequest


@dataclass(frozen=True, slots=True)
class Opened:
    """The connection is open; sessions can be resumed with the offer."""

    offer: ResumeOffer


@dataclass(frozen=True, slots=True)
class Queued:
    """The start waits for a session.

    Attributes:
        place: 1 is next.
        seconds_left: Until the start is given up.
    """

    place: int
    seconds_left: float


@dataclass(frozen=True, slots=True)
class Started:
    """A session runs.

    Attributes:
        session_id: Of the session.
        request: What it works with.
        resumed: From where it goes on; None for a new one.
    """

    session_id: str
    request: SessionRequest
    resumed: Resumed | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """An interim or final result.

    Attributes:
        transcript: Its text and words; times are seconds of the session's audio.
        segment_id: Of the segment it belongs to.
        segment_start: Seconds of the session's audio where the segment begins.
        segment_end: Where it ends as far as is known.
        age: Seconds since the newest audio in it arrived.
        resume: Where the session can be resumed after it; None in an interim.
    """

    transcript: Transcript
    segment_id: int
    segment_start: float
    segment_end: float
    age: float
    resume: ResumePoint | None = None


@dataclass(frozen=True, slots=True)
class Finalised:
    """A finalise request is answered: everything before a position (seconds) is in finals."""

    position: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the session is, in seconds of its audio.

    Attributes:
        received: Audio that was taken.
        recognised: Audio that the recogniser has taken.
        realtime_factor: Audio recognised per second since the last such event; None in the first.
        resume: The newest point; None where none is known.
    """

    received: float
    recognised: float
    realtime_factor: float | None
    resume: ResumePoint | None


@dataclass(frozen=True, slots=True)
class Stopped:
    """The session ended as the client asked.

    Attributes:
        session_id: Of the session.
        audio_seconds: Length of its audio.
        segments: How many segments it has.
    """

    session_id: str
    audio_seconds: float
    segments: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Something went wrong.

    Attributes:
        error: What.
        segment_id: Segment that was being spoken; None outside a session.
        lost: Audio that is in no final, where a session ended by it.
    """

    error: ContractError
    segment_id: int | None = None
    lost: AudioSpan | None = None


@dataclass(frozen=True, slots=True)
class Warned:
    """Something the client should know; nothing ends by it.

    Attributes:
        code: Which warning.
        sentence: For people.
        seconds_left: Until what is announced happens, where that is known.
    """

    code: WarningCode
    sentence: str
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The counters that a client asked for.

    Attributes:
        connections_opened: Connections of the process since it started.
        connections: Open now.
        sessions: Running now, uploads included.
        all_messages: Binary messages of the process.
        all_finals: Finals of the process.
        connected: Whether the recogniser's last readiness check succeeded.
        connection_created_at: When the connection was opened.
        messages: Binary messages of the connection.
        finals: Finals of the connection.
        audio_seconds: Audio of the connection's sessions.
        segment_id: Segment being spoken; 0 without a session.
        session_active: Whether a session runs.
        model: Model of the running session, None where the recogniser chooses.
    """

    connections_opened: int
    connections: int
    sessions: int
    all_messages: int
    all_finals: int
    connected: bool
    connection_created_at: datetime
    messages: int
    finals: int
    audio_seconds: float
    segment_id: int
    session_active: bool
    model: str | None


Event = Opened | Queued | Started | Finalised | Progress | Stopped | Failed | Warned | Counts
