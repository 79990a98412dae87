"""Choose between the recognisers of RIVA_ENDPOINTS and those to fall back to.

A switch loses no words: each running stream is left, opened again on the other route and sent again
what no final covers, as after a break.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import structlog

from app.asr.errors import AsrError
from app.asr.events import Route
from app.asr.languages import listed_language
from app.asr.pool.discovery import DnsGroup, EndpointDiscovery, LookupRules
from app.asr.pool.endpoint import Endpoint
from app.asr.pool.models import serving
from app.asr.pool.pool import EndpointPool
from app.asr.pool.retry_budget import RetryBudget
from app.asr.settings import DEFAULT_GROUP
from app.asr.wire.grpc_transport import GrpcTransport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.asr.addresses import Address
    from app.asr.events import EndpointHealth, Model
    from app.asr.pool.resolver import Resolver
    from app.asr.settings import RivaSettings
    from app.asr.wire.credentials import Credentials
    from app.asr.wire.requests import Options
    from app.asr.wire.transport import Transport

_log = structlog.get_logger(__name__)


class Routes:
    """The endpoint pools, of which one is in use; the primary one at first.

    Args:
        primary: the pool in use until `switch`.
        fallback: the other one; None where there is none.
        longest_s: seconds after which a further attempt counts as work.
        preferred: language to take where several fit what is wanted.
        elsewhere: languages that other groups have, named where one is refused.
    """

    def __init__(
        self,
        primary: EndpointPool,
        fallback: EndpointPool | None,
        *,
        longest_s: float,
        preferred: str,
        elsewhere: Sequence[str] = (),
    ) -> None:
        self._preferred = preferred
        self._elsewhere = tuple(elsewhere)
        self._pools = {Route.PRIMARY: primary}
        if fallback is not None:
            self._pools[Route.FALLBACK] = fallback
        self.route = Route.PRIMARY
        primary.is_in_use = True
        self.budget = RetryBudget(self._streams, longest_s=longest_s)

    def _streams(self) -> int:
        return sum(len(pool.leases) for pool in self._pools.values())

    @property
    def has_fallback(self) -> bool:
        """Whether there is a route to fall back to."""
        return Route.FALLBACK in self._pools

    @property
    def current(self) -> EndpointPool:
        """The pool in use."""
        return self._pools[self.route]

    def switch(self, route: Route) -> None:
        """Send new calls there, and move every stream that runs elsewhere.

        Raises:
            ValueError: there is no such route.
        """
        if route not in self._pools:
            raise ValueError(
                f"route is {route.value!r}; accepted: 'primary', "
                "and 'fallback' where RIVA_FALLBACK_ENDPOINTS names an endpoint"
            )
        if route is self.route:
            return
        left = self.current
        self.route = route
        for pool in self._pools.values():
            pool.is_in_use = pool is self.current
        _log.warning("asr_route_switched", route=route.value, moving_streams=len(left.leases))
        for lease in tuple(left.leases):
            lease.move()

    async def models(self) -> tuple[Model, ...]:
        """Return what the best endpoint of the route in use serves now."""
        return await self.current.models()

    def check(self, options: Options, *, streaming: bool) -> Options:
        """Return the options with the recogniser's own tag for the language.

        Makes no call: what a recogniser has not listed yet is not refused.

        Raises:
            AsrError: MODEL_UNAVAILABLE: the model or the language is not listed; says which are.
        """
        models = serving(self.current.known_models, options.model, streaming=streaming)
        language = listed_language(options.language, models, self._preferred, self._elsewhere)
        return replace(options, language=language)

    async def check_anew(self, options: Options) -> Options:
        """Check a stream as `check`, against a new list before anything is refused.

        Options of which nobody can be asked are returned as they are.
        """
        try:
            return self.check(options, streaming=True)
        except AsrError:
            try:
                await self.current.renew_models()
            except AsrError:
                return options
        return self.check(options, streaming=True)

    def as_listed(self, options: Options, *, streaming: bool) -> Options:
        """Return the options as `check` does, or as they are: the recogniser decides then."""
        try:
            return self.check(options, streaming=streaming)
        except AsrError:
            return options

    def health(self) -> tuple[EndpointHealth, ...]:
        """Return what is known of each endpoint of every route, without a call to any."""
        return tuple(health for pool in self._pools.values() for health in pool.health())

    async def aclose(self) -> None:
        """End every stream and connection."""
        self.budget.close()
        for pool in self._pools.values():
            await pool.aclose()


def routes_of(  # noqa: PLR0913 - one argument for each thing that routes are made of
    settings: RivaSettings,
    transport: Transport | None,
    resolver: Resolver,
    credentials: Credentials,
    *,
    group: str = DEFAULT_GROUP,
    elsewhere: Sequence[str] = (),
) -> Routes:
    """Build the endpoint pools that the settings of one group name.

    Args:
        settings: where the recognisers are.
        transport: to the only one; None takes gRPC to each of the settings' own.
        resolver: looks up the addresses of names.
        credentials: what this side proves itself with.
        group: which, for the names of endpoints.
        elsewhere: languages that other groups have.
    """
    named = "riva" if group == DEFAULT_GROUP else f"riva-{group}"
    within = settings.timeout_ms / 1000.0
    lookups = LookupRules(resolver=resolver, every_s=settings.dns_refresh_s, within_s=within)
    if transport is not None:
        only = EndpointDiscovery(
            [Endpoint(f"{named}-1", settings, transport, credentials)], (), lookups
        )
        return Routes(
            EndpointPool(Route.PRIMARY, only, group),
            None,
            longest_s=within,
            preferred=settings.language_code,
            elsewhere=elsewhere,
        )

    def discovery_of(
        settings: RivaSettings, addresses: Sequence[Address], name: str
    ) -> EndpointDiscovery:
        fixed, groups = [], []
        for number, address in enumerate(addresses, start=1):
            if address.is_group:
                make = partial(_member, settings, credentials, address)
                groups.append(DnsGroup(f"{name}-{number}", address, make))
            else:
                own = settings.at(address)
                own_transport = GrpcTransport(own, credentials)
                fixed.append(Endpoint(f"{name}-{number}", own, own_transport, credentials))
        return EndpointDiscovery(fixed, groups, lookups)

    own = discovery_of(settings, settings.addresses, named)
    fallback = None
    if settings.fallback_endpoints:
        others = discovery_of(
            settings.of_fallback, settings.fallback_endpoints, f"{named}-fallback"
        )
        fallback = EndpointPool(Route.FALLBACK, others, group)
    return Routes(
        EndpointPool(Route.PRIMARY, own, group),
        fallback,
        longest_s=within,
        preferred=settings.language_code,
        elsewhere=elsewhere,
    )


def _member(
    settings: RivaSettings, credentials: Credentials, address: Address, name: str, host: str
) -> Endpoint:
    """Build the endpoint at one of a name's addresses; requests to it carry the name."""
    own = settings.at(address, host)
    transport = GrpcTransport(own, credentials, address.host)
    return Endpoint(name, own, transport, credentials, address.host)
