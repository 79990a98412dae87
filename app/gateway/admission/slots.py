"""Admits connections and sessions, queues them, or refuses them.

Each group of recognisers has slots: their capacity together, as far as it is known, and all groups
have at most what the operator allows. Only new sessions are refused: a limit that falls below the
running ones ends none.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from time import monotonic
from types import MappingProxyType
from typing import Final

from app.asr import DEFAULT_GROUP
from app.contract import ContractError, ErrorCode
from app.gateway.admission.clients import Visitor
from app.gateway.admission.quotas import QuotaRules, Quotas
from app.gateway.admission.waiting_room import Ticket, WaitingRoom
from app.gateway.identity.identity import NO_LIMITS, ClientLimits
from app.gateway.telemetry.metrics import GatewayMetrics

_SPEAKERS_SHARE: Final = 0.1
"""Of the slots, what uploads leave free for live sessions whatever their own limit is, at least one
where there are two. A file can wait; a speaker cannot."""

_RECOUNT_S: Final = 0.25
"""Between two looks at slots that came free at the recogniser, while somebody waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionRules:
    """What the operator allows.

    Attributes:
        max_connections: WebSocket connections at once.
        max_sessions: Sessions at once, uploads included.
        upload_share: Of the sessions, 0 to 1, that uploads may use; one at least.
        client_share: Of connections and sessions, what one client may have at once, above 0, to 1;
            one of each at least.
        waiting_room: Clients that may wait for a session.
        quotas: Limits by client and in time.
    """

    max_connections: int
    max_sessions: int
    upload_share: float = 0.5
    client_share: float = 1.0
    waiting_room: int = 0
    quotas: QuotaRules = field(default_factory=QuotaRules)


