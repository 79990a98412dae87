"""How many streams an endpoint takes at the same time: what is configured, and what it taught.

A recogniser that answers RESOURCE_EXHAUSTED while n streams are open there has n slots for now.
They are regained one after the other: one each 10 s, which is how often Envoy looks at its outliers
(`config/cluster/v3/outlier_detection.proto`). A refusal that meets a slot which was just regained
doubles that time, up to Envoy's longest ejection of 300 s; streams that work in regained slots set
it back. Ten minutes without a refusal, and what was learned is forgotten: twice the longest wait
for one slot, so nothing is forgotten that is still true and still tried.

Nothing here waits or looks at a clock: a moment is an argument, in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotRules:
    """How fast slots are regained.

    Attributes:
        regain_s: seconds until a slot is tried again.
        slowest_s: that time does not grow beyond so many seconds.
        forgotten_s: so many seconds without a refusal, and nothing is known any more.
    """

    regain_s: float = 10.0
    slowest_s: float = 300.0
    forgotten_s: float = 600.0


class Slots:
    """The slots of one endpoint.

    Args:
        most: as configured; None where nobody knows.
        rules: how fast they are regained.
    """

    def __init__(self, most: int | None, rules: SlotRules | None = None) -> None:
        self._most = most
        self._rules = SlotRules() if rules is None else rules
        self._regain_s = self._rules.regain_s
        self._learned: int | None = None  # what it took at the last refusal, or more since
        self._learned_at = 0.0
        self._refused_at = 0.0

    def count(self, now: float) -> int | None:
        """Streams it takes at the same time; None where nobody knows."""
        if self._learned is None or now - self._refused_at > self._rules.forgotten_s:
            return self._most
        regained = int((now - self._learned_at) / self._regain_s)
        return self._within(self._learned + regained)

    def refused(self, beside: int, now: float) -> None:
        """It took no further stream while so many others were open."""
        known = self.count(now)
        if self._learned is None or now - self._refused_at > self._rules.forgotten_s:
            self._regain_s = self._rules.regain_s
        elif known is not None and known > self._learned:
            self._regain_s = min(self._rules.slowest_s, 2 * self._regain_s)
        self._learned = beside if known is None else min(known, beside)
        self._learned_at = self._refused_at = now

    def held(self, streams: int, now: float) -> None:
        """So many streams that gave results are open at the same time."""
        known = self.count(now)
        if self._learned is None or known is None or streams <= self._learned:
            return
        self._learned = self._within(max(known, streams))
        self._learned_at = now
        self._regain_s = self._rules.regain_s

    def _within(self, slots: int) -> int:
        return slots if self._most is None else min(self._most, slots)
