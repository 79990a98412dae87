"""The gateway as an ASGI application."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from typing import Final
from uuid import uuid4

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Scope as AsgiScope
from starlette.websockets import WebSocket

from app.asr import RivaASRClient
from app.contract import ContractError, ErrorCode
from app.contract.limits import MAX_ECHO_CHARS, PATH_TOKENS
from app.gateway.admission.clients import Visitor
from app.gateway.core import Gateway
from app.gateway.dialects import registry
from app.gateway.dialects.codec import DialectCodec, Handshake
from app.gateway.dialects.intents import Start
from app.gateway.identity.identity import Scope
from app.gateway.server import pages
from app.gateway.server.answers import error_response
from app.gateway.server.headers import PAGE_POLICY
from app.gateway.server.middleware import MIDDLEWARE
from app.gateway.server.models import ListModels
from app.gateway.server.replies import dialect_response
from app.gateway.server.tokens import MakeSecret, make_token
from app.gateway.server.transcribe_file import TranscribeFile
from app.gateway.session.connection import ClientConnection
from app.gateway.session.recognition import check_start
from app.gateway.session.socket import EXTENSION, SocketControl
from app.gateway.session.telemetry import Origin
from app.gateway.settings.gateway import GatewaySettings
from app.gateway.telemetry.logs import get_logger
from app.gateway.telemetry.metrics import GatewayMetrics
from app.gateway.telemetry.trace_context import trace_context_of

WEB: Final = Path(__file__).resolve().parents[2] / "web"
_PAGE_HEADERS: Final = {"Cache-Control": "no-cache", "Content-Security-Policy": PAGE_POLICY}
_ANY: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""Methods that a dialect answers itself: one that is wrong, too, is told in its words."""
_LAG_INTERVAL_S: Final = 0.5
_REVIVAL_S: Final = 1.0
"""Before a background task that failed runs again: long enough not to fill the log."""

_log = get_logger(__name__)


def create_app(settings: GatewaySettings, asr: RivaASRClient) -> Starlette:
    """Build the application.

    Args:
        settings: As configured.
        asr: The recogniser; the application closes it when it shuts down.
    """
    gateway = Gateway.build(settings, asr, version("perch"))
    app = Starlette(
        routes=[
            Route("/", pages.root),
            Route("/healthz", pages.healthz),
            Route("/readyz", pages.readyz),
            Route("/health", pages.health),
            Route("/ws/status", pages.websocket_status),
            Route(PATH_TOKENS, make_token, methods=["POST"]),
            *_upload_routes(settings),
            *_secret_routes(settings),
            Route("/ui", page),
            *(Route(path, pages.needs_upgrade) for path in registry.paths()),
            Mount("/static", PageFiles(directory=WEB)),
            WebSocketRoute("/{path:path}", serve_websocket),
        ],
        middleware=[Middleware(one) for one in MIDDLEWARE],
        exception_handlers=pages.EXCEPTION_HANDLERS,
        lifespan=_lifespan,
    )
    app.router.redirect_slashes = False
    app.state.gateway = gateway
    return app


class PageFiles(StaticFiles):
    """The page's files, asked for anew each time: a release may have changed one of them."""

    async def get_response(self, path: str, scope: AsgiScope) -> Response:
        """Answer with a file, or that the browser's own is still the same."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


def _upload_routes(settings: GatewaySettings) -> Iterator[Route]:
    """Yield where recordings are posted, in the dialects that are offered."""
    for dialect in registry.UPLOAD_DIALECTS:
        if settings.speaks(dialect.name):
            models = ListModels(dialect)
            for path in dialect.paths:
                yield Route(path, TranscribeFile(dialect))
            for path in dialect.models_at:
                yield Route(path, models.all, methods=_ANY)
                yield Route(f"{path}/{{name:path}}", models.one, methods=_ANY)


def _secret_routes(settings: GatewaySettings) -> Iterator[Route]:
    """Yield where single-use tokens are asked for, in the dialects that are offered."""
    for dialect in registry.SECRET_DIALECTS:
        if any(map(settings.speaks, dialect.names)):
            for path in dialect.paths:
                yield Route(path, MakeSecret(dialect))


async def page(_request: Request) -> Response:
    """Serve the demo page."""
    return FileResponse(WEB / "index.html", headers=_PAGE_HEADERS)


async def serve_websocket(websocket: WebSocket) -> None:
    """Serve one WebSocket, or refuse it with an HTTP status before the upgrade."""
    gateway = pages.gateway_of(websocket)
    handshake = _handshake(websocket)
    try:
        dialect = _dialect(handshake, gateway.settings)
        tokens = dialect.credentials(handshake)
        visitor = await gateway.authorise(websocket, Scope.STREAM, tokens)
        with gateway.admission.connection(visitor):
            await _serve(gateway, websocket, handshake, visitor, dialect)
    except ContractError as error:
        gateway.metrics.connections_refused.labels(error.code.value).inc()
        gateway.metrics.errors_sent.labels(error.code.value).inc()
        _log.info("connection refused", code=error.code.value)
        await websocket.send_denial_response(_refusal(error, handshake))


def _refusal(error: ContractError, handshake: Handshake) -> Response:
    """Return the answer to a refused handshake, as the dialect that was meant has it."""
    try:
        answer = registry.dialect_at(handshake.path).refusal(error, handshake)
    except ContractError:
        answer = None
    return error_response(error) if answer is None else dialect_response(answer, error)


def _dialect(handshake: Handshake, settings: GatewaySettings) -> type[DialectCodec]:
    """Return the dialect that is spoken at a path.

    Raises:
        ContractError: `not_found`: the environment does not offer it.
    """
    dialect = registry.dialect_at(handshake.path)
    if not settings.speaks(dialect.name):
        raise ContractError(ErrorCode.NOT_FOUND, path=handshake.path[:MAX_ECHO_CHARS])
    return dialect


def _settings_for(visitor: Visitor, settings: GatewaySettings) -> GatewaySettings:
    """Return the settings with the client's own limit of a session, which its hello has."""
    own, every = visitor.limits.session_s, settings.ws_max_session_s
    if own is None or (every and every <= own):
        return settings
    return settings.model_copy(update={"ws_max_session_s": own})


