"""A collector of traces that speaks OTLP, over gRPC and HTTP, and keeps what it is sent."""

# ruff: noqa: ANN401 - generated messages and server contexts carry no types

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import grpc.aio
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)

_DEADLINE_S = 40.0


@dataclass(frozen=True, slots=True)
class SeenSpan:
    """A span as it was sent; ids in hex, times in seconds of the epoch."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    state: str
    attributes: dict[str, Any]
    resource: dict[str, Any]
    start: float
    end: float
    failed: bool


@dataclass
class Collector:
    """What came.

    Attributes:
        grpc_port: Where it takes OTLP over gRPC.
        http_port: And over HTTP.
        spans: In the order they came.
        headers: Of each request.
    """

    grpc_port: int = 0
    http_port: int = 0
    spans: list[SeenSpan] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def take(self, request: ExportTraceServiceRequest, headers: dict[str, str]) -> None:
        """Keep one request's spans."""
        self.headers.append(headers)
        for resource_spans in request.resource_spans:
            resource = _plain(resource_spans.resource.attributes)
            for scope in resource_spans.scope_spans:
                self.spans.extend(_seen(span, resource) for span in scope.spans)

    def named(self, name: str) -> list[SeenSpan]:
        """Return the spans of that name."""
        return [span for span in self.spans if span.name == name]

    async def until(self, condition: Callable[["Collector"], bool]) -> None:
        """Wait until something has come."""
        async with asyncio.timeout(_DEADLINE_S):
            while not condition(self):  # noqa: ASYNC110 - it comes from other threads
                await asyncio.sleep(0.01)


@asynccontextmanager
async def collecting(
    credentials: grpc.ServerCredentials | None = None,
) -> AsyncIterator[Collector]:
    """Run a collector on free ports of 127.0.0.1.

    Args:
        credentials: of its gRPC port, which has no TLS without them.
    """
    collector = Collector()
    server = grpc.aio.server()
    add_TraceServiceServicer_to_server(_Service(collector), server)  # type: ignore[no-untyped-call]
    address = "127.0.0.1:0"
    collector.grpc_port = (
        server.add_insecure_port(address)
        if credentials is None
        else server.add_secure_port(address, credentials)
    )
    await server.start()
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(collector))
    collector.http_port = http.server_address[1]
    thread = Thread(target=http.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        await asyncio.to_thread(http.shutdown)
        http.server_close()
        thread.join()
        await server.stop(None)


class _Service(TraceServiceServicer):
    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    async def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
        self._collector.take(request, dict(context.invocation_metadata()))
        return ExportTraceServiceResponse()


def _handler(collector: Collector) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found = self.path == "/v1/traces"
            if found:
                headers = {name.lower(): value for name, value in self.headers.items()}
                collector.take(ExportTraceServiceRequest.FromString(body), headers)
            self.send_response(HTTPStatus.OK if found else HTTPStatus.NOT_FOUND)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


def _seen(span: Any, resource: dict[str, Any]) -> SeenSpan:
    return SeenSpan(
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        state=span.trace_state,
        attributes=_plain(span.attributes),
        resource=resource,
        start=span.start_time_unix_nano / 1e9,
        end=span.end_time_unix_nano / 1e9,
        failed=span.status.code == span.status.STATUS_CODE_ERROR,
    )


def _plain(attributes: Any) -> dict[str, Any]:
    return {
        one.key: getattr(one.value, one.value.WhichOneof("value") or "string_value")
        for one in attributes
    }
