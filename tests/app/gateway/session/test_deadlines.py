"""When alarms are due, on a clock that the test moves."""

import pytest

from app.gateway.session import deadlines
from app.gateway.session.deadlines import Deadline, Deadlines
from app.gateway.settings.gateway import GatewaySettings


class Time:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    moved = Time()
    monkeypatch.setattr(deadlines, "monotonic", moved)
    return moved


def clock_of(time: Time, idle: float = 100, session: float = 50, warning: float = 10) -> Deadlines:
    assert time.now > 0
    settings = GatewaySettings.model_validate(
        {"ws_idle_timeout_s": idle, "ws_max_session_s": session, "ws_warning_s": warning}
    )
    return Deadlines(settings)


def test_an_idle_connection_is_warned_then_ended(time: Time) -> None:
    clock = clock_of(time, session=0)
    assert clock.next() == (1090.0, Deadline.IDLE_WARNING)
    time.now = 1090.0
    assert clock.is_due(Deadline.IDLE_WARNING)
    assert clock.seconds_to(Deadline.IDLE_END) == 10
    clock.mark_done(Deadline.IDLE_WARNING)
    assert clock.next() == (1100.0, Deadline.IDLE_END)


def test_a_word_from_the_client_moves_the_alarm_and_allows_a_second_warning(time: Time) -> None:
    clock = clock_of(time, session=0)
    time.now = 1095.0
    clock.mark_done(Deadline.IDLE_WARNING)
    clock.note_message()
    assert not clock.is_due(Deadline.IDLE_END)
    assert clock.next() == (1185.0, Deadline.IDLE_WARNING)


def test_a_session_that_starts_during_a_sleep_is_not_overslept(time: Time) -> None:
    clock = clock_of(time, idle=0)
    at, alarm = clock.next()
    assert at <= 1000.0 + 50 - 10
    assert not clock.is_due(alarm)
    clock.session_started()
    assert clock.next() == (1040.0, Deadline.SESSION_WARNING)


def test_without_limits_nothing_is_ever_due(time: Time) -> None:
    clock = clock_of(time, idle=0, session=0)
    clock.session_started()
    time.now += 1e6
    at, alarm = clock.next()
    assert at > time.now
    assert not any(clock.is_due(each) for each in Deadline)
    assert not clock.is_due(alarm)


def test_a_limit_shorter_than_the_warning_has_no_warning(time: Time) -> None:
    clock = clock_of(time, idle=5, session=0)
    assert clock.next() == (1005.0, Deadline.IDLE_END)
    # It would come with the first message, or with the start.
    assert clock_of(time, idle=10, session=0).next() == (1010.0, Deadline.IDLE_END)
    clock = clock_of(time, idle=0, session=10)
    clock.session_started()
    assert clock.next() == (1010.0, Deadline.SESSION_END)


def test_audio_is_late_only_for_a_moment_after_a_session(time: Time) -> None:
    clock = clock_of(time)
    assert not clock.just_stopped()
    clock.session_started()
    clock.session_ended()
    assert clock.just_stopped()
    time.now += deadlines.LATE_AUDIO_S
    assert not clock.just_stopped()
