"""The listener for gRPC, from its port to the end of its last call."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Final, NamedTuple

import grpc

from app.gateway.core import Gateway
from app.gateway.grpc_front import health as health_service
from app.gateway.grpc_front import service
from app.gateway.grpc_front.health import HealthService
from app.gateway.grpc_front.service import RivaService
from app.gateway.settings.gateway import GatewaySettings

_MS: Final = 1000
_METADATA_BYTES: Final = 16_384
"""Of one call's headers: as many as over HTTP/1.1."""

_HANDSHAKE_MS: Final = 10_000
_LEAST_PING_MS: Final = 5_000
"""Clients may ping so often: those that mean to keep a quiet stream alive do so every 10 s."""

_CONNECTION_AGE_MS: Final = 3_600_000
"""After so long a connection takes no new calls: its client opens another one, where the load
balancer has it."""

_LINGER_S: Final = 1.0
"""From the last moment of a drain to the end of what is left then."""

_BESIDE_STREAMS: Final = 64
"""Calls that are no streams: health checks, questions for models, and those being refused."""

SERVICES: Final = (service.SERVICE, health_service.SERVICE)
"""Names of all that is served."""


class KeyPair(NamedTuple):
    """What a listener proves itself with: PEM of its private key, and of its certificate chain."""

    key: bytes
    chain: bytes


class GrpcListenError(OSError):
    """The address cannot be had."""


class GrpcFront:
    """Serves Riva's gRPC in front of a gateway.

    Args:
        settings: Where, and its bounds.
        gateway: Whose sessions they are.
        pair: Returns what it proves itself with now; None without TLS. Called in gRPC's threads.

    Attributes:
        port: Where it listens.

    Raises:
        GrpcListenError: The address cannot be had.
    """

    def __init__(
        self, settings: GatewaySettings, gateway: Gateway, pair: Callable[[], KeyPair] | None
    ) -> None:
        self._gateway = gateway
        self._server = grpc.aio.server(
            options=_options(settings),
            maximum_concurrent_rpcs=settings.ws_max_connections + _BESIDE_STREAMS,
        )
        health = HealthService(gateway, frozenset({service.SERVICE}))
        self._server.add_generic_rpc_handlers((RivaService(gateway).handlers(), health.handlers()))
        host = f"[{settings.app_host}]" if ":" in settings.app_host else settings.app_host
        address = f"{host}:{settings.app_grpc_port}"
        try:
            self.port = (
                self._server.add_insecure_port(address)
                if pair is None
                else self._server.add_secure_port(address, _credentials(pair))
            )
        except RuntimeError as error:
            raise GrpcListenError(f"cannot listen on {address}") from error

    async def run(self) -> None:
        """Take calls once the gateway knows whom to let in, until its drain has ended the last.

        With the drain clients are told by GOAWAY, and go elsewhere with their next call.
        """
        await self._gateway.opened.wait()
        await self._server.start()
        await self._gateway.drain_begun.wait()
        left = self._gateway.begin_drain().cut_at - monotonic()
        await self._server.stop(max(0.0, left) + _LINGER_S)

    async def aclose(self) -> None:
        """End every call."""
        await self._server.stop(None)


@asynccontextmanager
async def fronted(
    settings: GatewaySettings, gateway: Gateway, pair: Callable[[], KeyPair] | None
) -> AsyncIterator[GrpcFront | None]:
    """Serve gRPC for the length of an `async with` block, where a port is configured.

    Raises:
        GrpcListenError: The address cannot be had.
    """
    if settings.app_grpc_port is None:
        yield None
        return
    front = GrpcFront(settings, gateway, pair)
    running = asyncio.create_task(front.run(), name="gRPC")
    try:
        yield front
    finally:
        await front.aclose()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def _options(settings: GatewaySettings) -> list[tuple[str, int]]:
    connections = settings.ws_max_connections + settings.app_max_http_connections
    session_s = settings.ws_max_session_s + settings.ws_final_timeout_s
    found = [
        ("grpc.max_receive_message_length", settings.max_grpc_message_bytes),
        ("grpc.max_metadata_size", _METADATA_BYTES),
        ("grpc.absolute_max_metadata_size", _METADATA_BYTES),
        ("grpc.max_concurrent_streams", settings.ws_max_connections + _BESIDE_STREAMS),
        # Those without a call count too, and are as many as over HTTP.
        ("grpc.max_allowed_incoming_connections", connections),
        ("grpc.server_handshake_timeout_ms", _HANDSHAKE_MS),
        ("grpc.max_connection_idle_ms", settings.app_keep_alive_s * _MS),
        ("grpc.max_connection_age_ms", _CONNECTION_AGE_MS),
        ("grpc.keepalive_time_ms", round(settings.ws_ping_interval_s * _MS)),
        ("grpc.keepalive_timeout_ms", round(settings.ws_ping_timeout_s * _MS)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", _LEAST_PING_MS),
        # The window does not grow: what a stream sends ahead of its session waits at the client.
        ("grpc.http2.bdp_probe", 0),
        # Two gateways on one port would each get some of the calls; the second must fail.
        ("grpc.so_reuseport", 0),
    ]
    if settings.ws_max_session_s:
        found.append(("grpc.max_connection_age_grace_ms", round(session_s * _MS)))
    return found


def _credentials(pair: Callable[[], KeyPair]) -> grpc.ServerCredentials:
    """Return credentials that are asked for anew at each handshake."""

    def now() -> grpc.ServerCertificateConfiguration:
        own = pair()
        return grpc.ssl_server_certificate_configuration([(own.key, own.chain)])

    return grpc.dynamic_ssl_server_credentials(now(), now)
