"""Choose which endpoint of a route takes the next call, and leave out those that fail.

A call goes to the endpoint with the most room among those that are well: not ejected for their
errors (`app.asr.pool.ejection`) and not known to be unready. Room is the share of its slots
(`app.asr.pool.capacity`) that is free; one that is full is tried last. Where none is well, all are
tried: a call in vain costs less than to refuse what might work.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, TypeVar

import structlog

from app.asr.errors import (
    AsrError,
    ErrorCode,
    blames_endpoint,
    from_status,
    is_elsewhere_different,
)
from app.asr.events import EndpointHealth, Readiness
from app.asr.pool.ejection import Ejection
from app.asr.pool.lease import EndpointLease

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from riva.client.proto import riva_asr_pb2

    from app.asr.events import Metadata, Model, Route
    from app.asr.pool.discovery import EndpointDiscovery
    from app.asr.pool.endpoint import Endpoint

Answer = TypeVar("Answer")

_log = structlog.get_logger(__name__)


class EndpointPool:
    """The endpoints of one route.

    Args:
        route: which.
        discovery: finds the endpoints, which may change.
        group: whose route it is, for logs and metrics.
    """

    def __init__(self, route: Route, discovery: EndpointDiscovery, group: str) -> None:
        self.leases: set[EndpointLease] = set()
        self.is_in_use = False
        self._route = route
        self._group = group
        self._discovery = discovery
        self._ejection = Ejection([endpoint.name for endpoint in discovery.endpoints])
        self._uses = 0
        discovery.on_joined = self._joined
        discovery.on_left = self._left

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        """The endpoints that get new calls."""
        return self._discovery.endpoints

    def _joined(self, endpoint: Endpoint) -> None:
        self._ejection.joined(endpoint.name)

    def _left(self, endpoint: Endpoint) -> None:
        self._ejection.gone(endpoint.name, time.monotonic())

    async def open_lease(
        self,
        request: riva_asr_pb2.StreamingRecognizeRequest,
        *,
        within: float,
        metadata: Metadata = (),
        avoid: Endpoint | None = None,
        is_checked: bool = False,
    ) -> EndpointLease:
        """Open a stream at the best endpoint that takes it.

        Args:
            request: the configuration.
            within: seconds until an endpoint is given up.
            metadata: of the call.
            avoid: tried last of those with room.
            is_checked: whether the endpoint must first list a model.

        Raises:
            AsrError: no endpoint took it; the error of the last one.
        """

        async def attempt(endpoint: Endpoint) -> EndpointLease:
            # Counted before it is open: others choose meanwhile.
            endpoint.opening += 1
            try:
                if is_checked and not await endpoint.catalogue.refresh():
                    raise from_status("UNAVAILABLE", "it lists no model", doing="reopen stream")
                return await self._open_at(endpoint, request, within, metadata)
            finally:
                endpoint.opening -= 1

        return await self._try_each(attempt, avoid)

    async def _open_at(
        self,
        endpoint: Endpoint,
        request: riva_asr_pb2.StreamingRecognizeRequest,
        within: float,
        metadata: Metadata,
    ) -> EndpointLease:
        transport = endpoint.transport
        try:
            call = await transport.open_stream(request, within=within, metadata=metadata)
        except AsrError as error:
            self.refused(endpoint, error, beside=endpoint.streams)
            raise
        lease = EndpointLease(endpoint, call, self)
        self.leases.add(lease)
        return lease

    async def recognize(
        self,
        request: riva_asr_pb2.RecognizeRequest,
        *,
        within: float,
        metadata: Metadata = (),
    ) -> riva_asr_pb2.RecognizeResponse:
        """Recognise one recording at the best endpoint that takes it."""

        async def attempt(endpoint: Endpoint) -> riva_asr_pb2.RecognizeResponse:
            transport = endpoint.transport
            return await transport.recognize(request, within=within, metadata=metadata)

        return await self._try_each(attempt)

    async def check(self, model: str, *, streaming: bool) -> None:
        """Refuse a model that is not served, as `ModelCatalogue.check`."""
        if model:
            await self._try_each(lambda one: one.catalogue.check(model, streaming=streaming))

    async def serves(self, model: str, *, streaming: bool) -> bool:
        """Return whether a model fits, as `ModelCatalogue.serves`."""
        return await self._try_each(lambda one: one.catalogue.serves(model, streaming=streaming))

    @property
    def known_models(self) -> tuple[Model, ...]:
        """What the well endpoints listed last, without asking any."""
        return tuple(one for endpoint in self._well() for one in endpoint.catalogue.known)

    async def renew_models(self) -> None:
        """Have the best endpoint list its models again, as `ModelCatalogue.renew`."""
        await self._try_each(lambda endpoint: endpoint.catalogue.renew())

    async def models(self) -> tuple[Model, ...]:
        """Return what the best endpoint serves now."""
        return await self._try_each(lambda endpoint: endpoint.catalogue.refresh())

    async def _try_each(
        self, attempt: Callable[[Endpoint], Awaitable[Answer]], avoid: Endpoint | None = None
    ) -> Answer:
        """Try endpoints, the best one first, until one answers or fails as all would."""
        *others, last = self._best_first(await self._discovery.known(), avoid)
        for endpoint in others:
            try:
                return await self._try_one(attempt, endpoint)
            except AsrError as error:
                if not is_elsewhere_different(error):
                    raise
                _log.warning(
                    "asr_endpoint_failed",
                    endpoint=endpoint.name,
                    code=error.code,
                    detail=error.detail,
                )
        try:
            return await self._try_one(attempt, last)
        except AsrError as error:
            if is_elsewhere_different(error):
                self._discovery.hurry()
            raise

    async def _try_one(
        self, attempt: Callable[[Endpoint], Awaitable[Answer]], endpoint: Endpoint
    ) -> Answer:
        self._uses += 1
        endpoint.last_used = self._uses
        endpoint.calls += 1
        try:
            return await attempt(endpoint)
        except AsrError as error:
            self.failed(endpoint, error)
            raise
        finally:
            endpoint.calls -= 1

    def _best_first(self, endpoints: Sequence[Endpoint], avoid: Endpoint | None) -> list[Endpoint]:
        now = time.monotonic()
        slots = {endpoint.name: endpoint.capacity.streams(now) for endpoint in endpoints}
        # An endpoint of unknown size counts as large as the largest that is known.
        largest = max((count for count in slots.values() if count), default=1)

        def rank(endpoint: Endpoint) -> tuple[bool, bool, bool, bool, float, int]:
            streams = endpoint.streams + endpoint.opening
            return (
                self._ejection.is_ejected(endpoint.name, now),
                endpoint.is_unready(now),
                endpoint.is_full(now),
                endpoint is avoid,
                streams / (slots[endpoint.name] or largest),
                endpoint.last_used,
            )

        return sorted(endpoints, key=rank)

    def _well(self) -> list[Endpoint]:
        now = time.monotonic()
        return [
            endpoint
            for endpoint in self.endpoints
            if not endpoint.is_unready(now) and not self._ejection.is_ejected(endpoint.name, now)
        ]

    def has_other_than(self, endpoint: Endpoint) -> bool:
        """Return whether another endpoint is neither ejected nor known to be unready."""
        return any(other is not endpoint for other in self._well())

    def worked(self, endpoint: Endpoint) -> None:
        """Note that the endpoint answered."""
        if not endpoint.is_leaving:
            self._ejection.succeeded(endpoint.name)
            # A stream that works counts more than a probe of some time ago.
            endpoint.is_ready = endpoint.is_ready or None

    def failed(self, endpoint: Endpoint, error: AsrError) -> None:
        """Count an error, where the endpoint is to blame for it."""
        if endpoint.is_leaving or not blames_endpoint(error):
            return
        now = time.monotonic()
        if self._ejection.failed(endpoint.name, now):
            left = self._ejection.left(endpoint.name, now)
            _log.warning("asr_endpoint_ejected", endpoint=endpoint.name, seconds=left)

    def refused(self, endpoint: Endpoint, error: AsrError, *, beside: int) -> None:
        """Learn from an endpoint that took no further stream while so many were open there."""
        if error.code != ErrorCode.RESOURCE_EXHAUSTED:
            return
        now = time.monotonic()
        endpoint.capacity.refused(beside, now)
        _log.warning(
            "asr_endpoint_full", endpoint=endpoint.name, slots=endpoint.capacity.streams(now)
        )

    def began_to_work(self, endpoint: Endpoint) -> None:
        """Learn from an endpoint at which one more stream gave its first result."""
        endpoint.capacity.held(endpoint.working, time.monotonic())

    def closed(self, lease: EndpointLease) -> None:
        """Forget a lease that is over."""
        self.leases.discard(lease)

    def slots(self) -> int | None:
        """Return the streams all well endpoints take together; None where one's are unknown."""
        now = time.monotonic()
        well = self._well()
        # Where none is well and nothing is configured, there is still nothing known.
        counts = [endpoint.capacity.streams(now) for endpoint in well or self.endpoints]
        known = [count for count in counts if count is not None]
        if len(known) < len(counts) or not counts:
            return None
        return sum(known) if well else 0

    def health(self) -> tuple[EndpointHealth, ...]:
        """Return what is known of each endpoint, without a call to any."""
        now = time.monotonic()
        return tuple(
            EndpointHealth(
                name=endpoint.name,
                group=self._group,
                route=self._route,
                ready=endpoint.is_ready,
                streams=endpoint.streams,
                slots=endpoint.capacity.streams(now),
                consecutive_errors=self._ejection.errors(endpoint.name),
                ejected_for=self._ejection.left(endpoint.name, now),
                ejections=self._ejection.total(endpoint.name),
            )
            for endpoint in self.endpoints
        )

    async def ready(self, *, model: str, within: float) -> Readiness:
        """Probe all endpoints at once; one that is ready is enough."""
        try:
            endpoints = await self._discovery.known()
        except AsrError as error:
            return Readiness(ready=False, reason=error.message)
        answers = await asyncio.gather(
            *(self._probe(endpoint, model=model, within=within) for endpoint in endpoints)
        )
        # The first that is ready, else the first: its reason is as good as another's.
        best = max(answers, key=lambda answer: answer.ready)
        return Readiness(
            ready=best.ready, reason=best.reason, models=best.models, endpoints=self.health()
        )

    async def _probe(self, endpoint: Endpoint, *, model: str, within: float) -> Readiness:
        answer = await endpoint.probe(model=model, within=within)
        if not endpoint.is_leaving and self._ejection.probed(
            endpoint.name, time.monotonic(), ready=answer.ready
        ):
            _log.info("asr_endpoint_readmitted", endpoint=endpoint.name)
        return answer

    async def aclose(self) -> None:
        """End every stream and connection."""
        await self._discovery.aclose()
