"""What counts against the service's objectives, collected when it is read.

Which codes those are stands here once, so that Prometheus, CloudWatch and the dashboards count
alike. Who asks for what there is not, exceeds its own share or is turned away by the kill switch is
no fault of the service.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import Counter
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from app.contract import ErrorCode

FAULTS: Final = frozenset(
    {
        ErrorCode.ASR_FAILED,
        ErrorCode.ASR_OVERLOADED,
        ErrorCode.ASR_STALLED,
        ErrorCode.ASR_UNAVAILABLE,
        ErrorCode.BUFFERS_FULL,
        ErrorCode.INTERNAL_ERROR,
    }
)
"""Of a session that ran: the service broke it off."""

REFUSALS: Final = frozenset(
    {
        ErrorCode.ASR_OVERLOADED,
        ErrorCode.ASR_UNAVAILABLE,
        ErrorCode.IDENTITY_UNAVAILABLE,
        ErrorCode.INTERNAL_ERROR,
        ErrorCode.TOO_MANY_CONNECTIONS,
        ErrorCode.TOO_MANY_SESSIONS,
        ErrorCode.TOO_MANY_UPLOADS,
        ErrorCode.WAITING_ROOM_FULL,
    }
)
"""Of a session that was not admitted: the service had no room, or nothing to recognise with."""


class FaultMetrics(Collector):
    """Counts the sessions that the service failed, out of what is counted by code anyway.

    Args:
        registry: Where they are read from.
        ended: Sessions ended, by `reason`.
        refused: Sessions not admitted, by `code`.
    """

    def __init__(self, registry: CollectorRegistry, ended: Counter, refused: Counter) -> None:
        self._ended, self._refused = ended, refused
        registry.register(self)

    def describe(self) -> Iterable[Metric]:
        """Return the metrics without their present values."""
        return _families(0.0, 0.0)

    def collect(self) -> Iterable[Metric]:
        """Return the metrics as they are now."""
        return _families(_sum(self._ended, "reason", FAULTS), _sum(self._refused, "code", REFUSALS))


def _families(failed: float, turned_away: float) -> Iterator[Metric]:
    yield CounterMetricFamily(
        "perch_sessions_failed", "Sessions that the service broke off.", value=failed
    )
    yield CounterMetricFamily(
        "perch_sessions_turned_away",
        "Sessions not admitted because the service had no room for them, or no recogniser.",
        value=turned_away,
    )


def _sum(counter: Counter, label: str, codes: frozenset[ErrorCode]) -> float:
    return sum(
        sample.value
        for family in counter.collect()
        for sample in family.samples
        if sample.name.endswith("_total") and sample.labels[label] in codes
    )
