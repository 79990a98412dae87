"""Prometheus metrics of each recogniser, collected when they are read."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from app.asr import EndpointHealth

_LABELS: Final = ("endpoint", "group")


class EndpointMetrics(Collector):
    """Collects the metrics of all recognisers; an endpoint that is gone has none.

    Args:
        registry: Where they are read from.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._endpoints: Callable[[], Sequence[EndpointHealth]] = tuple
        registry.register(self)

    def watch(self, endpoints: Callable[[], Sequence[EndpointHealth]]) -> None:
        """Set where the endpoints' health is read."""
        self._endpoints = endpoints

    def describe(self) -> Iterable[Metric]:
        """Return the metrics without values."""
        return _families(())

    def collect(self) -> Iterable[Metric]:
        """Return the metrics as they are now."""
        return _families(self._endpoints())


def _families(endpoints: Sequence[EndpointHealth]) -> Iterator[Metric]:
    yield _gauge(
        "ready",
        "1 while the recogniser's last answer was that it is ready.",
        ((one, one.ready is True) for one in endpoints),
    )
    yield _gauge(
        "ejected",
        "1 while the recogniser gets no calls because of its errors.",
        ((one, one.ejected_for > 0) for one in endpoints),
    )
    yield _gauge(
        "streams", "Streams open at the recogniser.", ((one, one.streams) for one in endpoints)
    )
    yield _gauge(
        "slots",
        "Streams the recogniser takes, as far as is known; absent where it is not.",
        ((one, one.slots) for one in endpoints if one.slots is not None),
    )
    yield _gauge(
        "consecutive_errors",
        "Errors of the recogniser since it last worked.",
        ((one, one.consecutive_errors) for one in endpoints),
    )
    ejections = CounterMetricFamily(
        "perch_endpoint_ejections",
        "Times the recogniser was left alone because of its errors.",
        labels=_LABELS,
    )
    for one in endpoints:
        ejections.add_metric([one.name, one.group], one.ejections)
    yield ejections


def _gauge(
    name: str, text: str, values: Iterable[tuple[EndpointHealth, float]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"perch_endpoint_{name}", text, labels=_LABELS)
    for endpoint, value in values:
        family.add_metric([endpoint.name, endpoint.group], float(value))
    return family
