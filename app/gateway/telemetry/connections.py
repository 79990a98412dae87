"""Prometheus metrics of connections."""

from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge


class ConnectionMetrics:
    """The metrics of connections.

    Args:
        registry: Where they are read from.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        counter, gauge = partial(Counter, registry=registry), partial(Gauge, registry=registry)
        self.connections = counter(
            "perch_connections", "WebSocket connections accepted.", ["dialect"]
        )
        self.connections_active = gauge("perch_connections_active", "Open WebSocket connections.")
        self.connections_refused = counter(
            "perch_connections_refused", "WebSocket upgrades refused, by error code.", ["code"]
        )
        self.connections_closed = counter(
            "perch_connections_closed",
            "WebSocket connections ended, by close code and reason (an error code, or who closed).",
            ["code", "reason"],
        )
        self.http_connections = gauge(
            "perch_http_connections", "Open connections that are no WebSockets."
        )
        self.http_connections_cut = counter(
            "perch_http_connections_cut",
            "HTTP connections ended to make room (idle), for half a request (late), for an answer "
            "that nobody reads (unread), or refused.",
            ["reason"],
        )
        self.buffered_bytes = gauge(
            "perch_buffered_bytes",
            "Bytes of messages, complete or not, that WebSockets hold beyond 64 KiB each.",
        )
