"""Renders errors of the contract as HTTP answers, for the application and the protocols below."""

from collections.abc import Mapping
from http import HTTPStatus
from math import ceil
from typing import Final

from starlette.responses import JSONResponse

from app.contract import ContractError, ErrorCode
from app.gateway.server.headers import SECURITY_HEADERS

WEBSOCKET_VERSION: Final = "13"
"""RFC 6455, 4.1: the only version there is."""


def error_status(error: ContractError) -> HTTPStatus:
    """Return the status an error is answered with."""
    return HTTPStatus(error.spec.http_status or HTTPStatus.INTERNAL_SERVER_ERROR)


def error_headers(error: ContractError) -> Mapping[str, str]:
    """Return the headers that belong to an error, beside those of every answer."""
    headers = {}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, ceil(error.retry_after_s)))
    if error.code is ErrorCode.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="perch"'
    if error.code is ErrorCode.INSUFFICIENT_SCOPE:
        # RFC 6750, 3.1.
        headers["WWW-Authenticate"] = 'Bearer realm="perch", error="insufficient_scope"'
    if error.code is ErrorCode.UPGRADE_REQUIRED:
        # RFC 9110, 15.5.22 and 7.8; RFC 6455, 4.4.
        headers |= {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": WEBSOCKET_VERSION,
        }
    return headers


def error_response(error: ContractError, **extra: object) -> JSONResponse:
    """Render an error in the contract's form, with Retry-After where waiting helps."""
    return JSONResponse(
        {**error.body().model_dump(), **extra},
        status_code=error_status(error),
        headers=error_headers(error),
    )


def last_answer(error: ContractError) -> tuple[HTTPStatus, list[tuple[str, str]], bytes]:
    """Return status, headers and body of an answer after which the connection is closed."""
    body = error.body().model_dump_json().encode()
    own = dict(error_headers(error))
    connection = own.pop("Connection", None)
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("Connection", "close" if connection is None else f"{connection}, close"),
        *own.items(),
        *SECURITY_HEADERS.items(),
    ]
    return error_status(error), headers, body
