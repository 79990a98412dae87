"""The deadlines of a connection: when it is warned and ended for being idle or too long."""

from enum import StrEnum
from math import inf
from time import monotonic
from typing import Final

from app.gateway.settings.gateway import GatewaySettings

LATE_AUDIO_S: Final = 2.0
"""Audio that was under way when the session stopped is no error of the client."""

_LONGEST_SLEEP_S: Final = 3600.0


class Deadline(StrEnum):
    """What is due at a time."""

    IDLE_WARNING = "idle_warning"
    IDLE_END = "idle_end"
    SESSION_WARNING = "session_warning"
    SESSION_END = "session_end"


class Deadlines:
    """Computes when each deadline is due.

    Args:
        settings: The limits; 0 means none.
        session_s: The client's own limit of a session, beside that of the settings.
    """

    def __init__(self, settings: GatewaySettings, session_s: float | None = None) -> None:
        self._idle = settings.ws_idle_timeout_s or inf
        self._session = min(settings.ws_max_session_s or inf, session_s or inf)
        self._warning = settings.ws_warning_s
        self._message_at = monotonic()
        self._session_at: float | None = None
        self._stopped_at = -inf
        self._done: set[Deadline] = set()

    @property
    def longest_session(self) -> float:
        """Seconds that a session may last."""
        return self._session

    def note_message(self) -> None:
        """Note that the client sent something."""
        self._message_at = monotonic()
        self._done.discard(Deadline.IDLE_WARNING)

    def session_started(self) -> None:
        """Note that a session began; the client may have waited for it in silence."""
        self.note_message()
        self._session_at = monotonic()

    def session_ended(self) -> None:
        """Note that a session ended."""
        self._session_at = None
        self._stopped_at = monotonic()
        self._done -= {Deadline.SESSION_WARNING, Deadline.SESSION_END}

    def just_stopped(self) -> bool:
        """Whether audio may still be under way from the last session."""
        return monotonic() - self._stopped_at < LATE_AUDIO_S

    def mark_done(self, deadline: Deadline) -> None:
        """Note that a deadline was acted upon."""
        self._done.add(deadline)

    def is_due(self, deadline: Deadline) -> bool:
        """Return whether a deadline is due; what happened meanwhile may have moved it."""
        return self._times()[deadline] <= monotonic()

    def seconds_to(self, deadline: Deadline) -> float:
        """Return the seconds until a deadline."""
        return max(0.0, self._times()[deadline] - monotonic())

    def next(self) -> tuple[float, Deadline]:
        """Return when the next deadline is due, on the monotonic clock, and which it is.

        A session may start during a sleep, so no sleep is longer than its first deadline is away.
        """
        pending = {each: at for each, at in self._times().items() if each not in self._done}
        deadline = min(pending, key=lambda each: pending[each], default=Deadline.IDLE_WARNING)
        longest = min(_LONGEST_SLEEP_S, self._first_of_a_session())
        return min(pending.get(deadline, inf), monotonic() + longest), deadline

    def _first_of_a_session(self) -> float:
        if self._session_at is not None or self._session == inf:
            return inf
        return max(0.05, self._session - self._warning)

    def _times(self) -> dict[Deadline, float]:
        idle_end = self._message_at + self._idle
        session_end = inf if self._session_at is None else self._session_at + self._session
        warn = self._warning
        return {
            # A limit shorter than the warning has no warning: it would come with the first message.
            Deadline.IDLE_WARNING: idle_end - warn if warn < self._idle else inf,
            Deadline.IDLE_END: idle_end,
            Deadline.SESSION_WARNING: session_end - warn if warn < self._session else inf,
            Deadline.SESSION_END: session_end,
        }
