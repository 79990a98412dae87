"""The connection's table of states and events."""

import pytest

from app.contract import ERRORS
from app.gateway.states import TRANSITIONS, Action, Event, State, step


def test_every_event_has_an_answer_in_every_state_in_which_it_can_occur() -> None:
    from_client = (Event.START, Event.AUDIO, Event.STOP)
    for state in (State.IDLE, State.STREAMING, State.FINALISING):
        for event in from_client:
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
        if event in {Event.START, Event.AUDIO, Event.STOP} and row.error is not None:
            assert row.action is Action.REPLY_ERROR
            assert ERRORS[row.error].close_code is None


def test_an_error_is_named_exactly_where_one_is_told() -> None:
    for row in TRANSITIONS.values():
        assert (row.error is not None) == (row.action in {Action.REPLY_ERROR, Action.FAIL})


def test_a_session_runs_through_start_audio_stop_and_ends_where_it_began() -> None:
    state = State.IDLE
    actions = []
    for event in (Event.START, Event.AUDIO, Event.STOP, Event.AUDIO, Event.RESULTS_ENDED):
        taken = step(state, event)
        state = taken.state
        actions.append(taken.action)
    assert state is State.IDLE
    assert actions == [
        Action.BEGIN,
        Action.FEED,
        Action.END_AUDIO,
        Action.IGNORE,
        Action.REPORT_STOPPED,
    ]


def test_an_event_that_cannot_occur_is_a_fault_with_a_name() -> None:
    with pytest.raises(ValueError, match="event audio cannot occur in state closed"):
        step(State.CLOSED, Event.AUDIO)