def _handshake(websocket: WebSocket) -> Handshake:
    return Handshake(
        connection_id=str(uuid4()),
        path=websocket.scope["path"],
        query=websocket.query_params,
        options=websocket.query_params.multi_items(),
        headers=websocket.headers,
        subprotocols=websocket.scope.get("subprotocols", ()),
    )


async def _serve(
    gateway: Gateway,
    websocket: WebSocket,
    handshake: Handshake,
    visitor: Visitor,
    dialect: type[DialectCodec],
) -> None:
    socket: SocketControl = websocket.scope["extensions"][EXTENSION]
    socket.owner = visitor.client
    codec = dialect.open(handshake, _settings_for(visitor, gateway.settings))
    for intent in codec.begin():
        if isinstance(intent, Start):
            await check_start(gateway, intent.request, visitor)
    await websocket.accept(
        subprotocol=dialect.select_subprotocol(handshake.subprotocols),
        headers=[(name.encode(), value.encode()) for name, value in codec.headers().items()],
    )
    origin = Origin(
        connection_id=handshake.connection_id,
        dialect=codec.name,
        client=visitor.client,
        trace=trace_context_of(websocket.headers),
    )
    await ClientConnection(gateway, socket, codec, origin, visitor).run()


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    gateway: Gateway = app.state.gateway
    if not gateway.access.requires_token:
        _log.warning(
            "anyone who can reach this port may use it: neither APP_AUTH_TOKENS nor an issuer of "
            "tokens is set, nor an access list without APP_ANONYMOUS"
        )
    await gateway.switch.refresh()
    for files in gateway.followed:
        await files.refresh()
    if gateway.keys is not None:
        await gateway.keys.refresh()
    gateway.opened.set()
    background = [
        asyncio.create_task(_keep_up(run))
        for run in (
            gateway.readiness.run,
            gateway.admission.run,
            # Another route's recognisers are others: what is known of the last ones says nothing.
            partial(gateway.switch.run, gateway.readiness.refresh),
            partial(_measure_lag, gateway.metrics),
            *(() if gateway.keys is None else (gateway.keys.run,)),
            *(files.run for files in gateway.followed),
        )
    ]
    try:
        yield
    finally:
        for task in background:
            task.cancel()
        for task in background:
            with suppress(asyncio.CancelledError):
                await task
        await gateway.asr.aclose()
        if gateway.tracing is not None:
            await gateway.tracing.aclose()


async def _keep_up(run: Callable[[], Awaitable[None]]) -> None:
    """Run a background task for ever; log an exception and run it again after a moment."""
    while True:
        try:
            await run()
        except Exception:  # noqa: BLE001 - whatever it was, the gateway goes on
            _log.exception("background task failed")
            await asyncio.sleep(_REVIVAL_S)
        else:
            return


async def _measure_lag(metrics: GatewayMetrics) -> None:
    while True:
        due = monotonic() + _LAG_INTERVAL_S
        await asyncio.sleep(_LAG_INTERVAL_S)
        metrics.loop_lag_seconds.observe(max(0.0, monotonic() - due))
