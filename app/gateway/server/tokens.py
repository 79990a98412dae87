"""Exchanges a kept credential for a single-use token, in our words or another service's."""

import asyncio
from typing import Final

from pydantic_core import from_json
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from app.contract import ContractError, ErrorCode, TokenAnswer, parse_token_request
from app.contract.limits import MAX_ECHO_CHARS, MAX_TOKEN_REQUEST_BYTES
from app.gateway.dialects.client_secrets import SecretCodec, SecretRequest
from app.gateway.server.answers import error_response
from app.gateway.server.pages import gateway_of, media_type
from app.gateway.server.replies import WrongMethodError, dialect_response
from app.gateway.telemetry.logs import get_logger

BODY_TIMEOUT_S: Final = 10.0
"""From the end of the headers to that of the body, as for headers."""
_NOT_KEPT: Final = {"Cache-Control": "no-store"}
_JSON: Final = "application/json"

_log = get_logger(__name__)


class _UnreadError(ContractError):
    """A part of the body was not read."""

    def __init__(self, detail: str) -> None:
        super().__init__(ErrorCode.BAD_REQUEST, detail=detail)


async def make_token(request: Request) -> Response:
    """Answer with a single-use token for whoever shows a kept credential in the header."""
    gateway = gateway_of(request)
    outcome = "ok"
    try:
        # Before the body: of a stranger none is read.
        owner = await gateway.access.check_owner(request)
        made = gateway.mint.exchange(owner, parse_token_request(await _body(request)))
    except ClientDisconnect:
        outcome = "disconnected"
        # Nobody is there to read it; Starlette wants one all the same.
        return Response()
    except ContractError as error:
        outcome = error.code.value
        gateway.metrics.errors_sent.labels(outcome).inc()
        response = error_response(error)
        response.headers.update(_NOT_KEPT)
        if isinstance(error, _UnreadError):
            # What is still to come would come as late, or is as long.
            response.headers["Connection"] = "close"
        return response
    finally:
        gateway.metrics.credentials.made.labels(outcome).inc()
    _log.info("single-use token made", scopes=made.scopes, expires_in=made.expires_in)
    return JSONResponse(made.model_dump(mode="json"), headers=_NOT_KEPT)


async def _body(request: Request) -> bytes:
    """Return the body.

    Raises:
        ContractError: `bad_request`: it is no JSON, too long, or does not come.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for piece in request.stream():
                body += piece
                if len(body) > MAX_TOKEN_REQUEST_BYTES:
                    raise _UnreadError(f"the body is longer than {MAX_TOKEN_REQUEST_BYTES} bytes")
    except TimeoutError:
        raise _UnreadError(f"the body did not come within {BODY_TIMEOUT_S:g} s") from None
    kind = request.headers.get("content-type", "")
    if body and media_type(kind) != _JSON:
        shown = f"Content-Type is {kind[:MAX_ECHO_CHARS]!r}; accepted: {_JSON}"
        raise ContractError(ErrorCode.BAD_REQUEST, detail=shown)
    return bytes(body)


class MakeSecret:
    """Answers the exchanges of one dialect, as an ASGI application.

    Args:
        dialect: How it is asked for and answered.
    """

    def __init__(self, dialect: type[SecretCodec]) -> None:
        self._dialect = dialect

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Make a secret, or say in the dialect's words why not."""
        request = Request(scope, receive, send)
        gateway = gateway_of(request)
        outcome = "ok"
        try:
            made, codec = await self._exchange(request)
            response = dialect_response(codec.answer(made))
        except ClientDisconnect:
            outcome = "disconnected"
            return
        except ContractError as error:
            outcome = error.code.value
            gateway.metrics.errors_sent.labels(outcome).inc()
            response = dialect_response(self._dialect.refusal(error), error)
            if isinstance(error, _UnreadError):
                # What is still to come would come as late, or is as long.
                response.headers["Connection"] = "close"
        finally:
            gateway.metrics.credentials.made.labels(outcome).inc()
        await response(scope, receive, send)

    async def _exchange(self, request: Request) -> tuple[TokenAnswer | None, SecretCodec]:
        if request.method != "POST":
            raise WrongMethodError(request.method, "POST")
        gateway = gateway_of(request)
        # Before the body: of a stranger none is read.
        owner = await gateway.access.find_owner(request)
        codec = self._dialect.open(
            SecretRequest(
                path=request.scope["path"].rstrip("/"),
                headers=request.headers,
                body=_parsed(await _body(request)),
            )
        )
        if owner is None:
            return None, codec
        made = gateway.mint.exchange(owner, codec.asked())
        _log.info("single-use token made", scopes=made.scopes, expires_in=made.expires_in)
        return made, codec


def _parsed(body: bytes) -> dict[str, object]:
    try:
        parsed = from_json(body, allow_inf_nan=False) if body else {}
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        detail = "the body is no JSON object; accepted: one, or no body"
        raise ContractError(ErrorCode.BAD_REQUEST, detail=detail)
    return parsed
