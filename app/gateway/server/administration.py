"""The administrative listener: metrics, details and drain, apart from what the public reaches.

It has connections of its own: whatever clients do, the machine can still watch and drain its
gateway.
"""

import asyncio
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
from app.gateway.server.disclosure import is_local
from app.gateway.server.middleware import MIDDLEWARE, LostUpgrades
from app.gateway.server.pages import EXCEPTION_HANDLERS, gateway_of, liveness, readiness

MAX_CONNECTIONS: Final = 16
"""Of the administrative listener: a scraper, an agent, a person, and some to spare."""

PAGE_S: Final = 1.0
"""How old the metrics may be: they are rendered at most once in that time."""


def create_admin_app(gateway: Gateway) -> Starlette:
    """Build the application of the administrative listener."""
    app = Starlette(
        routes=[
            Route("/metrics", MetricsPage(gateway).answer),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
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


async def healthz(request: Request) -> Response:
    """Answer as the public listener does to those who may see details."""
    return liveness(gateway_of(request), details=True)


async def readyz(request: Request) -> Response:
    """Answer as the public listener does to those who may see details."""
    return readiness(request, details=True)


async def drain(request: Request) -> Response:
    """Begin the drain that SIGTERM begins, for a program on the same machine.

    Everybody else gets 404: a proxy on this machine names its client, and a browser its page.
    """
    if not is_local(request):
        raise ContractError(ErrorCode.NOT_FOUND, path=request.scope["path"])
    times = gateway_of(request).begin_drain()
    return JSONResponse({"draining": True, **times.seconds_left()}, status_code=202)
