"""The slot of a connection's session: taken or waited for, handed over, given back."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from app.asr import DEFAULT_GROUP
from app.contract import ContractError, ErrorCode
from app.gateway.admission.clients import Visitor
from app.gateway.admission.waiting_room import Ticket
from app.gateway.core import Gateway
from app.gateway.dialects.events import Queued
from app.gateway.resume_token import ResumeClaim
from app.gateway.session.client_writer import ClientWriter


class SessionSlot:
    """Holds the slots of one connection's sessions, one after another.

    Args:
        gateway: Admits sessions.
        visitor: Whose they are.
        writer: Reports the place in the queue.
        on_superseded: Called when another connection has resumed the session.
    """

    def __init__(
        self,
        gateway: Gateway,
        visitor: Visitor,
        writer: ClientWriter,
        on_superseded: Callable[[], None],
    ) -> None:
        self._gateway = gateway
        self._visitor = visitor
        self._writer = writer
        self._on_superseded = on_superseded
        self._ticket: Ticket | None = None
        self._session_id = ""

    @property
    def ticket(self) -> Ticket | None:
        """The session's slot, or its place in the queue."""
        return self._ticket

    def request(
        self, session_id: str, claim: ResumeClaim | None, group: str = DEFAULT_GROUP
    ) -> bool:
        """Take a slot or a place in the queue; take over the slot of a session that is resumed.

        Args:
            session_id: Whose it is.
            claim: Where the session is resumed, None for a new one.
            group: The group of recognisers it is for.

        Returns:
            Whether it is a slot.

        Raises:
            ContractError: The session is not admitted.
        """
        registry = self._gateway.succession
        ticket = registry.ticket(claim, self._gateway.admission, self._visitor, group)
        self._ticket, self._session_id = ticket, session_id
        registry.enter(session_id, self)
        return ticket.is_admitted

    async def wait(self) -> None:
        """Wait until a session can begin.

        Raises:
            ContractError: It cannot: no slot in time, recognition is off, or no recogniser is
                ready. The slot is still to be released.
        """
        if self._ticket is not None:
            await self._wait_for_slot(self._ticket)
        group = DEFAULT_GROUP if self._ticket is None else self._ticket.group
        if not await self._gateway.readiness.confirm(group):
            raise ContractError(ErrorCode.ASR_UNAVAILABLE)
        # A session that had a slot was not refused when recognition was switched off meanwhile.
        if self._gateway.admission.switched_off:
            raise ContractError(ErrorCode.RECOGNITION_OFF)

    def superseded(self, *, gives_back: bool) -> None:
        """Leave the session to another connection."""
        if not gives_back:
            self._ticket = None
        self.release()
        self._on_superseded()

    def release(self) -> None:
        """Give the slot or the place back; further calls do nothing."""
        self._gateway.succession.leave(self._session_id, self)
        ticket, self._ticket = self._ticket, None
        if ticket is not None:
            ticket.give_back()

    async def _wait_for_slot(self, ticket: Ticket) -> None:
        reported = 0
        while ticket.place and ticket.seconds_left > 0:
            ticket.moved.clear()
            if ticket.place != reported:
                reported = ticket.place
                await self._writer.send(Queued(reported, ticket.seconds_left))
            with suppress(TimeoutError):
                async with asyncio.timeout(ticket.seconds_left):
                    await ticket.moved.wait()
        await ticket.admitted()
