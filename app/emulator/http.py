"""What a NIM answers on its HTTP port, and, if switched on, the way to set scripts."""

import time

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.emulator.guard import Guard
from app.emulator.runtime import Runtime
from app.emulator.scripting import Script


class _Pages:
    """The answers of one emulator."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._started = int(time.time())

    async def live(self, _request: Request) -> Response:
        return JSONResponse({"status": "live"})

    async def ready(self, _request: Request) -> Response:
        if self._runtime.readiness.is_ready:
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "not ready"}, status_code=503)

    async def models(self, request: Request) -> Response:
        if not self._runtime.readiness.is_ready:
            return await self.ready(request)
        name = self._runtime.settings.model_name
        model = {"id": name, "object": "model", "created": self._started}
        return JSONResponse({"object": "list", "data": [model]})

    async def metrics(self, _request: Request) -> Response:
        body = generate_latest(self._runtime.metrics.registry)
        return Response(body, headers={"content-type": CONTENT_TYPE_LATEST})

    async def set_script(self, request: Request) -> Response:
        try:
            self._runtime.set_script(Script.model_validate_json(await request.body()))
        except ValidationError as error:
            problems = [
                {"field": ".".join(map(str, problem["loc"])), "problem": problem["msg"]}
                for problem in error.errors(include_url=False)
            ]
            return JSONResponse({"problems": problems}, status_code=422)
        except ValueError as error:
            problems = [{"field": "streams", "problem": str(error)}]
            return JSONResponse({"problems": problems}, status_code=422)
        return await self.script(request)

    async def script(self, _request: Request) -> Response:
        body = self._runtime.book.script.model_dump_json()
        return Response(body, media_type="application/json")

    async def streams(self, _request: Request) -> Response:
        records = [record.public() for record in self._runtime.journal.streams]
        return JSONResponse({"streams": records})


def create_app(runtime: Runtime) -> Starlette:
    """Return the HTTP application of an emulator.

    Args:
        runtime: The emulator's shared parts; `settings.admin` adds the /admin routes.
    """
    pages = _Pages(runtime)
    routes = [
        Route("/v1/health/live", pages.live),
        Route("/v1/health/ready", pages.ready),
        Route("/v1/models", pages.models),
        Route("/v1/metrics", pages.metrics),
    ]
    if runtime.settings.admin:
        routes += [
            Route("/admin/script", pages.set_script, methods=["POST"]),
            Route("/admin/script", pages.script, methods=["GET"]),
            Route("/admin/streams", pages.streams, methods=["GET"]),
        ]
    names = (runtime.settings.host, *runtime.settings.allowed_hosts)
    return Starlette(routes=routes, middleware=[Middleware(Guard, names=names)])
