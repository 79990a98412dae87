"""Prometheus metrics of each group of recognisers, collected when they are read."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

_MOST_MODELS: Final = 20
"""Of a group, as labels: their names are the recogniser's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupState:
    """What is known of a group of recognisers.

    Attributes:
        name: Of RIVA_GROUPS, or "default".
        languages: It is asked for.
        models: Its recognisers listed last.
        reason: Why it cannot be used; None when it can.
        sessions: Running, uploads included.
        slots: Sessions that may run at once.
        waiting: Clients that wait for a session of it.
    """

    name: str
    languages: tuple[str, ...]
    models: tuple[str, ...]
    reason: str | None
    sessions: int
    slots: int
    waiting: int

    @property
    def ready(self) -> bool:
        """Whether its recognisers can be used."""
        return self.reason is None


class GroupMetrics(Collector):
    """Collects the metrics of all groups; the settings alone say which there are.

    Args:
        registry: Where they are read from.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._groups: Callable[[], Sequence[GroupState]] = tuple
        registry.register(self)

    def watch(self, groups: Callable[[], Sequence[GroupState]]) -> None:
        """Set where the groups' states are read."""
        self._groups = groups

    def describe(self) -> Iterable[Metric]:
        """Return the metrics without values."""
        return _families(())

    def collect(self) -> Iterable[Metric]:
        """Return the metrics as they are now."""
        return _families(self._groups())


def _families(groups: Sequence[GroupState]) -> Iterator[Metric]:
    yield _gauge(
        "ready",
        "1 while the group's recognisers can be used; the gateway is as ready as the default one.",
        ((one, one.ready) for one in groups),
    )
    yield _gauge(
        "sessions_active",
        "Sessions of the group that run, uploads included.",
        ((one, one.sessions) for one in groups),
    )
    yield _gauge(
        "session_slots",
        "Sessions of the group that may run at once.",
        ((one, one.slots) for one in groups),
    )
    yield _gauge(
        "waiting_sessions",
        "Clients that wait for a session of the group.",
        ((one, one.waiting) for one in groups),
    )
    models = GaugeMetricFamily(
        "perch_group_model_info",
        "Constant 1 for each model that the group's recognisers listed last, 20 at most.",
        labels=("group", "model"),
    )
    for one in groups:
        for model in one.models[:_MOST_MODELS]:
            models.add_metric([one.name, model], 1.0)
    yield models


def _gauge(name: str, text: str, values: Iterable[tuple[GroupState, float]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"perch_group_{name}", text, labels=("group",))
    for group, value in values:
        family.add_metric([group.name], float(value))
    return family
