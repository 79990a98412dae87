"""When another connection is worth it, and the waits before it, with a die that is loaded.

Does not prove that anybody waits so long; `test_resumption.py` does that.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.client.errors import (
    ClientError,
    ConnectionLostError,
    DeadlineError,
    GatewayError,
    ProtocolError,
    UnauthorizedError,
)
from app.client.resume.policy import Backoff, QuickFailures, ReconnectRules, may_resume

RULES = ReconnectRules(first_s=0.5, longest_s=10.0, quick_s=5.0, quick_failures=3)


def test_the_bound_of_the_wait_doubles_up_to_the_longest_one() -> None:
    backoff = Backoff(RULES, draw=lambda _, most: most)
    assert [backoff.wait(None) for _ in range(7)] == [0.5, 1, 2, 4, 8, 10, 10]


@given(
    tries=st.integers(1, 100),
    share=st.floats(0, 1),
    asked=st.one_of(st.none(), st.floats(0, 600)),
)
def test_no_wait_is_shorter_than_what_the_gateway_asked_for_nor_without_a_bound(
    tries: int, share: float, asked: float | None
) -> None:
    backoff = Backoff(RULES, draw=lambda least, most: least + share * (most - least))
    for _ in range(tries):
        wait = backoff.wait(asked)
        assert (asked or 0.0) <= wait <= (asked or 0.0) + RULES.longest_s


@pytest.mark.parametrize(
    ("error", "worth"),
    [
        (ConnectionLostError("x", retryable=True, close_code=1006), True),
        (ConnectionLostError("x", retryable=True, close_code=1011), True),
        (ConnectionLostError("x", retryable=False, close_code=1009), False),
        (GatewayError("x", retryable=True, close_code=1001), True),
        (GatewayError("x", retryable=True, close_code=1011), True),
        (GatewayError("x", retryable=True, close_code=1012), True),
        (GatewayError("x", retryable=True, close_code=1013), True),
        (GatewayError("x", retryable=False, close_code=1011), False),
        (GatewayError("x", retryable=True, close_code=1008), False),
        (GatewayError("x", retryable=True), False),
        (UnauthorizedError("x", status=401), False),
        (DeadlineError("x", retryable=True), False),
        (ProtocolError("x"), False),
    ],
)
def test_a_session_goes_on_after_what_another_gateway_can_do_better(
    error: ClientError, *, worth: bool
) -> None:
    assert may_resume(error) is worth


def test_quick_failures_count_only_in_a_row() -> None:
    quick = QuickFailures(RULES)
    assert [
        quick.record(lived_s=lived, progressed=progressed)
        for lived, progressed in [
            (0.1, False),
            (0.1, False),
            (6.0, False),
            (0.1, False),
            (0.1, True),
            (0.1, False),
            (4.9, False),
            (0.0, False),
        ]
    ] == [False] * 7 + [True]


@pytest.mark.parametrize("field", ["first_s", "longest_s", "quick_s", "quick_failures"])
def test_a_rule_that_is_no_number_above_zero_is_refused_by_name(field: str) -> None:
    with pytest.raises(ValueError, match=f"{field} is 0; accepted: a number greater than 0"):
        ReconnectRules(**{field: 0})
