"""One stream's open calls: each counts for the endpoint it is at, and can be asked to move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from riva.client.proto import riva_asr_pb2

    from app.asr.errors import AsrError
    from app.asr.fleet import Endpoint, Fleet
    from app.asr.routes import Routes
    from app.asr.transport import StreamCall


class FleetLine:
    """An open call and the endpoint it counts for."""

    def __init__(self, fleet: Fleet, endpoint: Endpoint, call: StreamCall) -> None:
        self.call = call
        self.endpoint = endpoint
        self.has_failed = False
        self._fleet = fleet
        self._is_open = True
        self._leave: Callable[[], None] | None = None
        endpoint.streams += 1
        fleet.lines.add(self)

    @property
    def elsewhere(self) -> bool:
        """Whether there is another endpoint that is not ejected."""
        return self.is_to_move or self._fleet.has_other_than(self.endpoint)

    @property
    def is_to_move(self) -> bool:
        """Whether the stream shall leave: its route is not the one in use any more."""
        return not self._fleet.is_in_use

    def when_moved(self, leave: Callable[[], None]) -> None:
        """Calls `leave` once the stream shall leave at once; now, where that is so already."""
        self._leave = leave
        if not self._fleet.is_in_use:
            leave()

    def move(self) -> None:
        """The route is not the one in use any more."""
        if self._leave is not None:
            self._leave()

    def worked(self) -> None:
        """The endpoint answered."""
        self._fleet.judge(self.endpoint, None)

    def broke(self, error: AsrError) -> None:
        """The call failed."""
        self.has_failed = True
        self._fleet.judge(self.endpoint, error)

    def close(self) -> None:
        """The call is over; further calls do nothing."""
        if self._is_open:
            self._is_open = False
            self._leave = None
            self.endpoint.streams -= 1
            self._fleet.lines.discard(self)


@dataclass(frozen=True, slots=True)
class StreamLines:
    """Opens one stream's calls."""

    routes: Routes
    request: riva_asr_pb2.StreamingRecognizeRequest
    within: float

    async def open(self) -> FleetLine:
        """The first call."""
        return await self.routes.open_line(self.request, within=self.within)

    async def reopen(self, left: FleetLine) -> FleetLine:
        """A further call, on an endpoint that lists a model: one that is loading lists none."""
        avoid = left.endpoint if left.has_failed else None
        return await self.routes.open_line(
            self.request, within=self.within, avoid=avoid, is_checked=True
        )
