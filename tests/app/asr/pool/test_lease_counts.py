"""What an open call counts for at its endpoint, and what it tells the pool, in whatever order."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from app.asr.errors import AsrError, from_status
from app.asr.pool.lease import EndpointLease

if TYPE_CHECKING:
    from app.asr.pool.endpoint import Endpoint
    from app.asr.pool.retry_budget import RetryPermit
    from app.asr.wire.transport import StreamCall

FULL = from_status("RESOURCE_EXHAUSTED", "no slot", doing="open stream")


class Notes:
    """A pool, a call and a permit that write down what they are told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.is_in_use = True
        self.others = False

    def has_other_than(self, _: object) -> bool:
        return self.others

    def worked(self, _: object) -> None:
        self.told.append("worked")

    def began_to_work(self, _: object) -> None:
        self.told.append("began")

    def failed(self, _: object, error: AsrError) -> None:
        self.told.append(f"failed {error.code}")

    def refused(self, _: object, error: AsrError, *, beside: int) -> None:
        self.told.append(f"refused {error.code} beside {beside}")

    def closed(self, _: object) -> None:
        self.told.append("closed")

    def abort(self) -> None:
        self.told.append("abort")

    def opened(self) -> None:
        self.told.append("permit in use")

    def release(self) -> None:
        self.told.append("permit back")


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def endpoint() -> Endpoint:
    """One at which two other streams are open; one of them has worked."""
    return cast("Endpoint", SimpleNamespace(streams=2, working=1, is_leaving=False))


@pytest.fixture
def lease(notes: Notes, endpoint: Endpoint) -> EndpointLease:
    return EndpointLease(endpoint, cast("StreamCall", notes), notes)


def counts(endpoint: Endpoint) -> tuple[int, int]:
    return endpoint.streams, endpoint.working


def test_a_call_counts_once_however_often_it_answers(
    notes: Notes, endpoint: Endpoint, lease: EndpointLease
) -> None:
    assert counts(endpoint) == (3, 1)
    for _ in range(3):
        lease.worked()
        assert counts(endpoint) == (3, 2)
    lease.close()
    lease.close()
    assert counts(endpoint) == (2, 1)
    assert notes.told == ["began", "worked", "worked", "worked", "abort", "closed"]


def test_an_answer_that_comes_after_the_end_counts_for_the_endpoint_and_for_no_stream(
    notes: Notes, endpoint: Endpoint, lease: EndpointLease
) -> None:
    lease.close()
    lease.worked()
    assert counts(endpoint) == (2, 1)
    assert notes.told == ["abort", "closed", "worked"]


def test_a_call_that_fails_before_it_worked_was_refused_beside_the_others(
    notes: Notes, lease: EndpointLease
) -> None:
    failed = [lease.has_failed]
    lease.broke(FULL)
    assert [*failed, lease.has_failed] == [False, True]
    assert notes.told == [f"refused {FULL.code} beside 2", f"failed {FULL.code}"]


def test_a_call_that_fails_after_it_worked_was_not_refused(
    notes: Notes, lease: EndpointLease
) -> None:
    lease.worked()
    lease.broke(FULL)
    assert notes.told == ["began", "worked", f"failed {FULL.code}"]


@pytest.mark.parametrize("end", ["worked", "broke", "close"])
def test_a_permit_is_given_back_once_whatever_ends_the_attempt(
    notes: Notes, lease: EndpointLease, end: str
) -> None:
    lease.hold(cast("RetryPermit", notes))
    assert notes.told == ["permit in use"]
    ends = {"worked": lease.worked, "broke": lambda: lease.broke(FULL), "close": lease.close}
    ends[end]()
    assert "permit back" in notes.told
    for other in ends.values():
        other()
    assert notes.told.count("permit back") == 1


def test_a_stream_leaves_when_its_route_is_left_and_at_once_where_that_was_before(
    notes: Notes, endpoint: Endpoint, lease: EndpointLease
) -> None:
    left: list[str] = []
    lease.move()  # nobody to move yet
    lease.when_moved(lambda: left.append("now"))
    assert (left, lease.is_to_move, lease.is_off_route) == ([], False, False)
    endpoint.is_leaving = True
    assert (lease.is_to_move, lease.is_off_route) == (True, False)
    endpoint.is_leaving, notes.is_in_use = False, False
    assert (lease.is_to_move, lease.is_off_route) == (True, True)
    lease.move()
    assert left == ["now"]
    lease.when_moved(lambda: left.append("at once"))
    assert left == ["now", "at once"]
    lease.close()
    lease.move()
    assert left == ["now", "at once"]


@pytest.mark.parametrize(
    ("in_use", "others", "elsewhere"),
    [(True, True, True), (True, False, False), (False, False, True), (False, True, True)],
)
def test_elsewhere_is_another_endpoint_or_another_route(
    notes: Notes, lease: EndpointLease, *, in_use: bool, others: bool, elsewhere: bool
) -> None:
    notes.is_in_use, notes.others = in_use, others
    assert lease.elsewhere is elsewhere
