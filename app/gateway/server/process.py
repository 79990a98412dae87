"""Runs the servers in one process and one event loop, with signal handlers of our own."""

import asyncio
import gc
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from time import monotonic
from types import MappingProxyType
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette

from app.asr import RivaASRClient
from app.gateway.admission.turns import Turns
from app.gateway.core import Gateway
from app.gateway.grpc_front.server import GrpcListenError, KeyPair, fronted
from app.gateway.server.administration import MAX_CONNECTIONS, create_admin_app
from app.gateway.server.app import create_app
from app.gateway.server.loop import GatewayLoop
from app.gateway.server.middleware import SecurityHeaders
from app.gateway.server.protocol.buffers import Buffers
from app.gateway.server.protocol.connections import HttpConnections
from app.gateway.server.protocol.frames import IncomingRules
from app.gateway.server.protocol.http import GatewayHttpProtocol, HttpConfig
from app.gateway.server.protocol.websocket import LINGER_S, GatewayProtocol
from app.gateway.server.tls import ListenerCertificate
from app.gateway.settings.configuration import Configuration
from app.gateway.settings.gateway import GatewaySettings
from app.gateway.telemetry.logs import get_logger
from app.gateway.telemetry.metrics import GatewayMetrics

_GC_THRESHOLDS: Final = (50_000, 20, 50)
"""Fewer and later collections: with the start-up heap frozen this took the 99th percentile of added
latency from 52 to 5.6 ms at 900 streams in our measurements."""

_POLL_S: Final = 0.05
_BACKLOG: Final = 2048

_log = get_logger(__name__)


