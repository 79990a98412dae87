"""Prometheus metrics of tokens, API keys and an issuer's keys."""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import Counter
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from app.gateway.identity.access_list import KeyCounts


class CredentialMetrics(Collector):
    """Counts refused tokens; collects the gauges of access list and issuer, where there are such.

    Args:
        registry: Where they are read from.

    Attributes:
        made: Counts what was answered to requests for single-use tokens.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counts: Callable[[], KeyCounts] | None = None
        self._age: Callable[[], float | None] | None = None
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
        """Set where those of the access list are read."""
        self._counts = counts

    def watch_issuer(self, age: Callable[[], float | None]) -> None:
        """Set where the age of the issuer's keys is read."""
        self._age = age

    def describe(self) -> Iterable[Metric]:
        """Return the metrics without their present values."""
        yield from _of_list(KeyCounts(0, 0.0))
        yield _of_issuer(0.0)

    def collect(self) -> Iterable[Metric]:
        """Return the metrics as they are now."""
        if self._counts is not None:
            yield from _of_list(self._counts())
        # Keys that were never read have no age: then the gateway is not ready.
        if self._age is not None and (age := self._age()) is not None:
            yield _of_issuer(age)


def _of_issuer(age: float) -> Metric:
    return GaugeMetricFamily(
        "perch_issuer_keys_age_seconds",
        "Since the issuer's keys were last read: beyond APP_JWT_REFRESH_S they cannot be, and those"
        " of before count, also one that the issuer has taken back.",
        value=age,
    )


def _of_list(counts: KeyCounts) -> Iterator[Metric]:
    for name, text, value in (
        ("api_keys", "API keys that are good now.", counts.good),
        (
            "api_keys_soonest_end_seconds",
            "End of the first one that no other takes the place of, in seconds since 1970, or 0.",
            counts.soonest_end,
        ),
    ):
        yield GaugeMetricFamily(f"perch_{name}", text, value=value)
