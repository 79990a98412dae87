"""Prometheus metrics of how long words take."""

from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, Histogram

LATENCY_BUCKETS: Final = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.5, 2.5, 5.0, 10.0)
"""0.3 s and 0.8 s are the service levels for the first interim and for the final."""

_ROOM_BUCKETS: Final = (0.1, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 300)
"""300 s is the longest a client may ask to wait."""


class LatencyMetrics:
    """The metrics of latencies; their children are bound once, for the way of every result.

    Args:
        registry: Where they are read from.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        histogram = partial(Histogram, registry=registry)
        self.first_interim_seconds = histogram(
            "perch_first_interim_latency_seconds",
            "From the arrival of a segment's first word to its first interim; real time only.",
            buckets=LATENCY_BUCKETS,
        )
        self.final_seconds = histogram(
            "perch_final_latency_seconds",
            "From the end of speech, the arrival of a final's last word, to that final; real time "
            "only.",
            buckets=LATENCY_BUCKETS,
        )
        self.interim_gap_seconds = histogram(
            "perch_interim_gap_seconds",
            "Between two interims of a segment, as they were sent.",
            buckets=LATENCY_BUCKETS,
        )
        self.queue_wait_seconds = histogram(
            "perch_queue_wait_seconds",
            "Audio of a session that waited for the recogniser when a result of it was sent.",
            buckets=LATENCY_BUCKETS,
        )
        self.first_result_seconds = histogram(
            "perch_first_result_latency_seconds",
            "From a session's first audio to its first result, silence before speech included.",
            buckets=LATENCY_BUCKETS,
        )
        self.result_seconds = histogram(
            "perch_result_latency_seconds",
            "From the arrival of the newest audio in a result to its sending.",
            ["kind"],
            buckets=LATENCY_BUCKETS,
        )
        self.interim_ages = self.result_seconds.labels("interim")
        self.final_ages = self.result_seconds.labels("final")
        self.flush_seconds = histogram(
            "perch_flush_latency_seconds",
            "From the end of a session's audio to its last result.",
            buckets=LATENCY_BUCKETS,
        )
        self.waiting_seconds = histogram(
            "perch_waiting_seconds",
            "Time in the waiting room, by how it ended: admitted or left.",
            ["outcome"],
            buckets=_ROOM_BUCKETS,
        )