class GatewayServer(uvicorn.Server):
    """uvicorn without its signal handlers.

    uvicorn closes every WebSocket with 1012 the moment a signal arrives. Here the sessions are
    finalised first, and uvicorn is told to stop when they are gone.

    Attributes:
        certificate: What it proves itself with; None without TLS.
    """

    certificate: ListenerCertificate | None = None

    @property
    def pair(self) -> Callable[[], KeyPair] | None:
        """What another listener proves itself with as this one does; None without TLS."""
        own = self.certificate
        return None if own is None else lambda: own.pair

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `run_gateway`."""
        yield


class CannotListenError(OSError):
    """An address cannot be had; the text says which, why, and what to change."""


def build_server(settings: GatewaySettings, app: Starlette) -> GatewayServer:
    """Return a server for the application, not started."""
    gateway: Gateway = app.state.gateway
    connections = HttpConnections(settings.app_max_http_connections, gateway.metrics)
    gateway.metrics.http_connections.set_function(lambda: len(connections))
    own = _certificate(settings, gateway)
    tls: dict[str, Any] = {} if own is None else {"ssl_context_factory": lambda *_: own.context}
    config = _config(settings, app, connections, ws=GatewayProtocol, lifespan="on", **tls)
    config.incoming = _incoming(settings, gateway.metrics)
    server = GatewayServer(config)
    server.certificate = own
    return server


def _certificate(settings: GatewaySettings, gateway: Gateway) -> ListenerCertificate | None:
    """Return what listeners prove themselves with, followed from now on; None without TLS."""
    if settings.app_ssl_cert is None or settings.app_ssl_key is None:
        return None
    own = ListenerCertificate(settings.app_ssl_cert, settings.app_ssl_key, gateway.metrics)
    gateway.follow(own.files)
    return own


def build_admin_server(settings: GatewaySettings, gateway: Gateway) -> GatewayServer:
    """Return a server for metrics and drain, not started."""
    connections = HttpConnections(MAX_CONNECTIONS, gateway.metrics)
    app = create_admin_app(gateway)
    return GatewayServer(_config(settings, app, connections, ws="none", lifespan="off"))


def _config(
    settings: GatewaySettings,
    app: Starlette,
    connections: HttpConnections,
    **options: Any,  # noqa: ANN401 - handed on to uvicorn
) -> HttpConfig:
    config = HttpConfig(
        SecurityHeaders(app),
        http=GatewayHttpProtocol,
        ws_max_size=settings.max_message_bytes,
        ws_ping_interval=settings.ws_ping_interval_s,
        ws_ping_timeout=settings.ws_ping_timeout_s,
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
        server_header=False,
        # Who connects is who connects: what X-Forwarded-For says is looked at where it counts.
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_keep_alive=settings.app_keep_alive_s,
        timeout_graceful_shutdown=int(LINGER_S) + 1,
        **options,
    )
    config.open_connections = connections
    config.turns = Turns()
    config.send_timeout_s = settings.ws_send_timeout_s
    config.metrics = app.state.gateway.metrics
    return config


def _incoming(settings: GatewaySettings, metrics: GatewayMetrics) -> IncomingRules:
    buffers = Buffers(settings.max_buffered_bytes, settings.max_buffered_bytes // 2)
    metrics.buffered_bytes.set_function(lambda: buffers.held)
    return IncomingRules(
        frame_rate=settings.ws_frame_rate,
        frame_burst=settings.ws_frame_burst,
        message_timeout_s=settings.ws_message_timeout_s,
        buffers=buffers,
    )


@asynccontextmanager
async def administered(
    settings: GatewaySettings, gateway: Gateway, listener: socket.socket | None
) -> AsyncIterator[None]:
    """Serve metrics and drain for the length of an `async with` block, if there is a listener."""
    if listener is None:
        yield
        return
    server = build_admin_server(settings, gateway)
    listener.listen(_BACKLOG)  # who comes before the server runs waits for it
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="administration")
    try:
        yield
    finally:
        server.should_exit = True
        await serving


async def stop_when_drained(gateway: Gateway, server: GatewayServer) -> None:
    """Wait for a drain and for the connections it ends, then stop the server.

    What has not ended by then is cut.
    """
    await gateway.drain_begun.wait()
    times = gateway.begin_drain()
    while gateway.admission.connections + gateway.admission.sessions > 0:
        if monotonic() > times.cut_at + LINGER_S:
            _log.warning("connections left at the end of the drain", count=len(gateway.sessions))
            break
        await asyncio.sleep(_POLL_S)
    server.should_exit = True


async def serve(
    configuration: Configuration,
    listener: socket.socket,
    admin_listener: socket.socket | None = None,
) -> None:
    """Serve on bound sockets until a signal asks for the end."""
    settings = configuration.gateway
    app = create_app(settings, RivaASRClient(configuration.riva))
    server = build_server(settings, app)
    loop = asyncio.get_running_loop()
    gateway: Gateway = app.state.gateway
    signals: list[int] = []

    def on_signal(number: int) -> None:
        # Counted apart from a drain over HTTP: the one SIGTERM after it is no impatience.
        signals.append(number)
        name = signal.Signals(number).name
        if len(signals) > 1:
            _log.warning("second signal: stopping at once", signal=name)
            server.should_exit = server.force_exit = True
            return
        _log.info("signal", signal=name)
        gateway.begin_drain()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    _settle_heap()
    host, port = listener.getsockname()[:2]
    stopping = asyncio.create_task(stop_when_drained(gateway, server))
    async with (
        administered(settings, gateway, admin_listener),
        _with_grpc(configuration, gateway, server) as grpc_port,
    ):
        _log.info(
            "listening",
            host=host,
            port=port,
            admin_port=None if admin_listener is None else admin_listener.getsockname()[1],
            grpc_port=grpc_port,
            tls=settings.app_ssl_cert is not None,
            max_sessions=settings.ws_max_concurrent_sessions,
            version=gateway.version,
            colour=settings.app_colour,
        )
        await server.serve(sockets=[listener])
    stopping.cancel()
    await asyncio.gather(stopping, return_exceptions=True)
    _log.info("stopped", version=gateway.version, colour=settings.app_colour)


@asynccontextmanager
async def _with_grpc(
    configuration: Configuration, gateway: Gateway, server: GatewayServer
) -> AsyncIterator[int | None]:
    """Serve gRPC for the length of an `async with` block, where it is asked for; give its port.

    Raises:
        CannotListenError: The address cannot be had.
    """
    try:
        async with fronted(configuration.gateway, gateway, server.pair) as front:
            yield None if front is None else front.port
    except GrpcListenError as error:
        keys = _keys(configuration.options, "APP_HOST", "APP_GRPC_PORT")
        raise CannotListenError(f"{error}; set {keys} to another") from error


def _keys(options: Mapping[str, str], *keys: str) -> str:
    return " or ".join(options.get(key, key) for key in keys)


def bind(
    settings: GatewaySettings, options: Mapping[str, str] = MappingProxyType({})
) -> socket.socket:
    """Bind the listening socket.

    Args:
        settings: Where.
        options: Option by the variable in whose place it was given.

    Raises:
        CannotListenError: The address cannot be had.
    """
    return _bound(settings.app_host, settings.app_port, _keys(options, "APP_HOST", "APP_PORT"))


def bind_admin(settings: GatewaySettings) -> socket.socket | None:
    """Bind the administrative listener's socket; None where none is asked for.

    Raises:
        CannotListenError: The address cannot be had.
    """
    if settings.app_admin_port is None:
        return None
    keys = "APP_ADMIN_HOST or APP_ADMIN_PORT"
    return _bound(settings.app_admin_host, settings.app_admin_port, keys)


def _bound(host: str, port: int, keys: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise CannotListenError(
            f"cannot listen on {host}:{port} ({error.strerror}); set {keys} to another"
        ) from error
    return listener


def run_gateway(configuration: Configuration) -> None:
    """Serve until a signal asks for the end.

    Raises:
        CannotListenError: An address cannot be had.
    """
    with ExitStack() as opened:
        listener = opened.enter_context(bind(configuration.gateway, configuration.options))
        admin_listener = bind_admin(configuration.gateway)
        if admin_listener is not None:
            opened.enter_context(admin_listener)
        with asyncio.Runner(loop_factory=GatewayLoop) as runner:
            runner.run(serve(configuration, listener, admin_listener))


def _settle_heap() -> None:
    """Freeze the heap of the start-up, which is never freed, and collect garbage more rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
