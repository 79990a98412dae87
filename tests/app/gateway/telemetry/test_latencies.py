"""The bounds by which latencies are counted: series recorded by one set mean nothing by another."""

from prometheus_client import CollectorRegistry

from app.contract.limits import MAX_WAIT_S
from app.gateway.telemetry.latencies import LatencyMetrics


def bounds(name: str) -> list[float]:
    registry = CollectorRegistry()
    LatencyMetrics(registry).waiting_seconds.labels("admitted")
    return [
        float(sample.labels["le"])
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == f"{name}_bucket" and sample.labels["le"] != "+Inf"
    ]


def test_words_are_counted_by_bounds_of_which_two_are_the_objectives() -> None:
    usual = [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.5, 2.5, 5.0, 10.0]
    assert bounds("perch_first_interim_latency_seconds") == usual
    assert bounds("perch_final_latency_seconds") == usual


def test_the_waiting_room_is_counted_up_to_the_longest_that_a_client_may_ask_for() -> None:
    found = bounds("perch_waiting_seconds")
    assert found == [0.1, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 300]
    assert found[-1] == MAX_WAIT_S
