"""Prometheus metrics of API keys, collected when they are read."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from app.gateway.identity.access_list import KeyCounts


class Follower(Protocol):
    """What keeps the list that holds as its file has it."""

    @property
    def is_followed(self) -> bool:
        """Whether the file could be read last."""


class CredentialMetrics(Collector):
    """Collects the gauges of the access list; without a list there are none.

    Args:
        registry: Where they are read from.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counts: Callable[[], KeyCounts] | None = None
        self._follower: Follower | None = None
        registry.register(self)

    def watch(self, counts: Callable[[], KeyCounts], follower: Follower) -> None:
        """Set where they are read."""
        self._counts, self._follower = counts, follower

    def describe(self) -> Iterable[Metric]:
        """Return the metrics without their present values."""
        return _families(KeyCounts(0, 0.0), is_followed=True)

    def collect(self) -> Iterable[Metric]:
        """Return the metrics as they are now."""
        if self._counts is None or self._follower is None:
            return ()
        return _families(self._counts(), is_followed=self._follower.is_followed)


def _families(counts: KeyCounts, *, is_followed: bool) -> Iterator[Metric]:
    for name, text, value in (
        ("api_keys", "API keys that are good now.", counts.good),
        (
            "api_keys_soonest_end_seconds",
            "End of the first one that no other takes the place of, in seconds since 1970, or 0.",
            counts.soonest_end,
        ),
        (
            "access_list_followed",
            "1 while the file of the access list can be read; with 0 the last good one holds.",
            int(is_followed),
        ),
    ):
        yield GaugeMetricFamily(f"perch_{name}", text, value=value)
