"""Who is admitted, who waits, who is refused: decided without any I/O.

That the answers reach a client, and before the upgrade, is shown in `test_waiting_room.py`.
"""

import asyncio
from collections.abc import Callable

import pytest

from app.contract import ContractError, ErrorCode
from app.gateway.admission.clients import Visitor
from app.gateway.admission.quotas import QuotaRules
from app.gateway.admission.slots import Admission, AdmissionRules
from app.gateway.telemetry.metrics import GatewayMetrics
from tests.app.gateway.admission.building import admission, refusal

WAITING = Visitor(b"ann", 30.0)
HURRIED = Visitor(b"ann")


def test_slots_are_what_the_recognisers_take_and_at_most_what_is_allowed() -> None:
    known: list[int | None] = [None]
    gate = admission(lambda: known[0], max_sessions=4)
    assert gate.slots == 4
    for known[0], slots in ((9, 4), (3, 3), (0, 0)):
        assert gate.slots == slots


def of_groups(**rules: float) -> tuple[Admission, dict[str, int | None]]:
    """Two groups whose slots a test sets."""
    slots: dict[str, int | None] = {"default": 2, "german": 1}
    made = AdmissionRules(**{"max_connections": 9, "max_sessions": 9, **rules})  # type: ignore[arg-type]
    groups = {"german": lambda: slots["german"]}
    gate = Admission(made, GatewayMetrics("0"), lambda: slots["default"], groups=groups)
    return gate, slots


def test_each_group_has_the_slots_of_its_recognisers_and_all_have_what_is_allowed() -> None:
    gate, slots = of_groups(max_sessions=4)
    assert (gate.slots, gate.slots_of("german")) == (3, 1)
    slots["german"] = None
    assert (gate.slots, gate.slots_of("german")) == (4, 4)
    tickets = [gate.queue(HURRIED, group="german") for _ in range(4)]
    full = refusal(lambda: gate.queue(HURRIED))
    assert full.code is ErrorCode.TOO_MANY_SESSIONS
    tickets.pop().give_back()
    assert (gate.free_of("default"), gate.sessions_of("german")) == (1, 3)


def test_a_full_group_refuses_its_own_sessions_and_a_lost_one_says_so() -> None:
    gate, slots = of_groups()
    gate.queue(HURRIED, group="german")
    full = refusal(lambda: gate.queue(HURRIED, group="german"))
    assert full.code is ErrorCode.TOO_MANY_SESSIONS
    slots["german"] = 0
    lost = refusal(lambda: gate.queue(HURRIED, group="german"))
    assert lost.code is ErrorCode.ASR_UNAVAILABLE
    assert refusal(lambda: gate.check_upload(HURRIED, "german")).code is ErrorCode.ASR_UNAVAILABLE
    assert gate.queue(HURRIED).is_admitted
    assert gate.unready_reasons(capacity=True) == []
    gate.queue(HURRIED)
    assert gate.unready_reasons(capacity=True) == ["all 2 sessions are in use"]


def test_a_connection_is_taken_as_long_as_any_group_has_a_slot() -> None:
    gate, _ = of_groups()
    held = [gate.queue(HURRIED), gate.queue(HURRIED)]
    with gate.connection(HURRIED):
        held.append(gate.queue(HURRIED, group="german"))
    assert refusal(gate.connection(HURRIED).__enter__).code is ErrorCode.TOO_MANY_SESSIONS


def test_who_waits_for_a_group_is_next_of_it_and_goes_past_nobody_of_its_own() -> None:
    gate, _ = of_groups(waiting_room=3)
    running = gate.queue(HURRIED, group="german")
    first, second = (gate.queue(WAITING, group="german") for _ in range(2))
    assert gate.queue(HURRIED).is_admitted
    held = gate.queue(HURRIED)
    other = gate.queue(WAITING)
    assert [one.place for one in (first, second, other)] == [1, 2, 1]
    assert gate.waiting_for("german") == 2
    held.give_back()
    assert (other.is_admitted, first.is_admitted) == (True, False)
    running.give_back()
    assert (first.is_admitted, second.place) == (True, 1)


def test_one_client_gets_its_share_and_the_others_the_rest() -> None:
    gate = admission(max_sessions=5, max_connections=4, client_share=0.5)
    with gate.connection(HURRIED), gate.connection(HURRIED):
        with pytest.raises(ContractError, match="has 2 connections already") as refused:
            gate.connection(HURRIED).__enter__()
        assert refused.value.code is ErrorCode.TOO_MANY_CLIENT_CONNECTIONS
        with gate.connection(Visitor(b"ben")):
            assert gate.connections == 3
    with gate.connection(HURRIED):
        assert gate.connections == 1
    tickets = [gate.queue(HURRIED) for _ in range(3)]
    assert refusal(lambda: gate.queue(HURRIED)).code is ErrorCode.TOO_MANY_CLIENT_SESSIONS
    assert gate.queue(Visitor(b"ben")).is_admitted
    tickets[0].give_back()
    assert gate.queue(HURRIED).is_admitted


@pytest.mark.parametrize(("total", "share"), [(1, 0.5), (2, 0.01), (3, 1.0)])
def test_a_share_is_one_at_least_and_all_of_it_is_no_limit_of_a_client(
    total: int, share: float
) -> None:
    gate = admission(max_sessions=total, client_share=share, waiting_room=0)
    mine = 1 if share < 1 else total
    for _ in range(mine):
        assert gate.queue(HURRIED).is_admitted
    # Who may have everything is told that everything is in use.
    whole = mine == total
    expected = ErrorCode.TOO_MANY_SESSIONS if whole else ErrorCode.TOO_MANY_CLIENT_SESSIONS
    assert refusal(lambda: gate.queue(HURRIED)).code is expected


