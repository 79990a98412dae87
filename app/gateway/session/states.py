"""The state machine of a connection, as a table.

Pure: it decides, the session acts. Every pair of state and event that can occur stands in the
table; a pair that does not is a fault of the gateway.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.contract import ErrorCode


class State(StrEnum):
    """Where a connection stands."""

    IDLE = "idle"
    """Open, no session."""
    WAITING = "waiting"
    """A start waits for a place among the sessions, or for the recogniser's readiness."""
    STREAMING = "streaming"
    """A session takes audio."""
    FINALISING = "finalising"
    """The audio ended; the last results are awaited."""
    CLOSED = "closed"
    """Nothing is sent any more."""


class Event(StrEnum):
    """What can happen to a connection."""

    START = "start"
    ADMITTED = "admitted"
    """The start that waited has its place."""
    NOT_ADMITTED = "not_admitted"
    """The start that waited gets none: no place in time, none any more, or no recogniser."""
    AUDIO = "audio"
    FINALIZE = "finalize"
    STOP = "stop"
    RESULTS_ENDED = "results_ended"
    REFUSED = "refused"
    """The recogniser refuses what the start message asked for."""
    END = "end"
    """The client left, a limit was exceeded, or something broke."""


class Action(StrEnum):
    """What the session does about it."""

    ASK_FOR_PLACE = "ask_for_place"
    BEGIN = "begin"
    REPORT_NOT_ADMITTED = "report_not_admitted"
    LEAVE_ROOM = "leave_room"
    FEED = "feed"
    FINALISE = "finalise"
    END_AUDIO = "end_audio"
    REPORT_STOPPED = "report_stopped"
    REPORT_REFUSED = "report_refused"
    IGNORE = "ignore"
    REPLY_ERROR = "reply_error"
    FAIL = "fail"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the table.

    Attributes:
        state: The state afterwards.
        action: What to do.
        error: What to tell the client, for REPLY_ERROR and FAIL.
    """

    state: State
    action: Action
    error: ErrorCode | None = None


_I, _W, _S, _F, _C = State.IDLE, State.WAITING, State.STREAMING, State.FINALISING, State.CLOSED

TRANSITIONS: Final[dict[tuple[State, Event], Step]] = {
    (_I, Event.START): Step(_W, Action.ASK_FOR_PLACE),
    (_I, Event.AUDIO): Step(_I, Action.REPLY_ERROR, ErrorCode.AUDIO_BEFORE_START),
    (_I, Event.FINALIZE): Step(_I, Action.REPLY_ERROR, ErrorCode.NO_ACTIVE_SESSION),
    (_I, Event.STOP): Step(_I, Action.REPLY_ERROR, ErrorCode.NO_ACTIVE_SESSION),
    (_I, Event.END): Step(_C, Action.CLOSE),
    (_W, Event.START): Step(_W, Action.REPLY_ERROR, ErrorCode.SESSION_ACTIVE),
    (_W, Event.ADMITTED): Step(_S, Action.BEGIN),
    (_W, Event.NOT_ADMITTED): Step(_I, Action.REPORT_NOT_ADMITTED),
    # No session takes it yet, and a client that waits was told so.
    (_W, Event.AUDIO): Step(_W, Action.REPLY_ERROR, ErrorCode.AUDIO_BEFORE_START),
    (_W, Event.FINALIZE): Step(_W, Action.REPLY_ERROR, ErrorCode.NO_ACTIVE_SESSION),
    (_W, Event.STOP): Step(_I, Action.LEAVE_ROOM),
    (_W, Event.END): Step(_C, Action.CLOSE),
    (_S, Event.START): Step(_S, Action.REPLY_ERROR, ErrorCode.SESSION_ACTIVE),
    (_S, Event.AUDIO): Step(_S, Action.FEED),
    (_S, Event.FINALIZE): Step(_S, Action.FINALISE),
    (_S, Event.STOP): Step(_F, Action.END_AUDIO),
    # The recogniser says goodbye while audio still comes: what follows would be lost unheard.
    (_S, Event.RESULTS_ENDED): Step(_S, Action.FAIL, ErrorCode.ASR_FAILED),
    (_S, Event.REFUSED): Step(_I, Action.REPORT_REFUSED),
    (_S, Event.END): Step(_C, Action.CLOSE),
    (_F, Event.START): Step(_F, Action.REPLY_ERROR, ErrorCode.SESSION_ACTIVE),
    # Old clients send until they hear that the session stopped; the stop said where the audio ends.
    (_F, Event.AUDIO): Step(_F, Action.IGNORE),
    # The stop makes everything final already, and its answer is on the way.
    (_F, Event.FINALIZE): Step(_F, Action.REPLY_ERROR, ErrorCode.NO_ACTIVE_SESSION),
    (_F, Event.STOP): Step(_F, Action.REPLY_ERROR, ErrorCode.NO_ACTIVE_SESSION),
    (_F, Event.RESULTS_ENDED): Step(_I, Action.REPORT_STOPPED),
    (_F, Event.REFUSED): Step(_I, Action.REPORT_REFUSED),
    (_F, Event.END): Step(_C, Action.CLOSE),
    (_C, Event.END): Step(_C, Action.IGNORE),
}


def step(state: State, event: Event) -> Step:
    """Look up what an event leads to.

    Raises:
        ValueError: The event cannot occur in this state.
    """
    found = TRANSITIONS.get((state, event))
    if found is None:
        raise ValueError(f"event {event.value} cannot occur in state {state.value}")
    return found
