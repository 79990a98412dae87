"""Errors as Deepgram's clients read them: an HTTP answer before the upgrade, a reason after it."""

from http import HTTPStatus
from typing import Final

from app.contract import CloseCode, ContractError, ErrorCode
from app.contract.limits import MAX_ECHO_CHARS
from app.gateway.dialects.json_objects import encoded
from app.gateway.dialects.upload import HttpAnswer

REQUEST_ID: Final = "dg-request-id"
_ERROR: Final = "dg-error"
_MAX_HEADER_CHARS: Final = 200
_MAX_REASON_BYTES: Final = 123
"""RFC 6455, 5.5: a control frame has 125 bytes, two of them the code."""

_CODES: Final = {
    ErrorCode.UNAUTHORIZED: "INVALID_AUTH",
    ErrorCode.INSUFFICIENT_SCOPE: "INSUFFICIENT_PERMISSIONS",
    ErrorCode.BAD_REQUEST: "Bad Request",
    ErrorCode.MODEL_NOT_FOUND: "Bad Request",
}
"""Where Deepgram has a code of its own that programs compare."""
_STATUSES: Final = {
    ErrorCode.UNSUPPORTED_AUDIO: HTTPStatus.BAD_REQUEST,
    ErrorCode.MODEL_NOT_FOUND: HTTPStatus.BAD_REQUEST,
}
"""Where Deepgram's status is another."""

STAYS_OPEN: Final = frozenset(
    {ErrorCode.INVALID_JSON, ErrorCode.INVALID_MESSAGE, ErrorCode.UNKNOWN_MESSAGE_TYPE}
)
"""Errors of one message, which the rest of the stream does not suffer from."""
TOO_LATE: Final = frozenset({ErrorCode.NO_ACTIVE_SESSION, ErrorCode.AUDIO_BEFORE_START})
"""A message met a session that was being ended for another reason, which is told by the close."""

_REASONS: Final = {
    ErrorCode.UNSUPPORTED_AUDIO: "DATA-0000",
    ErrorCode.INVALID_UTF8: "DATA-0000",
    ErrorCode.IDLE_TIMEOUT: "NET-0001",
    ErrorCode.INTERNAL_ERROR: "NET-0000",
    ErrorCode.ASR_FAILED: "NET-0000",
}


def refusal(error: ContractError, request_id: str) -> HttpAnswer:
    """Return the answer to a request that failed."""
    body = {
        "err_code": _CODES.get(error.code, error.code.value.upper()),
        "err_msg": error.sentence,
        "request_id": request_id,
    }
    status = _STATUSES.get(error.code) or error.spec.http_status
    return HttpAnswer(
        body=encoded(body).encode(),
        status=int(status or HTTPStatus.INTERNAL_SERVER_ERROR),
        headers={_ERROR: _in_header(error.sentence), REQUEST_ID: request_id},
    )


def close_code(error: ContractError) -> int | None:
    """Return the code an error closes a stream with, None where it stays open."""
    if error.code in STAYS_OPEN | TOO_LATE:
        return None
    if error.code is ErrorCode.IDLE_TIMEOUT:
        return CloseCode.INTERNAL
    own = error.spec.close_code
    if own is not None:
        return own
    return CloseCode.TRY_LATER if error.retryable else CloseCode.POLICY


def close_reason(error: ContractError) -> str:
    """Return the reason an error closes a stream with."""
    code = _REASONS.get(error.code, error.code.value.upper())
    reason = f"{code} {error.sentence}".encode()[:_MAX_REASON_BYTES]
    return reason.decode(errors="ignore")


def message_error(error: ContractError, message: str) -> dict[str, object]:
    """Return what tells of a message that could not be taken."""
    return {
        "type": "Error",
        "variant": "SchemaError",
        "description": error.sentence,
        "message": message[:MAX_ECHO_CHARS],
    }


def _in_header(text: str) -> str:
    """Return a text that can stand in a header (RFC 9110, 5.5)."""
    shown = "".join(letter if " " <= letter <= "~" else "?" for letter in text)
    return shown[:_MAX_HEADER_CHARS].strip()
