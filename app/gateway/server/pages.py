"""The routes over plain HTTP but the upload: health, information pages, errors."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ExceptionHandler

from app.contract import ContractError, ErrorCode
from app.contract.limits import MAX_ECHO_CHARS, PATH_B, PROTOCOL_VERSION_B, SERVICE
from app.gateway.core import Gateway
from app.gateway.server.answers import error_response
from app.gateway.server.disclosure import may_see_details


def gateway_of(connection: HTTPConnection) -> Gateway:
    """Return the gateway a request came to."""
    gateway: Gateway = connection.app.state.gateway
    return gateway


async def healthz(request: Request) -> Response:
    """Answer that the process runs; check nothing else."""
    gateway = gateway_of(request)
    return liveness(gateway, details=await may_see_details(gateway, request))


def liveness(gateway: Gateway, *, details: bool) -> Response:
    """Return the answer of `/healthz`.

    Args:
        gateway: Whose it is.
        details: Whether who asks may see them.
    """
    return JSONResponse({"status": "ok", **(_release(gateway) if details else {})})


async def readyz(request: Request) -> Response:
    """Answer whether a session can be admitted now.

    `?ignore=capacity` asks whether the machine is well: neither being full nor the kill switch is a
    reason to replace it.
    """
    return readiness(request, details=await may_see_details(gateway_of(request), request))


def readiness(request: Request, *, details: bool) -> Response:
    """Return the answer of `/readyz`.

    Args:
        request: What is asked.
        details: Whether who asks may see them.
    """
    gateway = gateway_of(request)
    reasons = gateway.unready_reasons(capacity=request.query_params.get("ignore") != "capacity")
    return JSONResponse(
        {"ready": not reasons, **(_state(gateway, reasons) if details else {})},
        status_code=503 if reasons else 200,
    )


def _state(gateway: Gateway, reasons: list[str]) -> dict[str, object]:
    admission = gateway.admission
    return {
        **_release(gateway),
        "reasons": reasons,
        "sessions": admission.sessions,
        "slots": admission.slots,
        "free_sessions": max(0, admission.free_sessions),
        "waiting": admission.waiting,
        "connections": admission.connections,
        "draining": admission.draining,
        "recognition": gateway.switch.mode.value,
        "groups": [{"ready": one.ready, **asdict(one)} for one in gateway.group_states()],
        "endpoints": [asdict(endpoint) for endpoint in gateway.asr.endpoints()],
    }


def _release(gateway: Gateway) -> dict[str, object]:
    return {"version": gateway.version, "colour": gateway.settings.app_colour}


async def root(request: Request) -> Response:
    """Redirect browsers to the page; answer programs in the predecessor's shape."""
    if _accepts_html(request):
        return RedirectResponse("/ui", status_code=307)
    gateway = gateway_of(request)
    is_known = await may_see_details(gateway, request)
    return JSONResponse(
        {
            "service": SERVICE,
            "status": "running",
            **({"version": gateway.version} if is_known else {}),
            "riva_host": gateway.settings.app_riva_label,
            "features": {
                "websocket": True,
                "file_transcription": True,
                "partial_results": True,
                "word_timestamps": True,
            },
        }
    )


def _accepts_html(request: Request) -> bool:
    # RFC 9110, 8.3.1 and 12.5.1: the type's case means nothing, what follows a semicolon is no part
    # of it.
    ranges = ",".join(request.headers.getlist("accept")).split(",")
    return any(media_type(one) == "text/html" for one in ranges)


def media_type(header: str) -> str:
    """Return the type of a Content-Type header without its parameters, in lower case."""
    return header.partition(";")[0].strip().lower()


async def needs_upgrade(request: Request) -> Response:
    """Answer a request for a WebSocket path that asks for no upgrade."""
    return error_response(upgrade_required(request))


def upgrade_required(request: HTTPConnection) -> ContractError:
    """Return the error of a request without an upgrade, with the proxy's part in it."""
    return ContractError(
        ErrorCode.UPGRADE_REQUIRED,
        path=request.scope["path"][:MAX_ECHO_CHARS],
        detail=_lost_upgrade(request),
    )


def _lost_upgrade(request: HTTPConnection) -> str:
    via = ", ".join(request.headers.getlist("via"))[:MAX_ECHO_CHARS]
    if via:
        proxy = f"the proxy on the way (Via: {via})"
    elif "sec-websocket-key" in request.headers:
        proxy = "a proxy on the way"
    else:
        return (
            "this request asks for no upgrade: connect with a WebSocket client; if one was used, "
            "let the proxy on the way pass the headers Upgrade and Connection on"
        )
    if request.scope.get("http_version") == "1.0":
        return (
            f"{proxy} asked for it in HTTP/1.0, which has no upgrade: let it speak HTTP/1.1 "
            "and pass the headers Upgrade and Connection on"
        )
    return f"{proxy} dropped the header Upgrade: let it pass Upgrade and Connection on"


async def health(request: Request) -> Response:
    """Answer readiness in the predecessor's shape."""
    gateway = gateway_of(request)
    reasons = gateway.unready_reasons()
    is_known = await may_see_details(gateway, request)
    return JSONResponse(
        {
            "status": "unhealthy" if reasons else "healthy",
            "service": SERVICE,
            "riva_host": gateway.settings.app_riva_label,
            **({"reasons": reasons} if is_known else {}),
            "timestamp": datetime.now(UTC).isoformat(),
        },
        status_code=503 if reasons else 200,
    )


async def websocket_status(request: Request) -> Response:
    """Describe dialect B's endpoint, as the predecessor did."""
    gateway = gateway_of(request)
    counts = {"active_connections": gateway.admission.connections}
    is_known = await may_see_details(gateway, request)
    return JSONResponse(
        {
            "websocket_endpoint": PATH_B,
            "protocol": PROTOCOL_VERSION_B,
            "status": "unavailable" if gateway.unready_reasons() else "available",
            "token_required": gateway.access.requires_token,
            **(counts if is_known else {}),
        }
    )


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Render Starlette's own refusals in the contract's form."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    path = request.scope["path"][:200]
    if status == ContractError(ErrorCode.NOT_FOUND, path=path).spec.http_status:
        return error_response(ContractError(ErrorCode.NOT_FOUND, path=path))
    allowed = (error.headers or {}).get("Allow") if isinstance(error, HTTPException) else None
    if allowed is not None:
        refusal = ContractError(
            ErrorCode.METHOD_NOT_ALLOWED, method=request.method, accepted=allowed
        )
        response = error_response(refusal)
        response.headers["Allow"] = allowed
        return response
    detail = error.detail if isinstance(error, HTTPException) else "bad request"
    return error_response(ContractError(ErrorCode.BAD_REQUEST, detail=detail))


async def on_contract_error(_request: Request, error: Exception) -> Response:
    """Answer with an error that was raised on the way."""
    if not isinstance(error, ContractError):
        raise error
    return error_response(error)


async def on_internal_error(_request: Request, _error: Exception) -> Response:
    """Answer 500 without a cause; the log has it."""
    return error_response(ContractError(ErrorCode.INTERNAL_ERROR))


EXCEPTION_HANDLERS: Final[Mapping[int | type[Exception], ExceptionHandler]] = {
    HTTPException: on_http_exception,
    ContractError: on_contract_error,
    Exception: on_internal_error,
}
