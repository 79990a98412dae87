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
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics

from app.gateway.settings.gateway import RecognitionMode
from app.gateway.telemetry.connections import ConnectionMetrics
from app.gateway.telemetry.credentials import CredentialMetrics
from app.gateway.telemetry.endpoints import EndpointMetrics
from app.gateway.telemetry.faults import FaultMetrics
from app.gateway.telemetry.groups import GroupMetrics
from app.gateway.telemetry.latencies import LatencyMetrics
from app.gateway.telemetry.uploads import UploadMetrics

SESSION_BUCKETS: Final = (1, 5, 15, 60, 300, 900, 1800, 3600, 7200)
OUTAGE_BUCKETS: Final = (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 60)
"""20 s is the default of RIVA_OUTAGE_LIMIT_S."""

BUILD_INFO: Final = "Constant 1; version and colour (empty where nobody gave one) are labels."

LAG_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


class GatewayMetrics(ConnectionMetrics, LatencyMetrics):
    """All metrics of one gateway, in a registry of their own."""

    def __init__(self, version: str, colour: str | None = None) -> None:
        # A `_created` sample beside every counter doubles the page and is read by nobody.
        without_created: Callable[[], None] = disable_created_metrics
        without_created()
        self.registry = registry = CollectorRegistry()
        ConnectionMetrics.__init__(self, registry)
        LatencyMetrics.__init__(self, registry)
        counter, gauge = partial(Counter, registry=registry), partial(Gauge, registry=registry)
        histogram = partial(Histogram, registry=registry)
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        info = gauge("perch_build_info", BUILD_INFO, ["version", "colour"])
        info.labels(version, colour or "").set(1)
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
        self.groups = GroupMetrics(registry)
        self.admission_refused = counter(
            "perch_admission_refused",
            "Sessions not admitted: at connect, start or upload, or while waiting; by error code.",
            ["at", "code"],
        )
        self.waiting = gauge("perch_waiting_sessions", "Clients in the waiting room.")
        self.waiting_places = gauge("perch_waiting_room_places", "Clients the waiting room holds.")
        self.session_slots = gauge(
            "perch_session_slots", "Sessions this gateway may run at once, over all groups."
        )
        self.sessions_active = gauge("perch_sessions_active", "Sessions running, uploads included.")
        self.sessions_started = counter(
            "perch_sessions_started",
            "Sessions started, by dialect and group of recognisers.",
            ["dialect", "group"],
        )
        self.sessions_ended = counter(
            "perch_sessions_ended",
            "Sessions ended: stopped, disconnected, or an error code.",
            ["reason"],
        )
        self.faults = FaultMetrics(registry, self.sessions_ended, self.admission_refused)
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
        self.upstream_errors = counter(
            "perch_upstream_errors",
            "Failures of a recogniser, by gRPC status or app.asr code and by its group.",
            ["code", "group"],
        )
        self.upstream_streams = counter(
            "perch_upstream_streams",
            "Streams at a recogniser that ended, by gRPC status or app.asr code and by its group.",
            ["code", "group"],
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
        self.credentials = CredentialMetrics(registry)
        self.interruptions = counter(
            "perch_stream_interruptions",
            "Times a recogniser was lost in a session, by gRPC status or app.asr code and group.",
            ["code", "group"],
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
        self.certificate_expiry = gauge(
            "perch_certificate_expiry_timestamp_seconds",
            "When the certificate in use ends: gateway, that of APP_SSL_CERT; gateway_ca, the one "
            "behind it there; riva_client and riva_ca, those of RIVA_SSL_CLIENT_CERT and "
            "RIVA_SSL_CERT, of several authorities the first to end; absent without one.",
            ["name"],
        )
        self.files_not_followed = gauge(
            "perch_file_not_followed",
            "1 while a file that is read again as it changes makes no sense, by its variable: what "
            "was read before holds.",
            ["name"],
        )
        self.trace_spans = counter("perch_trace_spans", "Spans of traces that ended.")
        self.trace_spans_sent = counter(
            "perch_trace_spans_sent",
            "Spans that the collector took; the others wait for a moment, or are lost.",
        )
        self.tasks = gauge(
            "perch_event_loop_tasks",
            "Tasks of the event loop; what grows without sessions is a leak.",
        )

    def show_mode(self, mode: RecognitionMode) -> None:
        """Set the mode of recognition."""
        for one in RecognitionMode:
            self.recognition_mode.labels(one.value).set(one is mode)

    def watch_files(self, name: str, problem: Callable[[], str | None]) -> None:
        """Set where it is read what is wrong with followed files; None for nothing."""
        self.files_not_followed.labels(name).set_function(lambda: problem() is not None)

    def watch_queue(self, seconds: Callable[[], float]) -> None:
        """Set where the queued audio is read."""
        self.queue_seconds.set_function(seconds)

    def render(self, *, exemplars: bool = False) -> bytes:
        """Return the text exposition, in OpenMetrics' form where exemplars are wanted."""
        return (openmetrics if exemplars else generate_latest)(self.registry)
