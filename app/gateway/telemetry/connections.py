"""Prometheus metrics of connections."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class ConnectionMetrics:
    """The metrics of connections.

    Args:
        registry: Where they are read from.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.connections = Counter(
            "perch_connections", "WebSocket connections accepted.", ["dialect"], registry=registry
        )
        self.connections_active = Gauge(
            "perch_connections_active", "Open WebSocket connections.", registry=registry
        )
        self.connections_refused = Counter(
            "perch_connections_refused",
            "WebSocket upgrades refused, by error code.",
            ["code"],
            registry=registry,
        )
        self.connections_closed = Counter(
            "perch_connections_closed",
            "WebSocket connections ended, by close code and reason (an error code, or who closed).",
            ["code", "reason"],
            registry=registry,
        )
        self.http_connections = Gauge(
            "perch_http_connections", "Open connections that are no WebSockets.", registry=registry
        )
        self.http_connections_cut = Counter(
            "perch_http_connections_cut",
            "HTTP connections ended to make room (idle), for half a request (late), for an answer "
            "that nobody reads (unread), or refused.",
            ["reason"],
            registry=registry,
        )
        self.buffered_bytes = Gauge(
            "perch_buffered_bytes",
            "Bytes of messages, complete or not, that WebSockets hold beyond 64 KiB each.",
            registry=registry,
        )
