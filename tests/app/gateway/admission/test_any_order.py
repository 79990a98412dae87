"""Whatever the order of arrivals, ends and cancellations: nobody is passed, no slot is lost."""

from itertools import count
from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from app.contract import ContractError, ErrorCode
from app.gateway.admission.clients import Visitor
from app.gateway.admission.quotas import QuotaRules
from tests.app.gateway.admission.building import CLIENTS, admission

if TYPE_CHECKING:
    from app.gateway.admission.waiting_room import Ticket


class LineMachine(RuleBasedStateMachine):
    """Any order of arrivals, ends, cancellations, and changes of the recognisers' slots."""

    def __init__(self) -> None:
        super().__init__()
        self.capacity: int | None = None
        self.now = 0.0
        self.held: list[Ticket] = []
        self.line: list[tuple[int, int, Ticket]] = []
        self.numbers = count()
        self.closed = False

    @initialize(sessions=st.integers(1, 4), room=st.integers(0, 4), limit=st.integers(0, 3))
    def build(self, sessions: int, room: int, limit: int) -> None:
        self.room = room
        self.limit = limit
        self.gate = admission(
            lambda: self.capacity,
            lambda: self.now,
            max_sessions=sessions,
            waiting_room=room,
            quotas=QuotaRules(client_sessions=limit, client_new_per_minute=60),
        )

    @rule(client=st.sampled_from(CLIENTS), waits=st.booleans(), resumed=st.booleans())
    def arrive(self, client: bytes, waits: bool, resumed: bool) -> None:
        before = self.gate.sessions
        waited = len(self.line)
        ticket, refused = self.draw(Visitor(client, 30.0 if waits else None), resumed=resumed)
        self.settle()
        if ticket is None:
            assert self.is_justified(refused, client, waits=waits)
            return
        assert not self.closed
        if ticket.is_admitted:
            # Never past somebody who waits, never beyond the slots.
            assert not self.line
            self.held.append(ticket)
            assert before + 1 <= self.gate.sessions <= self.gate.slots
        else:
            assert waits
            assert waited <= self.room
            self.line.append((not resumed, next(self.numbers), ticket))
            self.line.sort(key=lambda entry: entry[:2])

    def draw(self, visitor: Visitor, *, resumed: bool) -> "tuple[Ticket | None, ErrorCode | None]":
        try:
            return self.gate.queue(visitor, resumed=resumed), None
        except ContractError as error:
            return None, error.code

    def is_justified(self, refused: ErrorCode | None, client: bytes, *, waits: bool) -> bool:
        """Whether nobody is sent away without need."""
        is_full = self.gate.free_sessions <= 0
        match refused:
            case ErrorCode.RECOGNITION_OFF:
                return self.closed
            case ErrorCode.TOO_MANY_SESSIONS:
                return is_full and not waits
            case ErrorCode.ASR_UNAVAILABLE:
                return self.gate.slots == 0 and not waits
            case ErrorCode.WAITING_ROOM_FULL:
                return is_full and waits and len(self.line) == self.room
            case ErrorCode.TOO_MANY_CLIENT_SESSIONS:
                return self.mine().count(client) == self.limit > 0
            case _:
                return refused is ErrorCode.TOO_MANY_NEW_SESSIONS

    def mine(self) -> list[bytes]:
        return [ticket.client for ticket in [*self.held, *(entry[2] for entry in self.line)]]

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        ticket = data.draw(st.sampled_from(self.held))
        self.held.remove(ticket)
        ticket.give_back()
        ticket.give_back()
        self.settle()

    @precondition(lambda self: self.line)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        entry = data.draw(st.sampled_from(self.line))
        self.line.remove(entry)
        entry[2].give_back()
        self.settle()

    @rule(capacity=st.none() | st.integers(0, 6))
    def recount(self, capacity: int | None) -> None:
        self.capacity = capacity

    @rule(seconds=st.floats(0, 5))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def switch(self) -> None:
        self.closed = not self.closed
        if self.closed:
            self.gate.switch_off()
            self.line.clear()
        else:
            self.gate.switch_on()

    def settle(self) -> None:
        """Move who was admitted meanwhile: always the first of the line."""
        while self.line and self.line[0][2].is_admitted:
            self.held.append(self.line.pop(0)[2])
        assert not any(ticket.is_admitted for _, _, ticket in self.line)

    @invariant()
    def nothing_is_leaked(self) -> None:
        if not hasattr(self, "gate"):
            return
        assert self.gate.sessions == len(self.held)
        assert self.gate.waiting == len(self.line) <= self.room
        assert [ticket.place for _, _, ticket in self.line] == list(range(1, len(self.line) + 1))
        if self.limit:
            assert all(self.mine().count(client) <= self.limit for client in CLIENTS)
        registry = self.gate._metrics.registry
        assert registry.get_sample_value("perch_sessions_active") == len(self.held)
        assert registry.get_sample_value("perch_waiting_sessions") == len(self.line)

    def teardown(self) -> None:
        for _, _, ticket in self.line:
            ticket.give_back()
        self.line.clear()
        for ticket in list(self.held):
            ticket.give_back()
        if hasattr(self, "gate"):
            assert (self.gate.sessions, self.gate.waiting) == (0, 0)


TestLine = LineMachine.TestCase
TestLine.settings = settings(deadline=None, max_examples=30, stateful_step_count=30)
