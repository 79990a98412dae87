"""The state machine of a connection, as a table.

Pure: it decides, the connection acts. A pair of state and event that cannot occur is a fault of the
gateway.
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
    """What the connection does about it."""

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
    """One cell of the table.

    Attributes:
        state: The state afterwards.
        action: What to do.
        error: What to tell the client, for REPLY_ERROR and FAIL.
    """

    state: State
    action: Action
    error: ErrorCode | None = None


_Cell = tuple[Action, State | None, ErrorCode | None]
"""What to do, the state afterwards (None for the same), and the error to tell."""

_request: _Cell = (Action.ASK_FOR_PLACE, State.WAITING, None)
_begin: _Cell = (Action.BEGIN, State.STREAMING, None)
_turned_away: _Cell = (Action.REPORT_NOT_ADMITTED, State.IDLE, None)
_leave: _Cell = (Action.LEAVE_ROOM, State.IDLE, None)
_feed: _Cell = (Action.FEED, None, None)
_finalise: _Cell = (Action.FINALISE, None, None)
_end_audio: _Cell = (Action.END_AUDIO, State.FINALISING, None)
_stopped: _Cell = (Action.REPORT_STOPPED, State.IDLE, None)
_refused: _Cell = (Action.REPORT_REFUSED, State.IDLE, None)
_close: _Cell = (Action.CLOSE, State.CLOSED, None)
_ignore: _Cell = (Action.IGNORE, None, None)
_active: _Cell = (Action.REPLY_ERROR, None, ErrorCode.SESSION_ACTIVE)
_none: _Cell = (Action.REPLY_ERROR, None, ErrorCode.NO_ACTIVE_SESSION)
# In the waiting room too: no session takes it yet, and the client was told that it waits.
_early: _Cell = (Action.REPLY_ERROR, None, ErrorCode.AUDIO_BEFORE_START)
# The recogniser ends the stream while audio still comes: what follows would be lost.
_broken: _Cell = (Action.FAIL, None, ErrorCode.ASR_FAILED)
_never = None

# Finalising, audio is ignored: old clients send until they hear that the session stopped. And a
# finalize is an error there: the stop makes everything final already.
# fmt: off
_TABLE: Final[dict[Event, tuple[_Cell | None, ...]]] = {
    #                     idle          waiting        streaming    finalising   closed
    Event.START:         (_request,     _active,       _active,     _active,     _never),
    Event.ADMITTED:      (_never,       _begin,        _never,      _never,      _never),
    Event.NOT_ADMITTED:  (_never,       _turned_away,  _never,      _never,      _never),
    Event.AUDIO:         (_early,       _early,        _feed,       _ignore,     _never),
    Event.FINALIZE:      (_none,        _none,         _finalise,   _none,       _never),
    Event.STOP:          (_none,        _leave,        _end_audio,  _none,       _never),
    Event.RESULTS_ENDED: (_never,       _never,        _broken,     _stopped,    _never),
    Event.REFUSED:       (_never,       _never,        _refused,    _refused,    _never),
    Event.END:           (_close,       _close,        _close,      _close,      _ignore),
}
# fmt: on

TRANSITIONS: Final[dict[tuple[State, Event], Step]] = {
    (state, event): Step(cell[1] or state, cell[0], cell[2])
    for event, row in _TABLE.items()
    for state, cell in zip(State, row, strict=True)
    if cell is not None
}

FEEDING: Final = {at for (at, _), taken in TRANSITIONS.items() if taken.action is Action.FEED}
"""The states in which audio is taken, so that it need not be looked up for each message."""


def step(state: State, event: Event) -> Step:
    """Look up what an event leads to.

    Raises:
        ValueError: The event cannot occur in this state.
    """
    found = TRANSITIONS.get((state, event))
    if found is None:
        raise ValueError(f"event {event.value} cannot occur in state {state.value}")
    return found