def test_a_limit_that_falls_below_the_running_sessions_hurts_none_of_them() -> None:
    known = [3]
    gate = admission(lambda: known[0], max_sessions=9)
    tickets = [gate.queue(HURRIED) for _ in range(3)]
    known[0] = 1
    assert gate.free_sessions == -2
    assert all(ticket.is_admitted for ticket in tickets)
    tickets[0].give_back()
    tickets[1].give_back()
    assert refusal(lambda: gate.queue(HURRIED)).code is ErrorCode.TOO_MANY_SESSIONS
    tickets[2].give_back()
    assert gate.queue(HURRIED).is_admitted


def test_recognisers_of_which_none_is_well_are_out_of_reach_and_not_in_use() -> None:
    gate = admission(lambda: 0)
    assert refusal(lambda: gate.queue(HURRIED)).code is ErrorCode.ASR_UNAVAILABLE


def test_who_waits_is_served_in_order_and_resumed_sessions_first() -> None:
    gate = admission(waiting_room=3)
    running = gate.queue(HURRIED)
    first, second = gate.queue(WAITING), gate.queue(WAITING)
    resumed = gate.queue(WAITING, resumed=True)
    line = [resumed, first, second]
    assert [ticket.place for ticket in line] == [1, 2, 3]
    assert first.moved.is_set()
    served = []
    for _ in range(3):
        running.give_back()
        running = next(ticket for ticket in line if ticket.is_admitted and ticket not in served)
        served.append(running)
    assert served == line
    assert [ticket.place for ticket in line] == [0, 0, 0]


def test_a_full_waiting_room_refuses_and_says_how_many_wait() -> None:
    gate = admission(waiting_room=1)
    gate.queue(HURRIED)
    gate.queue(WAITING)
    error = refusal(lambda: gate.queue(WAITING))
    assert error.code is ErrorCode.WAITING_ROOM_FULL
    assert error.sentence == "All 1 sessions are in use, and 1 clients wait already"


def test_a_newcomer_gets_no_slot_that_came_free_while_somebody_waits() -> None:
    known = [1]
    gate = admission(lambda: known[0], max_sessions=9)
    gate.queue(HURRIED)
    waiting = gate.queue(WAITING)
    known[0] = 2
    assert refusal(lambda: gate.queue(HURRIED)).code is ErrorCode.TOO_MANY_SESSIONS
    assert waiting.is_admitted


@pytest.mark.asyncio
async def test_slots_that_come_free_at_the_recogniser_reach_who_waits() -> None:
    known = [1]
    gate = admission(lambda: known[0], max_sessions=9)
    gate.queue(HURRIED)
    running = asyncio.create_task(gate.run())
    ticket = gate.queue(WAITING)
    known[0] = 2
    await ticket.admitted()
    running.cancel()
    assert gate.sessions == 2


@pytest.mark.asyncio
async def test_a_wait_that_is_too_long_or_cancelled_leaves_nothing() -> None:
    gate = admission()
    gate.queue(HURRIED)
    late = gate.queue(Visitor(b"ben", 0.0))
    with pytest.raises(ContractError) as refused:
        await late.admitted()
    assert refused.value.code is ErrorCode.TOO_MANY_SESSIONS
    ticket = gate.queue(WAITING)
    waiting = asyncio.create_task(ticket.admitted())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (gate.waiting, gate.sessions) == (0, 1)


@pytest.mark.asyncio
async def test_a_slot_that_comes_as_the_wait_is_cancelled_is_given_back() -> None:
    gate = admission()
    running = gate.queue(HURRIED)
    ticket = gate.queue(WAITING)
    waiting = asyncio.create_task(ticket.admitted())
    await asyncio.sleep(0)
    running.give_back()
    assert ticket.is_admitted
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert gate.sessions == 0


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("close", "code"),
    [
        (Admission.drain, ErrorCode.DRAINING),
        (Admission.switch_off, ErrorCode.RECOGNITION_OFF),
    ],
)
async def test_what_closes_the_door_sends_away_who_waits_and_leaves_who_runs(
    close: Callable[[Admission], None], code: ErrorCode
) -> None:
    gate = admission()
    running = gate.queue(HURRIED)
    ticket = gate.queue(WAITING)
    close(gate)
    with pytest.raises(ContractError) as refused:
        await ticket.admitted()
    assert refused.value.code is code
    assert refusal(lambda: gate.queue(HURRIED)).code is code
    assert running.is_admitted
    assert (gate.sessions, gate.waiting) == (1, 0)
    gate.switch_on()
    assert gate.draining is (code is ErrorCode.DRAINING)


def test_who_would_wait_is_let_in_whatever_the_limits_by_client_say() -> None:
    # It may be about to resume a session, which no limit on new ones concerns.
    gate = admission(max_sessions=9, quotas=QuotaRules(client_new_per_minute=1))
    gate.queue(HURRIED).give_back()
    assert refusal(lambda: gate.connection(HURRIED).__enter__()).spec.http_status == 429
    with gate.connection(WAITING):
        assert refusal(lambda: gate.queue(WAITING)).code is ErrorCode.TOO_MANY_NEW_SESSIONS
        assert gate.queue(WAITING, resumed=True).is_admitted
