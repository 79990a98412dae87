"""Limits by client and by minute, on a clock of the test's own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.contract import ContractError, ErrorCode
from app.gateway.admission.quotas import QuotaRules, Quotas
from app.gateway.identity.identity import ClientLimits


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def quotas(clock: Clock, max_clients: int = 100, **rules: float) -> Quotas:
    return Quotas(QuotaRules(**rules), clock, max_clients)  # type: ignore[arg-type]


def refused(counts: Quotas, client: bytes = b"ann") -> ContractError:
    with pytest.raises(ContractError) as error:
        counts.take(client)
    return error.value


def test_a_client_has_so_many_sessions_and_another_one_its_own() -> None:
    counts = quotas(Clock(), client_sessions=2)
    counts.take(b"ann")
    counts.take(b"ann", is_new=False)
    error = refused(counts)
    assert error.code is ErrorCode.TOO_MANY_CLIENT_SESSIONS
    assert error.spec.http_status == 429
    counts.take(b"ben")
    counts.give(b"ann")
    counts.take(b"ann")


@given(rate=st.integers(1, 120), waits=st.lists(st.floats(0, 0.99), max_size=8))
def test_who_comes_after_what_it_was_told_begins_and_who_comes_before_does_not(
    rate: int, waits: list[float]
) -> None:
    clock = Clock()
    counts = quotas(clock, client_new_per_minute=rate)
    for _ in range(rate):
        counts.take(b"ann")
    for part in waits:
        told = refused(counts).retry_after_s
        assert told is not None
        assert told <= 60 / rate + 0.001
        clock.now += part * (told - 0.001)
        left = refused(counts).retry_after_s
        assert left is not None
        clock.now += left
        counts.take(b"ann")


def test_the_limit_over_all_clients_counts_all_of_them_and_none_that_resume() -> None:
    clock = Clock()
    counts = quotas(clock, new_per_minute=2)
    counts.take(b"ann")
    counts.take(b"ben", is_new=False)
    counts.take(b"ben")
    error = refused(counts, b"cyd")
    assert error.code is ErrorCode.TOO_MANY_NEW_SESSIONS
    assert error.retry_after_s == 30.0
    assert error.sentence == "More than 2 new sessions a minute"
    counts.take(b"cyd", is_new=False)


def test_a_refusal_uses_nothing_up() -> None:
    clock = Clock()
    counts = quotas(clock, new_per_minute=1, client_new_per_minute=2)
    counts.take(b"ann")
    for _ in range(5):
        refused(counts, b"ben")
    clock.now += 60
    counts.take(b"ben")
    clock.now += 60
    counts.take(b"ben")


def test_who_has_no_session_and_no_debt_is_forgotten() -> None:
    clock = Clock()
    counts = quotas(clock, client_new_per_minute=1)
    counts.take(b"ann")
    counts.give(b"ann")
    assert counts.remembered == 1
    clock.now += 60
    counts.take(b"ben")
    counts.give(b"ben")
    assert counts.remembered == 1


@given(clients=st.lists(st.integers(0, 30), max_size=60))
def test_however_many_clients_come_only_so_many_idle_ones_are_remembered(
    clients: list[int],
) -> None:
    counts = quotas(Clock(), max_clients=5, client_new_per_minute=1_000)
    for number in clients:
        name = str(number).encode()
        counts.take(name)
        counts.give(name)
    assert counts.remembered <= 5


def test_a_client_with_a_session_is_never_forgotten() -> None:
    counts = quotas(Clock(), max_clients=1, client_sessions=1, client_new_per_minute=9)
    counts.take(b"ann")
    for number in range(20):
        counts.take(str(number).encode())
        counts.give(str(number).encode())
    assert refused(counts).code is ErrorCode.TOO_MANY_CLIENT_SESSIONS
    assert counts.remembered == 2


def test_a_clients_own_limits_take_the_place_of_those_for_every_client() -> None:
    counts = quotas(Clock(), client_sessions=1, client_new_per_minute=1)
    own = ClientLimits(sessions=2, new_per_minute=3)
    counts.take(b"ann", limits=own)
    counts.take(b"ann", limits=own)
    with pytest.raises(ContractError) as refused_:
        counts.check(b"ann", limits=own)
    assert refused_.value.code is ErrorCode.TOO_MANY_CLIENT_SESSIONS
    assert "has 2 sessions already" in refused_.value.sentence
    counts.give(b"ann")
    counts.take(b"ann", limits=own)
    counts.give(b"ann")
    with pytest.raises(ContractError) as refused_:
        counts.check(b"ann", limits=own)
    assert refused_.value.code is ErrorCode.TOO_MANY_NEW_SESSIONS
    counts.take(b"ben")
    assert refused(counts, b"ben").code is ErrorCode.TOO_MANY_CLIENT_SESSIONS


def test_a_client_with_its_own_limit_has_no_more_than_its_share_of_what_is_there() -> None:
    counts = Quotas(QuotaRules(), Clock(), share=lambda: 1)
    own = ClientLimits(sessions=9)
    counts.take(b"ann", limits=own)
    with pytest.raises(ContractError):
        counts.check(b"ann", limits=own)


def test_what_one_token_of_a_client_spent_is_spent_for_its_others() -> None:
    clock = Clock()
    counts = quotas(clock)
    few, many = ClientLimits(new_per_minute=2), ClientLimits(new_per_minute=60)
    for _ in range(2):
        counts.take(b"ann", limits=few)
    # Going to and fro fills nothing up again.
    for limits in (many, few, many):
        with pytest.raises(ContractError) as refused_:
            counts.check(b"ann", limits=limits)
        assert refused_.value.code is ErrorCode.TOO_MANY_NEW_SESSIONS
    clock.now += 1
    counts.take(b"ann", limits=many)
    # One without a limit is not held up by the others.
    counts.take(b"ann")
