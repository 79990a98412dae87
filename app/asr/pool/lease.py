"""One stream's open calls: each counts for the endpoint it is at, and can be asked to move."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.asr.errors import AsrError, late

if TYPE_CHECKING:
    from collections.abc import Callable

    from riva.client.proto import riva_asr_pb2

    from app.asr.pool.endpoint import Endpoint
    from app.asr.pool.pool import EndpointPool
    from app.asr.pool.retry_budget import RetryPermit
    from app.asr.pool.routes import Routes
    from app.asr.wire.transport import StreamCall


class EndpointLease:
    """An open call and the endpoint it counts for."""

    def __init__(self, fleet: EndpointPool, endpoint: Endpoint, call: StreamCall) -> None:
        self.call = call
        self.endpoint = endpoint
        self.has_failed = False
        self._fleet = fleet
        self._is_open = True
        self._has_worked = False
        self._leave: Callable[[], None] | None = None
        self._place: RetryPermit | None = None
        endpoint.streams += 1
        fleet.lines.add(self)

    @property
    def elsewhere(self) -> bool:
        """Whether there is another endpoint that is not ejected."""
        return not self._fleet.is_in_use or self._fleet.has_other_than(self.endpoint)

    @property
    def is_to_move(self) -> bool:
        """Whether the stream shall leave at its next final at the latest.

        Its route is not the one in use any more, or its endpoint's address is gone.
        """
        return not self._fleet.is_in_use or self.endpoint.is_leaving

    def when_moved(self, leave: Callable[[], None]) -> None:
        """Calls `leave` once the stream shall leave at once; now, where that is so already."""
        self._leave = leave
        if not self._fleet.is_in_use:
            leave()

    def move(self) -> None:
        """The route is not the one in use any more."""
        if self._leave is not None:
            self._leave()

    def hold(self, place: RetryPermit) -> None:
        """Keeps the place of the attempt that led here until the recogniser has caught up."""
        self._place = place
        place.opened()

    def worked(self) -> None:
        """The endpoint answered."""
        if self._is_open and not self._has_worked:
            self._has_worked = True
            self.endpoint.working += 1
            self._fleet.note_held(self.endpoint)
        self._settle()
        self._fleet.judge(self.endpoint, None)

    def broke(self, error: AsrError) -> None:
        """The call failed."""
        self.has_failed = True
        self._settle()
        if not self._has_worked:
            self._fleet.note_refusal(self.endpoint, error, beside=self.endpoint.streams - 1)
        self._fleet.judge(self.endpoint, error)

    def close(self) -> None:
        """The call is over; further calls do nothing."""
        if self._is_open:
            self._is_open = False
            self._leave = None
            self._settle()
            self.endpoint.streams -= 1
            self.endpoint.working -= self._has_worked
            self._fleet.lines.discard(self)

    def _settle(self) -> None:
        if self._place is not None:
            self._place.release()
            self._place = None


@dataclass(frozen=True, slots=True)
class LeaseOpener:
    """Opens one stream's calls."""

    routes: Routes
    request: riva_asr_pb2.StreamingRecognizeRequest
    within: float

    async def open(self) -> EndpointLease:
        """The first call."""
        return await self.routes.open_lease(self.request, within=self.within)

    async def reopen(self, left: EndpointLease, *, patience: float) -> EndpointLease:
        """A further call, on an endpoint that lists a model: one that is loading lists none.

        Args:
            left: the call before it.
            patience: seconds the stream may still be without a recogniser. It waits for its turn
                no longer, and then for no longer than that, or than one endpoint may take. One that
                moves without having failed is given as long as an endpoint in any case.
        """
        limit = max(patience, self.within)
        turn = patience if left.has_failed else limit
        place = await self.routes.budget.place(turn, is_running=True)
        try:
            async with asyncio.timeout(limit):
                line = await self.routes.open_lease(
                    self.request,
                    within=self.within,
                    avoid=left.endpoint if left.has_failed else None,
                    is_checked=True,
                )
        except TimeoutError:
            place.release()
            raise late("reopen stream", limit) from None
        except BaseException:
            place.release()
            raise
        line.hold(place)
        return line
