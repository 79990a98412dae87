"""The bucket behind every rate limit, on a clock that is moved by hand."""

import pytest

from app.gateway.admission.rate import TokenBucket
from tests.support.clock import Clock


def test_a_burst_is_there_at_once_and_each_further_token_when_it_has_come_back() -> None:
    clock = Clock()
    bucket = TokenBucket(rate=2.0, burst=3.0, clock=clock)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    assert bucket.seconds_to() == 0.5
    clock.now += 0.25
    assert not bucket.take(), "half a token is none"
    assert bucket.seconds_to() == 0.25
    clock.now += 0.25
    assert bucket.take()
    assert not bucket.take()


def test_what_is_refused_costs_nothing_and_what_comes_back_is_no_more_than_the_burst() -> None:
    clock = Clock()
    bucket = TokenBucket(rate=1.0, burst=2.0, clock=clock)
    full = [bucket.is_full]
    assert not bucket.take(2.5)
    full.append(bucket.is_full)
    assert bucket.take(2.0)
    full.append(bucket.is_full)
    clock.now += 1_000
    full.append(bucket.is_full)
    assert full == [True, True, False, True]
    assert [bucket.take(), bucket.take(), bucket.take()] == [True, True, False]


def test_credit_is_paid_back_before_anything_else_is_there() -> None:
    clock = Clock()
    bucket = TokenBucket(rate=4.0, burst=1.0, clock=clock)
    assert bucket.spend(1.0) == 0.0
    assert bucket.spend(2.0) == pytest.approx(0.5)
    assert bucket.seconds_to(1.0) == pytest.approx(0.75)
    clock.now += 0.5
    assert bucket.spend(0.0) == 0.0
    assert not bucket.take()
    clock.now += 0.25
    assert bucket.take()
