"""Whether and when a stream that broke is opened again. Pure: moments are arguments.

A stream is *away* from the moment it breaks until a stream opened after it has proved itself, by a
final about new audio or by its age. Streams that die young do not end the outage. Too many of them
in a row that the recogniser itself broke off end the matter, since it will do no better the next
time with the same audio. One that cannot be reached, or that is full, says nothing about the audio:
it is waited for as long as an outage may last, however often it comes and goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.asr.errors import ErrorCode
from app.backoff import jittered

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.asr.errors import AsrError

_NOT_THE_AUDIO = frozenset(
    {ErrorCode.UNAVAILABLE, ErrorCode.CANCELLED, ErrorCode.RESOURCE_EXHAUSTED}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReopenRules:
    """The bounds of reopening.

    Attributes:
        outage_limit: seconds a stream may be away.
        first_wait: bound in seconds of the random wait before the second attempt; the first one
            comes at once. It doubles with each attempt.
        longest_wait: bound in seconds beyond which it does not grow.
        quick: a stream that lives less long, in seconds, and has no final, died young.
        most_quick: so many that the recogniser broke off young in a row are enough.
    """

    outage_limit: float
    first_wait: float
    longest_wait: float = 2.0
    quick: float = 5.0
    most_quick: int = 3


class Reopening:
    """One stream's memory of its breaks.

    Args:
        rules: the bounds.
        draw: returns a random number between two; None takes `random.uniform`.
    """

    def __init__(
        self, rules: ReopenRules, draw: Callable[[float, float], float] | None = None
    ) -> None:
        self._rules = rules
        self._draw = draw
        self._opened_at: float | None = None
        self._away_since: float | None = None
        self._attempts = 0
        self._young = 0

    def opened(self, now: float) -> None:
        """Note that a stream is open."""
        self._opened_at = now

    def progressed(self) -> None:
        """Note that the open stream gave a final: the outage is over."""
        self._away_since, self._attempts, self._young = None, 0, 0

    def rotated(self, now: float) -> None:
        """Note that the open stream was left on purpose."""
        self.progressed()
        self._opened_at, self._away_since = None, now

    def broke(self, error: AsrError, now: float, *, elsewhere: bool) -> float | None:
        """Note that the open stream broke.

        Args:
            error: why.
            now: the moment, in seconds.
            elsewhere: whether there is another endpoint than the one that broke.

        Returns:
            Seconds to wait before it is opened again; None when it is not.
        """
        opened_at, self._opened_at = self._opened_at, None
        lived = 0.0 if opened_at is None else now - opened_at
        if lived >= self._rules.quick:
            self.progressed()
        elif error.code not in _NOT_THE_AUDIO:
            self._young += 1
        if not is_passing(error) or self._young >= self._rules.most_quick:
            return None
        if error.code == ErrorCode.DEADLINE_EXCEEDED and not elsewhere:
            # It is alive and does not keep up: the same audio once more would only add to its load.
            return None
        if self._away_since is None:
            self._away_since = now
        return self._next_wait(now)

    def refused(self, error: AsrError, now: float) -> float | None:
        """Note that an attempt to open it again failed; return as `broke` does."""
        return self._next_wait(now) if is_passing(error) else None

    def left(self, now: float) -> float:
        """Return the seconds it may still be away."""
        since = now if self._away_since is None else self._away_since
        return max(0.0, since + self._rules.outage_limit - now)

    def _next_wait(self, now: float) -> float | None:
        since = now if self._away_since is None else self._away_since
        left = since + self._rules.outage_limit - now
        if left <= 0:
            return None
        attempt, self._attempts = self._attempts, self._attempts + 1
        if attempt == 0:
            return 0.0
        rules = self._rules
        wait = jittered(
            attempt - 1, first_s=rules.first_wait, longest_s=rules.longest_wait, draw=self._draw
        )
        return min(left, wait)


def is_passing(error: AsrError) -> bool:
    """Whether a stream that ended so may be opened again."""
    return error.retryable and error.code != ErrorCode.CLIENT_CLOSED
