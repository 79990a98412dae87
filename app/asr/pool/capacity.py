"""How many streams an endpoint takes at the same time: as configured, or as its refusals taught.

A recogniser that answers RESOURCE_EXHAUSTED while n streams are open there has n slots for now, and
one at least, since only a stream can show that there is room again. One more is tried each 10 s,
which is how often Envoy looks at its outliers (`config/cluster/v3/outlier_detection.proto`). Where
it is refused too, that time doubles, up to Envoy's longest ejection of 300 s; where it works, the
refusal is out of date, and each stream that works beyond what was known allows one more at once.
Ten minutes without a refusal, and what was learned is forgotten: twice the longest wait for one
slot, so nothing is forgotten that is still true and still tried.

Pure: a moment is an argument, in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityRules:
    """How fast slots are regained.

    Attributes:
        regain_s: seconds until a slot is tried again.
        slowest_s: that time does not grow beyond so many seconds.
        forgotten_s: so many seconds without a refusal, and nothing is known any more.
    """

    regain_s: float = 10.0
    slowest_s: float = 300.0
    forgotten_s: float = 600.0


class Capacity:
    """The slots of one endpoint.

    Args:
        most: as configured; None where it is unknown.
        rules: how fast they are regained.
    """

    def __init__(self, most: int | None, rules: CapacityRules | None = None) -> None:
        self._most = most
        self._rules = CapacityRules() if rules is None else rules
        self._regain_s = self._rules.regain_s
        self._taken: int | None = None  # what it took at the last refusal, or more since
        self._more = 0  # it may take beyond, since what it took shows that the refusal is old
        self._learned_at = 0.0
        self._refused_at = 0.0

    def streams(self, now: float) -> int | None:
        """Return the streams it takes at the same time; None where it is unknown."""
        if self._taken is None or self._is_forgotten(now):
            return self._most
        slots = self._taken + self._more + self._regained(now)
        return slots if self._most is None else min(self._most, slots)

    def _is_forgotten(self, now: float) -> bool:
        return now - self._refused_at > self._rules.forgotten_s

    def _regained(self, now: float) -> int:
        return int((now - self._learned_at) / self._regain_s)

    def refused(self, beside: int, now: float) -> None:
        """Note that it took no further stream while so many others were open."""
        known = self.streams(now)
        if self._taken is None or self._is_forgotten(now):
            self._regain_s = self._rules.regain_s
        elif self._regained(now) > 0:
            self._regain_s = min(self._rules.slowest_s, 2 * self._regain_s)
        self._taken = max(1, beside if known is None else min(known, beside))
        self._more = 0
        self._learned_at = self._refused_at = now

    def held(self, streams: int, now: float) -> None:
        """Note that so many streams that gave results are open at the same time."""
        known = self.streams(now)
        if self._taken is None or known is None or streams <= self._taken:
            return
        self._taken = streams
        self._more = max(1, known - streams)
        self._learned_at = now
        self._regain_s = self._rules.regain_s
