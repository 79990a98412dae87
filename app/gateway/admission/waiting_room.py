"""The waiting room: a bounded queue for sessions, served in the order of arrival.

Resumed sessions go before new ones: their speakers were interrupted. Within each of the two kinds
the order is kept. Each group of recognisers has a queue of its own, for one that is full holds
nobody up who waits for another; the places are those of all.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Final, Protocol, Self

from app.asr import DEFAULT_GROUP
from app.contract import ContractError


class TicketIssuer(Protocol):
    """Issues tickets and takes them back."""

    def release(self, ticket: "Ticket") -> None:
        """Free its slot or place."""

    def expire(self, ticket: "Ticket") -> ContractError:
        """Return the error of a wait that timed out."""


class Ticket:
    """A session slot, or a place in the queue for one. Made by `Admission.queue`.

    The holder gives it back when the session ends or is not wanted any more; as a context manager
    it does so itself.

    Attributes:
        client: Whose it is.
        group: The group of recognisers that the session is for.
        resumed: Whether it is for a session that is resumed.
        place: 1 is next of its group; 0 for a slot, and for a ticket that was given back.
        moved: Set whenever `place` changed, and at the end of the wait; who watches clears it.
    """

    def __init__(  # noqa: PLR0913 - one keyword for each thing a place depends on
        self,
        client: bytes,
        *,
        group: str = DEFAULT_GROUP,
        resumed: bool,
        wait_s: float,
        issuer: "TicketIssuer",
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.client = client
        self.group = group
        self.resumed = resumed
        self.place = 0
        self.moved = asyncio.Event()
        self._clock = clock
        self._begun_at = clock()
        self._until = self._begun_at + wait_s
        self._issuer = issuer
        self._settled = asyncio.Event()
        self._refusal: ContractError | None = None
        self._is_held = True
        self.is_admitted = False

    @property
    def seconds_left(self) -> float:
        """Seconds until the wait times out."""
        return max(0.0, self._until - self._clock())

    @property
    def waited(self) -> float:
        """Seconds since the ticket was issued."""
        return self._clock() - self._begun_at

    async def admitted(self) -> None:
        """Wait for the slot; return at once where there is one. A cancelled wait leaves nothing.

        Raises:
            ContractError: `too_many_sessions` once the time is over, `draining` or
                `recognition_off` as soon as nothing is to be waited for. The ticket is void then.
        """
        try:
            async with asyncio.timeout(self.seconds_left):
                await self._settled.wait()
        except TimeoutError:
            # A slot that came at the same moment is taken.
            if not self._settled.is_set():
                self.refuse(self._issuer.expire(self))
        except BaseException:
            self.give_back()
            raise
        if self._refusal is not None:
            raise self._refusal

    def admit(self) -> None:
        """Turn the place into a slot."""
        self.is_admitted = True
        self._settle()

    def refuse(self, refusal: ContractError) -> None:
        """End the wait without a slot."""
        self._refusal = refusal
        self.give_back()
        self._settle()

    def move(self, place: int) -> None:
        """Set the place in the queue."""
        if place != self.place:
            self.place = place
            self.moved.set()

    def give_back(self) -> None:
        """Return the slot or the place; further calls do nothing."""
        if self._is_held:
            self._is_held = False
            self._issuer.release(self)

    def _settle(self) -> None:
        self.place = 0
        self._settled.set()
        self.moved.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.give_back()


class WaitingRoom:
    """The queue.

    Args:
        places: How many may wait.
    """

    def __init__(self, places: int) -> None:
        self.places: Final = places
        self._resumed: deque[Ticket] = deque()
        self._new: deque[Ticket] = deque()

    def __len__(self) -> int:
        return len(self._resumed) + len(self._new)

    def __iter__(self) -> Iterator[Ticket]:
        yield from self._resumed
        yield from self._new

    @property
    def is_full(self) -> bool:
        """Whether no other client can wait."""
        return len(self) >= self.places

    def enter(self, ticket: Ticket) -> None:
        """Append a ticket behind those of its kind."""
        self._line(ticket).append(ticket)
        self._renumber()

    def leave(self, ticket: Ticket) -> None:
        """Remove a ticket from anywhere in the queue."""
        self._line(ticket).remove(ticket)
        ticket.move(0)
        self._renumber()

    def has(self, group: str) -> bool:
        """Return whether somebody waits for a group."""
        return any(ticket.group == group for ticket in self)

    def next(self, has_free_slot: Callable[[str], bool]) -> Ticket | None:
        """Take out the first ticket whose group has a free slot; None where there is none."""
        free: dict[str, bool] = {}
        for ticket in self:
            group = ticket.group
            if group not in free:
                free[group] = has_free_slot(group)
            if free[group]:
                self._line(ticket).remove(ticket)
                self._renumber()
                return ticket
        return None

    def _line(self, ticket: Ticket) -> deque[Ticket]:
        return self._resumed if ticket.resumed else self._new

    def _renumber(self) -> None:
        places: Counter[str] = Counter()
        for ticket in self:
            places[ticket.group] += 1
            ticket.move(places[ticket.group])
