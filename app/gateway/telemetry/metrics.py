"""The Prometheus metrics of the gateway.

Base units, one prefix, no label whose values a client can choose. `docs/metrics.md` lists them.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from app.gateway.settings.gateway import RecognitionMode
from app.gateway.telemetry.connections import ConnectionMetrics
from app.gateway.telemetry.endpoints import EndpointMetrics
from app.gateway.telemetry.uploads import UploadMetrics

LATENCY_BUCKETS: Final = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.5, 2.5, 5.0, 10.0)
"""0.3 s and 0.8 s are the service levels for the first interim and for the final."""

SESSION_BUCKETS: Final = (1, 5, 15, 60, 300, 900, 1800, 3600, 7200)
WAITING_BUCKETS: Final = (0.1, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 300)
"""300 s is the longest a client may ask to wait."""

OUTAGE_BUCKETS: Final = (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 60)
"""20 s is the default of RIVA_OUTAGE_LIMIT_S."""

LAG_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


class GatewayMetrics(ConnectionMetrics):
    """All metrics of one gateway, in a registry of their own."""

    def __init__(self, version: str) -> None:
        # A `_created` sample beside every counter doubles the page and is read by nobody.
        without_created: Callable[[], None] = disable_created_metrics
        without_created()
        self.registry = registry = CollectorRegistry()
        super().__init__(registry)
        counter, gauge = partial(Counter, registry=registry), partial(Gauge, registry=registry)
        histogram = partial(Histogram, registry=registry)
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        info = gauge("perch_build_info", "Constant 1; the version is a label.", ["version"])
        info.labels(version).set(1)
        self.ready = gauge("perch_ready", "1 while a session can be taken.")
        self.draining = gauge("perch_draining", "1 while the gateway drains.")
        self.recognition_mode = gauge(
            "perch_recognition_mode",
            "1 for the mode recognition is in: on, off or fallback.",
            ["mode"],
        )
        self.recognition_switches = counter(
            "perch_recognition_switches",
            "Changes of the mode while the gateway ran, by the mode it went to.",
            ["mode"],
        )
        self.endpoints = EndpointMetrics(registry)
        self.admission_refused = counter(
            "perch_admission_refused",
            "Sessions not admitted: at connect, start or upload, or while waiting; by error code.",
            ["at", "code"],
        )
        self.waiting = gauge("perch_waiting_sessions", "Clients in the waiting room.")
        self.waiting_places = gauge("perch_waiting_room_places", "Clients the waiting room holds.")
        self.waiting_seconds = histogram(
            "perch_waiting_seconds",
            "Time in the waiting room, by how it ended: admitted or left.",
            ["outcome"],
            buckets=WAITING_BUCKETS,
        )
        self.session_slots = gauge("perch_session_slots", "Sessions this gateway may run at once.")
        self.sessions_active = gauge("perch_sessions_active", "Sessions running, uploads included.")
        self.sessions_started = counter("perch_sessions_started", "Sessions started.", ["dialect"])
        self.sessions_ended = counter(
            "perch_sessions_ended",
            "Sessions ended: stopped, disconnected, or an error code.",
            ["reason"],
        )
        self.session_seconds = histogram(
            "perch_session_duration_seconds",
            "Wall-clock length of sessions.",
            buckets=SESSION_BUCKETS,
        )
        self.audio_seconds = counter("perch_audio_received_seconds", "Audio taken from clients.")
        self.audio_ignored = counter(
            "perch_audio_ignored_bytes", "Audio that came outside a session or after its stop."
        )
        self.queue_seconds = gauge(
            "perch_queue_audio_seconds", "Audio that waits for the recogniser, over all sessions."
        )
        self.results = counter("perch_results", "Results sent: interim or final.", ["kind"])
        self.interims = self.results.labels("interim")
        self.finals = self.results.labels("final")
        self.first_result_seconds = histogram(
            "perch_first_result_latency_seconds",
            "From a session's first audio to its first result.",
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
        self.final_seconds = histogram(
            "perch_final_latency_seconds",
            "From the end of a session's audio to its last result.",
            buckets=LATENCY_BUCKETS,
        )
        self.upstream_errors = counter(
            "perch_upstream_errors",
            "Failures of the recogniser, by gRPC status or app.asr code.",
            ["code"],
        )
        self.retries_in_flight = gauge(
            "perch_upstream_retries_in_flight",
            "Further attempts at the recogniser that are made now: streams opened again, calls.",
        )
        self.retries_waiting = gauge(
            "perch_upstream_retries_waiting",
            "Further attempts that wait for their turn; above 0 for long, recognisers are overrun.",
        )
        self.errors_sent = counter(
            "perch_errors_sent", "Errors told to clients, by code.", ["code"]
        )
        self.interruptions = counter(
            "perch_stream_interruptions",
            "Times the recogniser was lost in a session, by gRPC status or app.asr code.",
            ["code"],
        )
        self.reopenings = counter(
            "perch_stream_reopenings", "Times a session went on with a reopened stream."
        )
        self.outage_seconds = histogram(
            "perch_stream_outage_seconds",
            "From the loss of the recogniser to its return, in a session.",
            buckets=OUTAGE_BUCKETS,
        )
        self.resumes = counter(
            "perch_session_resumes",
            "Sessions resumed by a client's token: ok, or rejected.",
            ["outcome"],
        )
        self.uploads = counter(
            "perch_uploads",
            "Files uploaded, by outcome: ok, disconnected (the client hung up) or an error code.",
            ["outcome"],
        )
        self.uploads_held = UploadMetrics(registry)
        self.loop_lag_seconds = histogram(
            "perch_event_loop_lag_seconds",
            "How late the event loop runs what is due.",
            buckets=LAG_BUCKETS,
        )
        self.tasks = gauge(
            "perch_event_loop_tasks",
            "Tasks of the event loop; what grows without sessions is a leak.",
        )

    def show_mode(self, mode: RecognitionMode) -> None:
        """Set the mode of recognition."""
        for one in RecognitionMode:
            self.recognition_mode.labels(one.value).set(one is mode)

    def watch_queue(self, seconds: Callable[[], float]) -> None:
        """Set where the queued audio is read."""
        self.queue_seconds.set_function(seconds)

    def render(self) -> bytes:
        """Return the text exposition."""
        return generate_latest(self.registry)
