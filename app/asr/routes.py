"""Which fleet is in use: the recognisers of RIVA_ENDPOINTS, or those to fall back to.

Switching costs no words: a stream that runs is left where it is, opened on the other route and
hears again what no final covers, as after a break.
"""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

import structlog

from app.asr.budget import RetryBudget
from app.asr.endpoint import Endpoint
from app.asr.fleet import Fleet
from app.asr.roster import Group, Lookups, Roster
from app.asr.transport import GrpcTransport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from riva.client.proto import riva_asr_pb2

    from app.asr.endpoints import Address
    from app.asr.events import EndpointHealth, Model
    from app.asr.lines import FleetLine
    from app.asr.resolver import Resolver
    from app.asr.settings import RivaSettings
    from app.asr.transport import Transport

_log = structlog.get_logger(__name__)


class Route(StrEnum):
    """Where recognition goes."""

    PRIMARY = "primary"  # RIVA_ENDPOINTS, or RIVA_HOST
    FALLBACK = "fallback"  # RIVA_FALLBACK_ENDPOINTS


class Routes:
    """The fleets, of which one is in use; the primary one first.

    Args:
        primary: the fleet that is used unless told otherwise.
        fallback: the other one; None where there is none.
        longest_s: seconds after which a further attempt counts as work.
    """

    def __init__(self, primary: Fleet, fallback: Fleet | None, *, longest_s: float) -> None:
        self._fleets = {Route.PRIMARY: primary}
        if fallback is not None:
            self._fleets[Route.FALLBACK] = fallback
        self.route = Route.PRIMARY
        primary.is_in_use = True
        self.budget = RetryBudget(self._streams, longest_s=longest_s)

    def _streams(self) -> int:
        return sum(len(fleet.lines) for fleet in self._fleets.values())

    @property
    def has_fallback(self) -> bool:
        """Whether there is a route to fall back to."""
        return Route.FALLBACK in self._fleets

    @property
    def current(self) -> Fleet:
        """The fleet in use."""
        return self._fleets[self.route]

    def switch(self, route: Route) -> None:
        """Sends new calls there, and moves every stream that runs elsewhere.

        Raises:
            ValueError: there is no such route.
        """
        if route not in self._fleets:
            raise ValueError(
                f"route is {route.value!r}; accepted: 'primary', "
                "and 'fallback' where RIVA_FALLBACK_ENDPOINTS names an endpoint"
            )
        if route is self.route:
            return
        left = self.current
        self.route = route
        for fleet in self._fleets.values():
            fleet.is_in_use = fleet is self.current
        _log.warning("asr_route_switched", route=route.value, moving_streams=len(left.lines))
        for line in tuple(left.lines):
            line.move()

    async def open_line(
        self,
        request: riva_asr_pb2.StreamingRecognizeRequest,
        *,
        within: float,
        avoid: Endpoint | None = None,
        is_checked: bool = False,
    ) -> FleetLine:
        """Opens a stream on the route in use, as `Fleet.open_line`.

        Where another route is chosen meanwhile, the line is to move from its beginning.
        """
        return await self.current.open_line(
            request, within=within, avoid=avoid, is_checked=is_checked
        )

    async def models(self) -> tuple[Model, ...]:
        """What the best endpoint of the route in use serves now."""
        return await self.current.models()

    def health(self) -> tuple[EndpointHealth, ...]:
        """What is known of each endpoint of every route, without asking any."""
        return tuple(health for fleet in self._fleets.values() for health in fleet.health())

    async def aclose(self) -> None:
        """Ends every stream and connection."""
        self.budget.close()
        for fleet in self._fleets.values():
            await fleet.aclose()


def routes_of(settings: RivaSettings, transport: Transport | None, resolver: Resolver) -> Routes:
    """The fleets that the settings name.

    Args:
        settings: where the recognisers are.
        transport: the wire to the only one; None takes gRPC to each of the settings' own.
        resolver: whom to ask for the addresses of names.
    """
    within = settings.timeout_ms / 1000.0
    lookups = Lookups(resolver=resolver, every_s=settings.dns_refresh_s, within_s=within)
    if transport is not None:
        roster = Roster([Endpoint("riva-1", settings, transport)], (), lookups)
        return Routes(Fleet(Route.PRIMARY, roster), None, longest_s=within)

    def roster_of(addresses: Sequence[Address], name: str) -> Roster:
        fixed, groups = [], []
        for number, address in enumerate(addresses, start=1):
            if address.is_group:
                make = partial(_member, settings, address)
                groups.append(Group(f"{name}-{number}", address, make))
            else:
                place = settings.at(address)
                fixed.append(Endpoint(f"{name}-{number}", place, GrpcTransport(place)))
        return Roster(fixed, groups, lookups)

    fallback = settings.fallback_endpoints
    return Routes(
        Fleet(Route.PRIMARY, roster_of(settings.addresses, "riva")),
        Fleet(Route.FALLBACK, roster_of(fallback, "riva-fallback")) if fallback else None,
        longest_s=within,
    )


def _member(settings: RivaSettings, address: Address, name: str, host: str) -> Endpoint:
    """The endpoint at one of a name's addresses; it goes by the name."""
    place = settings.at(address, host)
    return Endpoint(name, place, GrpcTransport(place, address.host), address.host)
