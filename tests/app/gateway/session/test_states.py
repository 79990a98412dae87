"""The connection's table of states and events."""

import pytest

from app.contract import ERRORS
from app.gateway.session.states import TRANSITIONS, Action, Event, State, step

FROM_CLIENT = (Event.START, Event.AUDIO, Event.FINALIZE, Event.STOP)
OPEN = (State.IDLE, State.WAITING, State.STREAMING, State.FINALISING)


def test_every_event_has_an_answer_in_every_state_in_which_it_can_occur() -> None:
    for state in OPEN:
        for event in FROM_CLIENT:
            assert (state, event) in TRANSITIONS
    for state in State:
        assert (state, Event.END) in TRANSITIONS


def test_every_state_is_reached_and_only_the_end_is_final() -> None:
    assert {row.state for row in TRANSITIONS.values()} == set(State)
    assert {state for state, event in TRANSITIONS if event is Event.STOP} == set(State) - {
        State.CLOSED
    }


def test_a_client_can_never_end_the_connection_by_a_message_in_the_wrong_order() -> None:
    for (_, event), row in TRANSITIONS.items():
        if event in FROM_CLIENT and row.error is not None:
            assert row.action is Action.REPLY_ERROR
            assert ERRORS[row.error].close_code is None


def test_an_error_is_named_exactly_where_one_is_told() -> None:
    for row in TRANSITIONS.values():
        assert (row.error is not None) == (row.action in {Action.REPLY_ERROR, Action.FAIL})


def test_a_session_runs_through_start_audio_stop_and_ends_where_it_began() -> None:
    state = State.IDLE
    actions = []
    for event in (
        Event.START,
        Event.ADMITTED,
        Event.AUDIO,
        Event.FINALIZE,
        Event.STOP,
        Event.AUDIO,
        Event.RESULTS_ENDED,
    ):
        taken = step(state, event)
        state = taken.state
        actions.append(taken.action)
    assert state is State.IDLE
    assert actions == [
        Action.ASK_FOR_PLACE,
        Action.BEGIN,
        Action.FEED,
        Action.FINALISE,
        Action.END_AUDIO,
        Action.IGNORE,
        Action.REPORT_STOPPED,
    ]


def test_only_a_session_that_takes_audio_can_be_asked_to_finalize() -> None:
    for state in OPEN:
        row = step(state, Event.FINALIZE)
        assert row.state is state
        assert (row.error is None) == (state is State.STREAMING)


def test_a_start_that_waits_is_no_session_yet_and_can_be_taken_back() -> None:
    assert step(State.WAITING, Event.AUDIO).error == "audio_before_start"
    assert step(State.WAITING, Event.START).error == "session_active"
    assert step(State.WAITING, Event.STOP).state is State.IDLE
    assert step(State.WAITING, Event.NOT_ADMITTED).state is State.IDLE


def test_an_event_that_cannot_occur_is_a_fault_with_a_name() -> None:
    with pytest.raises(ValueError, match="event audio cannot occur in state closed"):
        step(State.CLOSED, Event.AUDIO)
