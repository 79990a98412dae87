"""Which fleet is in use: the recognisers of RIVA_ENDPOINTS, or those to fall back to.

Switching costs no words: a stream that runs is left where it is, opened on the other route and
hears again what no final covers, as after a break.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import structlog

from app.asr.events import Route
from app.asr.pool.discovery import DnsGroup, EndpointDiscovery, LookupRules
from app.asr.pool.endpoint import Endpoint
from app.asr.pool.pool import EndpointPool
from app.asr.pool.retry_budget import RetryBudget
from app.asr.wire.transport import GrpcTransport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from riva.client.proto import riva_asr_pb2

    from app.asr.addresses import Address
    from app.asr.events import EndpointHealth, Model
    from app.asr.pool.lease import EndpointLease
    from app.asr.pool.resolver import Resolver
    from app.asr.settings import RivaSettings
    from app.asr.wire.transport import Transport

_log = structlog.get_logger(__name__)


class Routes:
    """The fleets, of which one is in use; the primary one first.

    Args:
        primary: the fleet that is used unless told otherwise.
        fallback: the other one; None where there is none.
        longest_s: seconds after which a further attempt counts as work.
    """

    def __init__(
        self, primary: EndpointPool, fallback: EndpointPool | None, *, longest_s: float
    ) -> None:
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
    def current(self) -> EndpointPool:
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

    async def open_lease(
        self,
        request: riva_asr_pb2.StreamingRecognizeRequest,
        *,
        within: float,
        avoid: Endpoint | None = None,
        is_checked: bool = False,
    ) -> EndpointLease:
        """Opens a stream on the route in use, as `EndpointPool.open_lease`.

        Where another route is chosen meanwhile, the line is to move from its beginning.
        """
        return await self.current.open_lease(
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
    lookups = LookupRules(resolver=resolver, every_s=settings.dns_refresh_s, within_s=within)
    if transport is not None:
        roster = EndpointDiscovery([Endpoint("riva-1", settings, transport)], (), lookups)
        return Routes(EndpointPool(Route.PRIMARY, roster), None, longest_s=within)

    def discovery_of(addresses: Sequence[Address], name: str) -> EndpointDiscovery:
        fixed, groups = [], []
        for number, address in enumerate(addresses, start=1):
            if address.is_group:
                make = partial(_member, settings, address)
                groups.append(DnsGroup(f"{name}-{number}", address, make))
            else:
                place = settings.at(address)
                fixed.append(Endpoint(f"{name}-{number}", place, GrpcTransport(place)))
        return EndpointDiscovery(fixed, groups, lookups)

    fallback = settings.fallback_endpoints
    return Routes(
        EndpointPool(Route.PRIMARY, discovery_of(settings.addresses, "riva")),
        EndpointPool(Route.FALLBACK, discovery_of(fallback, "riva-fallback")) if fallback else None,
        longest_s=within,
    )


def _member(settings: RivaSettings, address: Address, name: str, host: str) -> Endpoint:
    """The endpoint at one of a name's addresses; it goes by the name."""
    place = settings.at(address, host)
    return Endpoint(name, place, GrpcTransport(place, address.host), address.host)
