"""The way of a start from its ticket to a session: through the waiting room where there is one."""

import asyncio
from contextlib import suppress

from app.contract import ContractError, ErrorCode
from app.gateway.admission.waiting_room import Ticket
from app.gateway.core import Gateway
from app.gateway.dialects.events import Queued
from app.gateway.session.client_writer import ClientWriter


class Entrance:
    """Where the starts of one connection pass.

    Args:
        gateway: Whose recogniser has to be ready.
        writer: Says where in line the client is.
    """

    def __init__(self, gateway: Gateway, writer: ClientWriter) -> None:
        self._gateway = gateway
        self._writer = writer

    async def pass_through(self, ticket: Ticket) -> None:
        """Return as soon as a session can begin.

        Raises:
            ContractError: It cannot: no place in time, recognition is off, or no recogniser is
                ready. The ticket is still to be given back.
        """
        await self._wait_for_place(ticket)
        if not await self._gateway.readiness.confirm():
            raise ContractError(ErrorCode.ASR_UNAVAILABLE)
        # Who had a place already was not sent away when it was switched off meanwhile.
        if self._gateway.admission.switched_off:
            raise ContractError(ErrorCode.RECOGNITION_OFF)

    async def _wait_for_place(self, ticket: Ticket) -> None:
        told = 0
        while ticket.place and ticket.seconds_left > 0:
            ticket.moved.clear()
            if ticket.place != told:
                told = ticket.place
                await self._writer.send(Queued(told, ticket.seconds_left))
            with suppress(TimeoutError):
                async with asyncio.timeout(ticket.seconds_left):
                    await ticket.moved.wait()
        await ticket.admitted()
