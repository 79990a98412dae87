"""The administrative listener: metrics and drain, apart from what the public reaches.

It has connections of its own: whatever clients do, the machine can still watch and drain its
gateway.
"""

import asyncio
from ipaddress import IPv6Address, ip_address
from time import monotonic
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.contract import ContractError, ErrorCode
from app.gateway.core import Gateway
from app.gateway.server.middleware import MIDDLEWARE, LostUpgrades
from app.gateway.server.pages import EXCEPTION_HANDLERS, gateway_of

MAX_CONNECTIONS: Final = 16
"""Of the administrative listener: a scraper, an agent, a person, and some to spare."""

PAGE_S: Final = 1.0
"""How old the metrics may be: they are rendered at most once in that time."""

_SIGNS_OF_OTHERS: Final = ("forwarded", "x-forwarded-for", "origin")
"""Headers that a program on this machine does not send for itself."""


def create_admin_app(gateway: Gateway) -> Starlette:
    """Build the application of the administrative listener."""
    app = Starlette(
        routes=[
            Route("/metrics", MetricsPage(gateway).answer),
            Route("/drain", drain, methods=["POST"]),
        ],
        middleware=[Middleware(one) for one in MIDDLEWARE if one is not LostUpgrades],
        exception_handlers=EXCEPTION_HANDLERS,
    )
    app.router.redirect_slashes = False
    app.state.gateway = gateway
    return app


class MetricsPage:
    """Renders the metrics as text, at most once in `PAGE_S`.

    Args:
        gateway: Whose they are.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._texts: dict[bool, bytes] = {}
        self._made_at = float("-inf")

    async def answer(self, request: Request) -> Response:
        """Expose the metrics in Prometheus's text format, or OpenMetrics' with exemplars."""
        if monotonic() - self._made_at >= PAGE_S:
            self._texts.clear()
            self._made_at = monotonic()
            self._gateway.metrics.ready.set(not self._gateway.unready_reasons())
            self._gateway.metrics.tasks.set(len(asyncio.all_tasks()))
        exemplars = "application/openmetrics-text" in request.headers.get("accept", "")
        if exemplars not in self._texts:
            self._texts[exemplars] = self._gateway.metrics.render(exemplars=exemplars)
        return Response(
            self._texts[exemplars], media_type=OPENMETRICS if exemplars else CONTENT_TYPE_LATEST
        )


async def drain(request: Request) -> Response:
    """Begin the drain that SIGTERM begins, for a program on the same machine.

    Everybody else gets 404: a proxy on this machine names its client, and a browser its page.
    """
    if not _is_local(request):
        raise ContractError(ErrorCode.NOT_FOUND, path=request.scope["path"])
    times = gateway_of(request).begin_drain()
    return JSONResponse({"draining": True, **times.seconds_left()}, status_code=202)


def _is_local(request: Request) -> bool:
    if any(name in request.headers for name in _SIGNS_OF_OTHERS) or request.client is None:
        return False
    try:
        peer = ip_address(request.client.host)
    except ValueError:
        return False
    mapped = peer.ipv4_mapped if isinstance(peer, IPv6Address) else None
    return (mapped or peer).is_loopback
