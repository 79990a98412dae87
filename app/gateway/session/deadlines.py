"""When a connection must be warned or ended because of the time."""

import asyncio
from enum import StrEnum
from math import inf
from time import monotonic
from typing import Final

from app.gateway.settings.gateway import GatewaySettings

LATE_AUDIO_S: Final = 2.0
"""Audio that was under way when the session stopped is no mistake of the client."""

_LONGEST_SLEEP_S: Final = 3600.0


class Deadline(StrEnum):
    """What time can bring."""

    IDLE_WARNING = "idle_warning"
    IDLE_END = "idle_end"
    SESSION_WARNING = "session_warning"
    SESSION_END = "session_end"


class Command(StrEnum):
    """What the gateway can want of a connection, the most urgent first."""

    SUPERSEDED = "superseded"
    DRAIN = "drain"
    RECOGNITION_OFF = "recognition_off"
    RECOGNITION_MOVED = "recognition_moved"


class CommandQueue:
    """Holds what the gateway wants of a connection until it comes to it; each thing once."""

    def __init__(self) -> None:
        self._wanted: set[Command] = set()
        self._come = asyncio.Event()

    def give(self, nudge: Command) -> None:
        """Want something."""
        self._wanted.add(nudge)
        self._come.set()

    async def next(self) -> Command:
        """Wait until something is wanted, and take it."""
        await self._come.wait()
        nudge = next(each for each in Command if each in self._wanted)
        self._wanted.discard(nudge)
        if not self._wanted:
            self._come.clear()
        return nudge


class Deadlines:
    """Knows when each alarm is due.

    Args:
        settings: The limits; 0 means none.
    """

    def __init__(self, settings: GatewaySettings) -> None:
        self._idle = settings.ws_idle_timeout_s or inf
        self._session = settings.ws_max_session_s or inf
        self._warning = settings.ws_warning_s
        self._heard_at = monotonic()
        self._session_at: float | None = None
        self._stopped_at = -inf
        self._rung: set[Deadline] = set()

    def heard(self) -> None:
        """Note that the client said something."""
        self._heard_at = monotonic()
        self._rung.discard(Deadline.IDLE_WARNING)

    def session_started(self) -> None:
        """Note that a session began; the client may have waited for it in silence."""
        self.heard()
        self._session_at = monotonic()

    def session_ended(self) -> None:
        """Note that a session ended."""
        self._session_at = None
        self._stopped_at = monotonic()
        self._rung -= {Deadline.SESSION_WARNING, Deadline.SESSION_END}

    def just_stopped(self) -> bool:
        """Whether audio may still be under way from the last session."""
        return monotonic() - self._stopped_at < LATE_AUDIO_S

    def rang(self, alarm: Deadline) -> None:
        """Note that an alarm was acted upon."""
        self._rung.add(alarm)

    def due(self, alarm: Deadline) -> bool:
        """Whether an alarm's time has come; what happened meanwhile may have moved it."""
        return self._times()[alarm] <= monotonic()

    def seconds_to(self, alarm: Deadline) -> float:
        """Return the seconds until an alarm."""
        return max(0.0, self._times()[alarm] - monotonic())

    def next_alarm(self) -> tuple[float, Deadline]:
        """Return the next alarm and when it is due on the monotonic clock.

        A session may start during a sleep, so no sleep is longer than the shortest way to an alarm.
        """
        waiting = {alarm: at for alarm, at in self._times().items() if alarm not in self._rung}
        alarm = min(waiting, key=lambda name: waiting[name], default=Deadline.IDLE_WARNING)
        at = waiting.get(alarm, inf)
        patience = min(_LONGEST_SLEEP_S, self._soonest_session_alarm())
        return min(at, monotonic() + patience), alarm

    def _soonest_session_alarm(self) -> float:
        if self._session_at is not None or self._session == inf:
            return inf
        return max(0.05, self._session - self._warning)

    def _times(self) -> dict[Deadline, float]:
        idle_end = self._heard_at + self._idle
        session_end = inf if self._session_at is None else self._session_at + self._session
        warn = self._warning
        return {
            # A limit shorter than the warning has no warning: it would come with the first message.
            Deadline.IDLE_WARNING: idle_end - warn if warn < self._idle else inf,
            Deadline.IDLE_END: idle_end,
            Deadline.SESSION_WARNING: session_end - warn if warn < self._session else inf,
            Deadline.SESSION_END: session_end,
        }
