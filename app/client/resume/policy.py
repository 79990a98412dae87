"""Whether a broken connection is replaced, and the waits before."""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Final

from ...backoff import jittered
from ...contract import CloseCode
from ..errors import ClientError, ConnectionLostError, GatewayError

_WORTH_RESUMING: Final = frozenset(
    {CloseCode.GOING_AWAY, CloseCode.INTERNAL, CloseCode.RESTART, CloseCode.TRY_LATER}
)
"""Close codes after which another gateway, or the same one a little later, can go on. After a limit
was exceeded (1008, 1009) it would be exceeded again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconnectRules:
    """How a broken connection is replaced, within `Deadlines.reconnect`.

    Attributes:
        first_s: Longest wait in seconds before the first try.
        longest_s: Longest wait before any other; between them the bound doubles.
        quick_s: A connection that breaks within so many seconds without any progress of the session
            failed quickly.
        quick_failures: Quick failures in a row after which the session is given up.
    """

    first_s: float = 0.5
    longest_s: float = 10.0
    quick_s: float = 5.0
    quick_failures: int = 5

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{field.name} is {value}; accepted: a number greater than 0")


def may_resume(error: ClientError) -> bool:
    """Return whether a session that ended by this error can go on over another connection."""
    match error:
        case ConnectionLostError():
            return error.retryable
        case GatewayError():
            return error.retryable and error.close_code in _WORTH_RESUMING
        case _:
            return False


class Backoff:
    """Waits between tries: full jitter, so that clients that broke together come back apart.

    Args:
        rules: The bounds.
        draw: Returns a random number between two; None takes `random.uniform`.
    """

    def __init__(
        self, rules: ReconnectRules, draw: Callable[[float, float], float] | None = None
    ) -> None:
        self._rules = rules
        self._draw = draw
        self._tries = 0

    def wait(self, retry_after: float | None) -> float:
        """Return the seconds to wait before the next try.

        Args:
            retry_after: What the gateway asked for; the drawn time comes on top of it, or all who
                were refused would come back in the same moment.
        """
        wait = jittered(
            self._tries,
            first_s=self._rules.first_s,
            longest_s=self._rules.longest_s,
            draw=self._draw,
        )
        self._tries += 1
        return (retry_after or 0.0) + wait


class QuickFailures:
    """Counts connections that take the session and break at once.

    Args:
        rules: What is quick, and how often is too often.
    """

    def __init__(self, rules: ReconnectRules) -> None:
        self._rules = rules
        self._in_a_row = 0

    def record(self, *, lived_s: float, progressed: bool) -> bool:
        """Note that a connection broke, and return whether to give up.

        Args:
            lived_s: Seconds for which it had the session.
            progressed: Whether more audio became final on it.
        """
        quick = lived_s < self._rules.quick_s and not progressed
        self._in_a_row = self._in_a_row + 1 if quick else 0
        return self._in_a_row >= self._rules.quick_failures
