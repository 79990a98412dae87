"""The table from the contract's errors to gRPC's statuses."""

from string import Formatter
from typing import Any

import grpc
import pytest

from app.contract import ERRORS, ContractError, ErrorCode
from app.contract.fields import AudioSpan
from app.gateway.grpc_front.status import notes, status_of, trailers_of


def error_of(code: ErrorCode) -> ContractError:
    places = {name for _, name, _, _ in Formatter().parse(ERRORS[code].sentence) if name}
    values: dict[str, Any] = dict.fromkeys(places, 1.0)
    return ContractError(code, **values)


@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_error_has_a_status_that_says_something(code: ErrorCode) -> None:
    assert status_of(error_of(code)) not in {grpc.StatusCode.UNKNOWN, grpc.StatusCode.OK}


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (ErrorCode.UNAUTHORIZED, "UNAUTHENTICATED"),
        (ErrorCode.INSUFFICIENT_SCOPE, "PERMISSION_DENIED"),
        (ErrorCode.TOO_MANY_SESSIONS, "RESOURCE_EXHAUSTED"),
        (ErrorCode.TOO_MANY_CLIENT_SESSIONS, "RESOURCE_EXHAUSTED"),
        (ErrorCode.ASR_UNAVAILABLE, "UNAVAILABLE"),
        (ErrorCode.ASR_OVERLOADED, "UNAVAILABLE"),
        (ErrorCode.ASR_REJECTED, "INVALID_ARGUMENT"),
        (ErrorCode.ASR_FAILED, "INTERNAL"),
        (ErrorCode.ASR_STALLED, "DEADLINE_EXCEEDED"),
        (ErrorCode.DRAINING, "UNAVAILABLE"),
        (ErrorCode.INVALID_MESSAGE, "INVALID_ARGUMENT"),
        (ErrorCode.UPLOAD_TOO_BIG, "RESOURCE_EXHAUSTED"),
        (ErrorCode.UNSUPPORTED_AUDIO, "INVALID_ARGUMENT"),
        (ErrorCode.NOT_FOUND, "NOT_FOUND"),
        (ErrorCode.INTERNAL_ERROR, "INTERNAL"),
    ],
)
def test_a_status_means_what_gRPC_means_by_it(code: ErrorCode, status: str) -> None:  # noqa: N802 - its name
    assert status_of(error_of(code)).name == status


def test_who_may_come_back_is_told_when_and_in_whole_seconds() -> None:
    error = ContractError(ErrorCode.TOO_MANY_SESSIONS, limit=1, retry_after_s=1.25)
    assert dict(trailers_of(error)) == {
        "perch-code": "too_many_sessions",
        "retry-after": "2",
        "grpc-retry-pushback-ms": "1250",
    }
    assert dict(trailers_of(ContractError(ErrorCode.UNAUTHORIZED))) == {
        "perch-code": "unauthorized"
    }


def test_audio_that_is_lost_is_named() -> None:
    told = trailers_of(ContractError(ErrorCode.DRAIN_DEADLINE), AudioSpan(start=1.5, end=2.25))
    assert ("perch-lost", "1.500-2.250") in told


def test_a_warning_is_printable_and_bounded_whatever_it_says() -> None:
    [(name, value)] = notes(["ä\r\n\x00" + "x" * 5000])
    assert name == "perch-warning"
    assert value.isascii()
    assert value.isprintable()
    assert len(value) <= 400
