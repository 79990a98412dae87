"""What a refusal before the upgrade is turned into. That it is raised is in `connection/`."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from app.client import BusyError, ForbiddenError, RefusedError, TooManyRequestsError
from app.client.errors import UnauthorizedError, refusal

BODY = b'{"error": "Full", "code": "too_many_sessions", "retryable": true, "retry_after": null}'


def in_seconds(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


@pytest.mark.parametrize("zone", ["GMT", "-0000"])
def test_retry_after_may_be_a_date(zone: str) -> None:
    date = format_datetime(in_seconds(90), usegmt=True).replace("GMT", zone)
    after = refusal(503, {"Retry-After": date}, b"").retry_after
    assert after == pytest.approx(90, abs=5)


def test_a_date_that_has_passed_means_now() -> None:
    date = format_datetime(in_seconds(-90), usegmt=True)
    assert refusal(503, {"Retry-After": date}, b"").retry_after == 0.0


@pytest.mark.parametrize("value", ["", "soon", "-5", "1e3", "Thu, 99 Nov 2026 25:00:00 GMT"])
def test_a_retry_after_that_is_neither_seconds_nor_a_date_is_none(value: str) -> None:
    assert refusal(503, {"Retry-After": value}, b"").retry_after is None


def test_seconds_may_have_space_around_them_and_the_body_goes_before_the_header() -> None:
    assert refusal(503, {"Retry-After": " 7 "}, BODY).retry_after == 7.0
    assert refusal(503, {"Retry-After": "7"}, BODY.replace(b"null", b"3")).retry_after == 3.0


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (401, UnauthorizedError, False),
        (403, ForbiddenError, False),
        (404, RefusedError, False),
        (408, RefusedError, True),
        (425, RefusedError, True),
        (429, TooManyRequestsError, True),
        (500, RefusedError, True),
        (501, RefusedError, False),
        (502, RefusedError, True),
        (503, BusyError, True),
        (504, RefusedError, True),
    ],
)
def test_a_status_without_words_says_what_it_is_and_whether_to_try_again(
    status: int, kind: type[RefusedError], *, retryable: bool
) -> None:
    error = refusal(status, {}, b"<html>no</html>")
    assert type(error) is kind
    assert (error.status, error.code, error.retryable) == (status, None, retryable)
    assert str(error) == f"the gateway refused the connection: HTTP {status}"


def test_the_contracts_words_say_whether_to_try_again_whatever_the_status() -> None:
    error = refusal(404, {}, BODY)
    assert (str(error), error.code, error.retryable) == ("Full", "too_many_sessions", True)
