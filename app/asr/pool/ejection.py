"""Eject endpoints that failed too often: they get no calls for a while.

Outlier ejection as Envoy does it, with Envoy's defaults
(`config/cluster/v3/outlier_detection.proto`): five errors in a row eject an endpoint for 30 s times
the number of its recent ejections, at most 300 s; a tenth of the endpoints may be away at once, but
one always may, and the last one never.
A probe ends an ejection, as a health check does at Envoy, but only one that saw the endpoint down
since: one that found it ready all the while does not see why the calls failed.
Pure: a moment is an argument.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class EjectionRules:
    """When an endpoint is ejected and for how long; the defaults are Envoy's.

    Attributes:
        consecutive_errors: so many errors without a success between them eject.
        base_s: length in seconds of a first ejection; each further one is as much longer.
        longest_s: no ejection is longer than so many seconds.
        most_share: share of the endpoints, 0 to 1, that may be away at once; one always may.
        forgiven_s: each so many seconds in use take one ejection off an endpoint's record.
    """

    consecutive_errors: int = 5
    base_s: float = 30.0
    longest_s: float = 300.0
    most_share: float = 0.1
    forgiven_s: float = 10.0


@dataclass(slots=True)
class _Record:
    errors: int = 0
    ejections: int = 0  # on record, which is what the next length is reckoned from
    total: int = 0  # ever
    until: float = -math.inf
    was_down: bool = False  # a probe found it down since it was ejected


class Ejection:
    """The records of all endpoints.

    Args:
        names: the endpoints, each once.
        rules: when an endpoint is ejected and for how long.
    """

    def __init__(self, names: Sequence[str], rules: EjectionRules | None = None) -> None:
        self._rules = EjectionRules() if rules is None else rules
        self._records = {name: _Record() for name in names}

    @property
    def most_ejected(self) -> int:
        """Endpoints that may be away at once."""
        share = int(len(self._records) * self._rules.most_share)
        return min(max(1, share), max(0, len(self._records) - 1))

    def joined(self, name: str) -> None:
        """Add an endpoint, with nothing on its record."""
        self._records[name] = _Record()

    def gone(self, name: str, now: float) -> None:
        """Remove an endpoint; if too many are away then, one comes back."""
        del self._records[name]
        away = [record for record in self._records.values() if now < record.until]
        if len(away) > self.most_ejected:
            min(away, key=lambda record: record.until).until = now

    def probed(self, name: str, now: float, *, ready: bool) -> bool:
        """Note what a probe of the endpoint found; return whether this ends its ejection."""
        record = self._records[name]
        if now >= record.until:
            return False
        if not ready:
            record.was_down = True
        elif record.was_down:
            record.until = now
            return True
        return False

    def succeeded(self, name: str) -> None:
        """Note that the endpoint answered: its errors are not consecutive any more."""
        self._records[name].errors = 0

    def failed(self, name: str, now: float) -> bool:
        """Note that the endpoint failed; return whether this ejects it."""
        record = self._records[name]
        if now < record.until:
            return False  # it is away already: these are the last of its old streams
        record.errors += 1
        if record.errors < self._rules.consecutive_errors:
            return False
        if self._away(now) >= self.most_ejected:
            return False
        self._eject(record, now)
        return True

    def _eject(self, record: _Record, now: float) -> None:
        if record.ejections:
            in_use = now - record.until
            record.ejections = max(0, record.ejections - int(in_use / self._rules.forgiven_s))
        record.ejections += 1
        record.total += 1
        record.errors = 0
        record.was_down = False
        record.until = now + min(self._rules.longest_s, self._rules.base_s * record.ejections)

    def _away(self, now: float) -> int:
        return sum(now < record.until for record in self._records.values())

    def is_ejected(self, name: str, now: float) -> bool:
        """Return whether the endpoint gets no calls."""
        return now < self._records[name].until

    def left(self, name: str, now: float) -> float:
        """Return the seconds until the endpoint may be used again; 0 when it may."""
        return max(0.0, self._records[name].until - now)

    def errors(self, name: str) -> int:
        """Return the errors since its last success, or since it was last ejected."""
        return self._records[name].errors

    def total(self, name: str) -> int:
        """Return how often the endpoint was ejected so far."""
        return self._records[name].total
