"""Exchanges a kept credential for a single-use token, as other services' clients ask for it."""

from pydantic_core import from_json
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from app.contract import ContractError, ErrorCode, TokenAnswer
from app.gateway.dialects.client_secrets import SecretCodec, SecretRequest
from app.gateway.server.pages import gateway_of
from app.gateway.server.replies import WrongMethodError, dialect_response
from app.gateway.server.tokens import UnreadError, body_of
from app.gateway.telemetry.logs import get_logger

_log = get_logger(__name__)


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
            if isinstance(error, UnreadError):
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
                body=_parsed(await body_of(request)),
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
