"""Prometheus metrics of tokens and API keys."""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import Counter
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from app.gateway.identity.access_list import KeyCounts


class CredentialMetrics(Collector):
    """Counts refused tokens, and collects the gauges of the access list, where there is one.

    Args:
        registry: Where they are read from.

    Attributes:
        made: Counts what was answered to requests for single-use tokens.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counts: Callable[[], KeyCounts] | None = None
        self.refused = Counter(
            "perch_tokens_refused",
            "Tokens and keys that let nobody in, by reason.",
            ["reason"],
            registry=registry,
        )
        registry.register(self)
        self.made = Counter(
            "perch_tokens_made",
            "Answers to requests for single-use tokens, by outcome.",
            ["outcome"],
            registry=registry,
        )

    def watch(self, counts: Callable[[], KeyCounts]) -> None:
        """Set where they are read."""
        self._counts = counts

    def describe(self) -> Iterable[Metric]:
        """Return the metrics without their present values."""
        return _families(KeyCounts(0, 0.0))

    def collect(self) -> Iterable[Metric]:
        """Return the metrics as they are now."""
        return () if self._counts is None else _families(self._counts())


def _families(counts: KeyCounts) -> Iterator[Metric]:
    for name, text, value in (
        ("api_keys", "API keys that are good now.", counts.good),
        (
            "api_keys_soonest_end_seconds",
            "End of the first one that no other takes the place of, in seconds since 1970, or 0.",
            counts.soonest_end,
        ),
    ):
        yield GaugeMetricFamily(f"perch_{name}", text, value=value)