class Admission:
    """Counts connections and sessions.

    Args:
        rules: What the operator allows.
        metrics: Where the counts are shown.
        capacity: Streams the recognisers of the default group take together; None while that is
            unknown.
        clock: Seconds that only go up.
        groups: The same of each further group.
    """

    def __init__(
        self,
        rules: AdmissionRules,
        metrics: GatewayMetrics,
        capacity: Callable[[], int | None],
        clock: Callable[[], float] = monotonic,
        groups: Mapping[str, Callable[[], int | None]] = MappingProxyType({}),
    ) -> None:
        self._rules = rules
        self._metrics = metrics
        self._capacities = {DEFAULT_GROUP: capacity, **groups}
        self._sessions_of: Counter[str] = Counter()
        self._clock = clock
        self._quotas = Quotas(rules.quotas, clock, share=lambda: self._share_of(self.slots))
        self._connections_of: Counter[bytes] = Counter()
        self._room = WaitingRoom(rules.waiting_room)
        self._somebody_waits = asyncio.Event()
        self.connections = 0
        self.sessions = 0
        self.draining = False
        self.switched_off = False
        metrics.session_slots.set_function(lambda: self.slots)
        metrics.waiting_places.set(rules.waiting_room)

    @property
    def slots(self) -> int:
        """Sessions that may run at once now, over all groups."""
        return min(self._rules.max_sessions, sum(map(self.slots_of, self._capacities)))

    def slots_of(self, group: str) -> int:
        """Return the sessions of a group that may run at once now."""
        capacity = self._capacities[group]()
        limit = self._rules.max_sessions
        return limit if capacity is None else min(limit, capacity)

    def sessions_of(self, group: str) -> int:
        """Return the sessions of a group that run."""
        return self._sessions_of[group]

    def waiting_for(self, group: str) -> int:
        """Return the clients that wait for a session of a group."""
        return sum(ticket.group == group for ticket in self._room)

    def upload_slots(self, group: str = DEFAULT_GROUP) -> int:
        """Return the sessions of a group that uploads may have at once now."""
        return max(1, int(self.slots_of(group) * self._rules.upload_share))

    @property
    def free_sessions(self) -> int:
        """Sessions that could be started now; below 0 where the limit fell."""
        return self.slots - self.sessions

    def free_of(self, group: str) -> int:
        """Return the sessions of a group that could be started now; below 0 where a limit fell."""
        left = self._rules.max_sessions - self.sessions
        return min(left, self.slots_of(group) - self._sessions_of[group])

    @property
    def waiting(self) -> int:
        """Clients that wait for a session."""
        return len(self._room)

    def unready_reasons(self, *, capacity: bool) -> list[str]:
        """Return why no session of the default group can be admitted now; empty when one can.

        Args:
            capacity: Whether being full or switched off is a reason.
        """
        found = []
        if self.draining:
            found.append("the gateway is draining")
        if not capacity:
            return found
        if self.switched_off:
            found.append("recognition is switched off")
        if self.free_of(DEFAULT_GROUP) <= 0:
            found.append(f"all {self.slots_of(DEFAULT_GROUP)} sessions are in use")
        if self.connections >= self._rules.max_connections:
            found.append(f"all {self._rules.max_connections} connections are in use")
        return found

    @contextmanager
    def connection(self, visitor: Visitor) -> Iterator[None]:
        """Hold a connection for the length of a `with` block.

        Refuse clients that would get no session anyway. A client that would wait may be about to
        resume a session, to which the limits on new ones do not apply.

        Raises:
            ContractError: `draining`, `recognition_off`, `too_many_connections`,
                `too_many_client_connections`, `too_many_sessions`, `waiting_room_full`, or what
                `Quotas.check` says.
        """
        with self._counting_refusals("connect"):
            self.check_open()
            self._check_connections(visitor.client)
            # Which group the session will be for, only its start says.
            if not any(map(self._has_free_slot, self._capacities)):
                self._refuse_full(DEFAULT_GROUP, can_wait=visitor.wait_s is not None)
            if visitor.wait_s is None:
                self._quotas.check(visitor.client, limits=visitor.limits)
        self.connections += 1
        self._connections_of[visitor.client] += 1
        self._metrics.connections_active.set(self.connections)
        try:
            yield
        finally:
            self.connections -= 1
            self._connections_of[visitor.client] -= 1
            if not self._connections_of[visitor.client]:
                del self._connections_of[visitor.client]
            self._metrics.connections_active.set(self.connections)

    def _check_connections(self, client: bytes) -> None:
        limit = self._rules.max_connections
        if self.connections >= limit:
            raise ContractError(ErrorCode.TOO_MANY_CONNECTIONS, limit=limit)
        share = self._share_of(limit)
        if share and self._connections_of[client] >= share:
            raise ContractError(ErrorCode.TOO_MANY_CLIENT_CONNECTIONS, limit=share)

    def _share_of(self, total: int) -> int:
        """Return one client's share of a total; 0 where that is all of it."""
        share = max(1, ceil(total * self._rules.client_share))
        return share if share < total else 0

    def queue(
        self, visitor: Visitor, *, resumed: bool = False, group: str = DEFAULT_GROUP
    ) -> Ticket:
        """Take a session slot, or a place in the queue if all are in use and the client would wait.

        Args:
            visitor: Whose session, and how long it would wait.
            resumed: Whether the session goes on from a valid resume token: it goes before those
                that begin, and does not count as new.
            group: The group of recognisers it is for.

        Returns:
            A ticket that `is_admitted`, or has a `place` and is worth `await ticket.admitted()`.

        Raises:
            ContractError: `draining`, `recognition_off`, `too_many_sessions`,
                `waiting_room_full`, `asr_unavailable`, or what `Quotas.take` says.
        """
        with self._counting_refusals("start"):
            return self._draw(visitor, group, resumed=resumed)

    def take_over(self, ticket: Ticket) -> Ticket:
        """Hand the slot of a session on to the connection that resumes it.

        Raises:
            ContractError: `draining`, `recognition_off`, or what `Quotas.take_over` says.
        """
        with self._counting_refusals("start"):
            self.check_open()
            self._quotas.take_over(ticket.client)
        return ticket

    def check_open(self) -> None:
        """Refuse while no new session is admitted.

        Raises:
            ContractError: `draining`, `recognition_off`.
        """
        if self.draining:
            raise ContractError(ErrorCode.DRAINING)
        if self.switched_off:
            raise ContractError(ErrorCode.RECOGNITION_OFF)

    def check_upload(self, visitor: Visitor, group: str | None = DEFAULT_GROUP) -> None:
        """Refuse an upload that would get no session, before it is received; count nothing.

        Args:
            visitor: Whose it is.
            group: The group of recognisers it is for; None where that is not known yet.

        Raises:
            ContractError: `draining`, `recognition_off`, `asr_unavailable`, or what `Quotas.check`
                says.
        """
        self.check_open()
        groups = self._capacities if group is None else (group,)
        if not any(map(self.slots_of, groups)):
            raise ContractError(ErrorCode.ASR_UNAVAILABLE)
        self._quotas.check(visitor.client, limits=visitor.limits)

    def upload(
        self, client: bytes, group: str = DEFAULT_GROUP, limits: ClientLimits = NO_LIMITS
    ) -> Ticket:
        """Take a session slot for an upload that has arrived; leave the last ones to live sessions.

        Raises:
            ContractError: As `check_upload`, or `too_many_sessions`.
        """
        self.check_open()
        slots = self.slots_of(group)
        kept = min(ceil(slots * _SPEAKERS_SHARE), slots - 1)
        if not self._has_free_slot(group) or self.free_of(group) <= kept:
            raise self._full(group)
        self._quotas.take(client, limits=limits)
        ticket = Ticket(
            client, group=group, resumed=False, wait_s=0.0, issuer=self, clock=self._clock
        )
        self._admit(ticket)
        return ticket

    def drain(self) -> None:
        """Admit nothing any more, and refuse every client in the queue."""
        self.draining = True
        self._send_away(ErrorCode.DRAINING)

    def switch_off(self) -> None:
        """Admit nothing until `switch_on`, and refuse every client in the queue."""
        self.switched_off = True
        self._send_away(ErrorCode.RECOGNITION_OFF)

    def switch_on(self) -> None:
        """Admit sessions again."""
        self.switched_off = False

    async def run(self) -> None:
        """Admit from the queue whenever the capacity has grown. Never returns."""
        while True:
            await self._somebody_waits.wait()
            self._admit_waiting()
            await asyncio.sleep(_RECOUNT_S)

    def release(self, ticket: Ticket) -> None:
        """Free a ticket's slot or place; called by the ticket."""
        self._quotas.give(ticket.client)
        if ticket.is_admitted:
            self.sessions -= 1
            self._sessions_of[ticket.group] -= 1
            self._metrics.sessions_active.set(self.sessions)
        else:
            self._room.leave(ticket)
            self._metrics.waiting_seconds.labels("left").observe(ticket.waited)
            self._show_room()
        self._admit_waiting()

    def expire(self, ticket: Ticket) -> ContractError:
        """Count a wait that timed out, and return its error; called by the ticket."""
        error = self._full(ticket.group)
        self._metrics.admission_refused.labels("waiting", error.code.value).inc()
        return error

    def _draw(self, visitor: Visitor, group: str, *, resumed: bool) -> Ticket:
        self.check_open()
        is_free = self._has_free_slot(group)
        if not is_free:
            self._refuse_full(group, can_wait=visitor.wait_s is not None)
        self._quotas.take(visitor.client, is_new=not resumed, limits=visitor.limits)
        ticket = Ticket(
            visitor.client,
            group=group,
            resumed=resumed,
            wait_s=visitor.wait_s or 0.0,
            issuer=self,
            clock=self._clock,
        )
        if is_free:
            self._admit(ticket)
        else:
            self._room.enter(ticket)
            self._show_room()
        return ticket

    def _has_free_slot(self, group: str) -> bool:
        """Return whether a group has a slot left after all that wait for it."""
        self._admit_waiting()
        return self._is_free(group) and not self._room.has(group)

    def _is_free(self, group: str) -> bool:
        return self.free_of(group) > 0

    def _admit_waiting(self) -> None:
        before = len(self._room)
        while self._room and (ticket := self._room.next(self._is_free)) is not None:
            self._metrics.waiting_seconds.labels("admitted").observe(ticket.waited)
            self._admit(ticket)
        if len(self._room) != before:
            self._show_room()

    def _admit(self, ticket: Ticket) -> None:
        self.sessions += 1
        self._sessions_of[ticket.group] += 1
        self._metrics.sessions_active.set(self.sessions)
        ticket.admit()

    def _send_away(self, code: ErrorCode) -> None:
        for ticket in list(self._room):
            self._metrics.admission_refused.labels("waiting", code.value).inc()
            ticket.refuse(ContractError(code))

    def _refuse_full(self, group: str, *, can_wait: bool) -> None:
        if not can_wait:
            raise self._full(group)
        if self._room.is_full:
            raise ContractError(
                ErrorCode.WAITING_ROOM_FULL, limit=self.slots_of(group), waiting=len(self._room)
            )

    def _full(self, group: str) -> ContractError:
        # Without a healthy recogniser the slots are not in use but missing.
        if (slots := self.slots_of(group)) == 0:
            return ContractError(ErrorCode.ASR_UNAVAILABLE)
        return ContractError(ErrorCode.TOO_MANY_SESSIONS, limit=slots)

    @contextmanager
    def _counting_refusals(self, at: str) -> Iterator[None]:
        try:
            yield
        except ContractError as error:
            self._metrics.admission_refused.labels(at, error.code.value).inc()
            raise

    def _show_room(self) -> None:
        self._metrics.waiting.set(len(self._room))
        if self._room:
            self._somebody_waits.set()
        else:
            self._somebody_waits.clear()
