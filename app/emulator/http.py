"""What a NIM answers on its HTTP port, and, if switched on, the way to set scripts."""

import time

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.emulator.runtime import Runtime
from app.emulator.script import Script


def create_app(runtime: Runtime) -> Starlette:
    """The HTTP side of one emulator.

    Args:
        runtime: The emulator's shared parts; `settings.admin` adds the /admin routes.
    """
    started = int(time.time())

    async def live(_request: Request) -> Response:
        return JSONResponse({"status": "live"})

    async def ready(_request: Request) -> Response:
        if runtime.readiness.is_ready:
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "not ready"}, status_code=503)

    async def models(_request: Request) -> Response:
        if not runtime.readiness.is_ready:
            return JSONResponse({"status": "not ready"}, status_code=503)
        model = {"id": runtime.settings.model_name, "object": "model", "created": started}
        return JSONResponse({"object": "list", "data": [model]})

    async def metrics(_request: Request) -> Response:
        body = generate_latest(runtime.metrics.registry)
        return Response(body, media_type=CONTENT_TYPE_LATEST)

    async def set_script(request: Request) -> Response:
        try:
            runtime.set_script(Script.model_validate_json(await request.body()))
        except ValidationError as error:
            problems = [
                {"field": ".".join(map(str, problem["loc"])), "problem": problem["msg"]}
                for problem in error.errors(include_url=False)
            ]
            return JSONResponse({"problems": problems}, status_code=422)
        except ValueError as error:
            problems = [{"field": "streams", "problem": str(error)}]
            return JSONResponse({"problems": problems}, status_code=422)
        return await get_script(request)

    async def get_script(_request: Request) -> Response:
        return Response(runtime.book.script.model_dump_json(), media_type="application/json")

    async def streams(_request: Request) -> Response:
        return JSONResponse({"streams": [record.public() for record in runtime.journal.streams]})

    routes = [
        Route("/v1/health/live", live),
        Route("/v1/health/ready", ready),
        Route("/v1/models", models),
        Route("/v1/metrics", metrics),
    ]
    if runtime.settings.admin:
        routes += [
            Route("/admin/script", set_script, methods=["POST"]),
            Route("/admin/script", get_script, methods=["GET"]),
            Route("/admin/streams", streams, methods=["GET"]),
        ]
    return Starlette(routes=routes)
