"""All recognisers of a route as one: which endpoint takes the next call, and which are left alone.

A call goes to the endpoint with the most room among those that are well: not ejected for their
errors (`app.asr.pool.ejection`) and not known to be unready. Room is the share of its slots
(`app.asr.pool.capacity`) that is free; one that is full is asked last. Where none is well, all are
tried: to ask in vain costs less than to refuse what might work.
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
from app.asr.pool.readiness import not_ready, probe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from riva.client.proto import riva_asr_pb2

    from app.asr.events import Model, Route
    from app.asr.pool.discovery import EndpointDiscovery
    from app.asr.pool.endpoint import Endpoint

Answer = TypeVar("Answer")

_log = structlog.get_logger(__name__)


class EndpointPool:
    """The endpoints of one route.

    Args:
        route: which.
        roster: who they are; may change.
    """

    def __init__(self, route: Route, roster: EndpointDiscovery) -> None:
        self.lines: set[EndpointLease] = set()
        self.is_in_use = False
        self._route = route
        self._roster = roster
        self._ejection = Ejection([endpoint.name for endpoint in roster.endpoints])
        self._uses = 0
        roster.on_joined = self._joined
        roster.on_left = self._left

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        """Those that get new calls."""
        return self._roster.endpoints

    def _joined(self, endpoint: Endpoint) -> None:
        self._ejection.joined(endpoint.name)

    def _left(self, endpoint: Endpoint) -> None:
        self._ejection.gone(endpoint.name, time.monotonic())

    async def open_lease(
        self,
        request: riva_asr_pb2.StreamingRecognizeRequest,
        *,
        within: float,
        avoid: Endpoint | None = None,
        is_checked: bool = False,
    ) -> EndpointLease:
        """Opens a stream at the best endpoint that takes it.

        Args:
            request: the configuration.
            within: seconds until an endpoint is given up.
            avoid: tried last of those with room.
            is_checked: whether the endpoint is asked first what it serves.

        Raises:
            AsrError: no endpoint took it; what the last one said.
        """

        async def attempt(endpoint: Endpoint) -> EndpointLease:
            # Counted before it is open: others choose meanwhile.
            endpoint.opening += 1
            try:
                if is_checked and not await endpoint.catalogue.refresh():
                    raise from_status("UNAVAILABLE", "it lists no model", doing="reopen stream")
                return await self._line(endpoint, request, within)
            finally:
                endpoint.opening -= 1

        return await self._tour(attempt, avoid)

    async def _line(
        self,
        endpoint: Endpoint,
        request: riva_asr_pb2.StreamingRecognizeRequest,
        within: float,
    ) -> EndpointLease:
        try:
            call = await endpoint.transport.open_stream(request, within=within)
        except AsrError as error:
            self.note_refusal(endpoint, error, beside=endpoint.streams)
            raise
        return EndpointLease(self, endpoint, call)

    async def recognize(
        self, request: riva_asr_pb2.RecognizeRequest, *, within: float
    ) -> riva_asr_pb2.RecognizeResponse:
        """Recognises one recording at the best endpoint that takes it."""
        return await self._tour(
            lambda endpoint: endpoint.transport.recognize(request, within=within)
        )

    async def check(self, model: str, *, streaming: bool) -> None:
        """Refuses a model that is not served, as `ModelCatalogue.check`."""
        if model:
            await self._tour(lambda one: one.catalogue.check(model, streaming=streaming))

    async def serves(self, model: str, *, streaming: bool) -> bool:
        """Whether a model fits, as `ModelCatalogue.serves`."""
        return await self._tour(lambda one: one.catalogue.serves(model, streaming=streaming))

    async def models(self) -> tuple[Model, ...]:
        """What the best endpoint serves now."""
        return await self._tour(lambda endpoint: endpoint.catalogue.refresh())

    async def _tour(
        self, attempt: Callable[[Endpoint], Awaitable[Answer]], avoid: Endpoint | None = None
    ) -> Answer:
        """Tries endpoints, the best one first, until one answers or says what all would say."""
        *others, last = self._by_merit(await self._roster.known(), avoid)
        for endpoint in others:
            try:
                return await self._judged(attempt, endpoint)
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
            return await self._judged(attempt, last)
        except AsrError as error:
            if is_elsewhere_different(error):
                self._roster.hurry()
            raise

    async def _judged(
        self, attempt: Callable[[Endpoint], Awaitable[Answer]], endpoint: Endpoint
    ) -> Answer:
        self._uses += 1
        endpoint.last_used = self._uses
        endpoint.calls += 1
        try:
            return await attempt(endpoint)
        except AsrError as error:
            self.judge(endpoint, error)
            raise
        finally:
            endpoint.calls -= 1

    def _by_merit(self, endpoints: Sequence[Endpoint], avoid: Endpoint | None) -> list[Endpoint]:
        now = time.monotonic()
        slots = {endpoint.name: endpoint.slots.count(now) for endpoint in endpoints}
        # One whose slots nobody knows is as large as the largest that is known.
        largest = max((count for count in slots.values() if count), default=1)

        def demerit(endpoint: Endpoint) -> tuple[bool, bool, bool, bool, float, int]:
            streams = endpoint.streams + endpoint.opening
            return (
                self._ejection.is_ejected(endpoint.name, now),
                endpoint.is_unready(now),
                endpoint.is_full(now),
                endpoint is avoid,
                streams / (slots[endpoint.name] or largest),
                endpoint.last_used,
            )

        return sorted(endpoints, key=demerit)

    def _well(self) -> list[Endpoint]:
        now = time.monotonic()
        return [
            endpoint
            for endpoint in self.endpoints
            if not endpoint.is_unready(now) and not self._ejection.is_ejected(endpoint.name, now)
        ]

    def has_other_than(self, endpoint: Endpoint) -> bool:
        """Whether an endpoint beside this one is neither ejected nor known to be unready."""
        return any(other is not endpoint for other in self._well())

    def judge(self, endpoint: Endpoint, error: AsrError | None) -> None:
        """Counts an answer, or an error that speaks against the endpoint."""
        now = time.monotonic()
        if endpoint.is_leaving:
            return
        if error is None:
            self._ejection.succeeded(endpoint.name)
            # A stream that works says more than a probe of some time ago.
            endpoint.is_ready = endpoint.is_ready or None
        elif blames_endpoint(error) and self._ejection.failed(endpoint.name, now):
            left = self._ejection.left(endpoint.name, now)
            _log.warning("asr_endpoint_ejected", endpoint=endpoint.name, seconds=left)

    def note_refusal(self, endpoint: Endpoint, error: AsrError, *, beside: int) -> None:
        """Learns from an endpoint that took no further stream while so many were open there."""
        if error.code != ErrorCode.RESOURCE_EXHAUSTED:
            return
        now = time.monotonic()
        endpoint.slots.refused(beside, now)
        _log.warning("asr_endpoint_full", endpoint=endpoint.name, slots=endpoint.slots.count(now))

    def note_held(self, endpoint: Endpoint) -> None:
        """Learns from an endpoint at which one more stream gave a result."""
        endpoint.slots.held(endpoint.working, time.monotonic())

    def slots(self) -> int | None:
        """Streams that all endpoints which are well take together; None where one's are unknown."""
        now = time.monotonic()
        well = self._well()
        # Where none is well and nothing is configured, there is still nothing known.
        counts = [endpoint.slots.count(now) for endpoint in well or self.endpoints]
        known = [count for count in counts if count is not None]
        if len(known) < len(counts) or not counts:
            return None
        return sum(known) if well else 0

    def health(self) -> tuple[EndpointHealth, ...]:
        """What is known of each endpoint, without asking any."""
        now = time.monotonic()
        return tuple(
            EndpointHealth(
                name=endpoint.name,
                route=self._route,
                ready=endpoint.is_ready,
                streams=endpoint.streams,
                slots=endpoint.slots.count(now),
                consecutive_errors=self._ejection.errors(endpoint.name),
                ejected_for=self._ejection.left(endpoint.name, now),
                ejections=self._ejection.total(endpoint.name),
            )
            for endpoint in self.endpoints
        )

    async def ready(self, *, model: str, within: float) -> Readiness:
        """Asks all endpoints at once; one that is ready is enough."""
        try:
            endpoints = await self._roster.known()
        except AsrError as error:
            return not_ready(error.message)
        answers = await asyncio.gather(
            *(self._probe(endpoint, model=model, within=within) for endpoint in endpoints)
        )
        # The first that is ready, else the first: its reason is as good as another's.
        best = max(answers, key=lambda answer: answer.ready)
        return Readiness(
            ready=best.ready, reason=best.reason, models=best.models, endpoints=self.health()
        )

    async def _probe(self, endpoint: Endpoint, *, model: str, within: float) -> Readiness:
        endpoint.calls += 1
        try:
            answer = await probe(endpoint.http, endpoint.catalogue, model=model, within=within)
        finally:
            endpoint.calls -= 1
        now = time.monotonic()
        endpoint.probed(now, ready=answer.ready)
        if not endpoint.is_leaving and self._ejection.probed(
            endpoint.name, now, ready=answer.ready
        ):
            _log.info("asr_endpoint_readmitted", endpoint=endpoint.name)
        return answer

    async def aclose(self) -> None:
        """Ends every stream and connection."""
        await self._roster.aclose()
