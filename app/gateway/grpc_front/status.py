"""The contract's errors as statuses of gRPC, by one table, and what is said beside them."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from math import ceil
from types import MappingProxyType
from typing import Final, TypeAlias

from grpc import StatusCode

from app.contract import ContractError, ErrorCode
from app.contract.fields import AudioSpan

Trailers: TypeAlias = tuple[tuple[str, str], ...]
"""What follows the last message: names in lower case, and values of printable ASCII."""

_OWN: Final[Mapping[ErrorCode, StatusCode]] = MappingProxyType(
    {
        ErrorCode.ASR_STALLED: StatusCode.DEADLINE_EXCEEDED,
        ErrorCode.AUDIO_BEFORE_START: StatusCode.INVALID_ARGUMENT,
        ErrorCode.BUFFERS_FULL: StatusCode.RESOURCE_EXHAUSTED,
        ErrorCode.DRAIN_DEADLINE: StatusCode.UNAVAILABLE,
        ErrorCode.GOING_AWAY: StatusCode.UNAVAILABLE,
        ErrorCode.IDLE_TIMEOUT: StatusCode.DEADLINE_EXCEEDED,
        ErrorCode.INVALID_JSON: StatusCode.INVALID_ARGUMENT,
        ErrorCode.INVALID_MESSAGE: StatusCode.INVALID_ARGUMENT,
        ErrorCode.INVALID_UTF8: StatusCode.INVALID_ARGUMENT,
        ErrorCode.MESSAGE_TIMEOUT: StatusCode.DEADLINE_EXCEEDED,
        # As gRPC itself has it of a message that is too long.
        ErrorCode.MESSAGE_TOO_BIG: StatusCode.RESOURCE_EXHAUSTED,
        ErrorCode.NO_ACTIVE_SESSION: StatusCode.FAILED_PRECONDITION,
        ErrorCode.PROTOCOL_ERROR: StatusCode.INTERNAL,
        ErrorCode.RATE_LIMITED: StatusCode.RESOURCE_EXHAUSTED,
        ErrorCode.RESUME_REJECTED: StatusCode.FAILED_PRECONDITION,
        ErrorCode.SESSION_ACTIVE: StatusCode.FAILED_PRECONDITION,
        ErrorCode.SESSION_TOO_LONG: StatusCode.DEADLINE_EXCEEDED,
        ErrorCode.SLOW_READER: StatusCode.DEADLINE_EXCEEDED,
        ErrorCode.SUPERSEDED: StatusCode.ABORTED,
        ErrorCode.TOO_MANY_CONNECTIONS: StatusCode.RESOURCE_EXHAUSTED,
        ErrorCode.TOO_MANY_RESUMES: StatusCode.RESOURCE_EXHAUSTED,
        ErrorCode.TOO_MANY_SESSIONS: StatusCode.RESOURCE_EXHAUSTED,
        ErrorCode.TOO_MANY_UPLOADS: StatusCode.RESOURCE_EXHAUSTED,
        ErrorCode.UNKNOWN_MESSAGE_TYPE: StatusCode.INVALID_ARGUMENT,
        ErrorCode.WAITING_ROOM_FULL: StatusCode.RESOURCE_EXHAUSTED,
    }
)
"""Of the codes that have no status of HTTP, or one that gRPC has a better word for."""

_BY_HTTP: Final[Mapping[int, StatusCode]] = MappingProxyType(
    {
        HTTPStatus.BAD_REQUEST: StatusCode.INVALID_ARGUMENT,
        HTTPStatus.UNAUTHORIZED: StatusCode.UNAUTHENTICATED,
        HTTPStatus.FORBIDDEN: StatusCode.PERMISSION_DENIED,
        HTTPStatus.NOT_FOUND: StatusCode.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED: StatusCode.UNIMPLEMENTED,
        HTTPStatus.REQUEST_TIMEOUT: StatusCode.DEADLINE_EXCEEDED,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: StatusCode.RESOURCE_EXHAUSTED,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE: StatusCode.INVALID_ARGUMENT,
        HTTPStatus.MISDIRECTED_REQUEST: StatusCode.PERMISSION_DENIED,
        HTTPStatus.UPGRADE_REQUIRED: StatusCode.UNIMPLEMENTED,
        HTTPStatus.TOO_MANY_REQUESTS: StatusCode.RESOURCE_EXHAUSTED,
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: StatusCode.RESOURCE_EXHAUSTED,
        HTTPStatus.INTERNAL_SERVER_ERROR: StatusCode.INTERNAL,
        HTTPStatus.BAD_GATEWAY: StatusCode.INTERNAL,
        HTTPStatus.SERVICE_UNAVAILABLE: StatusCode.UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT: StatusCode.DEADLINE_EXCEEDED,
    }
)
"""Of all others: what each means over HTTP."""

_MOST_NOTE_CHARS: Final = 300


def status_of(error: ContractError) -> StatusCode:
    """Return the status that a call ends with."""
    own = _OWN.get(error.code)
    if own is not None:
        return own
    return _BY_HTTP.get(error.spec.http_status or 0, StatusCode.UNKNOWN)


def trailers_of(error: ContractError, lost: AudioSpan | None = None) -> Trailers:
    """Return what says more than a status: the contract's code, and when to come back.

    `grpc-retry-pushback-ms` is what gRPC's own retries go by (gRFC A6).

    Args:
        error: What the call ends with.
        lost: Audio of the stream that is in no final.
    """
    found = [("perch-code", error.code.value)]
    if error.retry_after_s is not None:
        found += [
            ("retry-after", str(max(1, ceil(error.retry_after_s)))),
            ("grpc-retry-pushback-ms", str(ceil(error.retry_after_s * 1000))),
        ]
    if lost is not None:
        found.append(("perch-lost", f"{lost.start:.3f}-{lost.end:.3f}"))
    return tuple(found)


def notes(warnings: Sequence[str]) -> Trailers:
    """Return the warnings of a call, one trailer each."""
    return tuple(("perch-warning", _printable(text)) for text in warnings)


def _printable(text: str) -> str:
    plain = text[:_MOST_NOTE_CHARS].encode("ascii", "backslashreplace").decode()
    return "".join(char if char.isprintable() else " " for char in plain).strip()
