"""All recognisers as one: which endpoint takes the next call, and which are left alone.

A call goes to the endpoint with the fewest streams among those that are well: not ejected for
their errors (`app.asr.ejection`) and not known to be unready. Where none is well, all are tried:
to ask in vain costs less than to refuse what might work.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, TypeVar

import structlog

from app.asr.catalogue import Catalogue
from app.asr.ejection import Ejection
from app.asr.errors import AsrError, blames_endpoint, from_status, is_elsewhere_different
from app.asr.events import EndpointHealth, Readiness
from app.asr.lines import FleetLine
from app.asr.readiness import HttpProbe, probe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from riva.client.proto import riva_asr_pb2

    from app.asr.events import Model
    from app.asr.settings import RivaSettings
    from app.asr.transport import Transport

Answer = TypeVar("Answer")

_log = structlog.get_logger(__name__)


class Endpoint:
    """One recogniser and what is known of it.

    Args:
        name: for logs and metrics; holds no address.
        settings: with this recogniser's host and ports.
        transport: the wire to it.
    """

    def __init__(self, name: str, settings: RivaSettings, transport: Transport) -> None:
        self.name = name
        self.transport = transport
        self.catalogue = Catalogue(transport, timeout=settings.timeout_ms / 1000.0)
        self.http = HttpProbe(settings)
        self.slots = settings.endpoint_streams or None
        self.streams = 0
        self.last_used = 0
        self.is_ready: bool | None = None  # by its last probe; None before the first

    async def aclose(self) -> None:
        """Ends every call and connection."""
        await self.http.aclose()
        await self.transport.aclose()


class Fleet:
    """The endpoints of one client.

    Args:
        endpoints: at least one.
    """

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self.endpoints = tuple(endpoints)
        self.lines: set[FleetLine] = set()
        self.is_in_use = False
        self._ejection = Ejection([endpoint.name for endpoint in self.endpoints])
        self._uses = 0

    async def open_line(
        self,
        request: riva_asr_pb2.StreamingRecognizeRequest,
        *,
        within: float,
        avoid: Endpoint | None = None,
        is_checked: bool = False,
    ) -> FleetLine:
        """Opens a stream at the best endpoint that takes it.

        Args:
            request: the configuration.
            within: seconds until an endpoint is given up.
            avoid: tried last.
            is_checked: whether the endpoint is asked first what it serves.

        Raises:
            AsrError: no endpoint took it; what the last one said.
        """

        async def attempt(endpoint: Endpoint) -> FleetLine:
            if is_checked and not await endpoint.catalogue.refresh():
                raise from_status("UNAVAILABLE", "it lists no model", doing="reopen stream")
            # Counted before it is open: others choose meanwhile.
            endpoint.streams += 1
            try:
                call = await endpoint.transport.open_stream(request, within=within)
            finally:
                endpoint.streams -= 1
            return FleetLine(self, endpoint, call)

        return await self._tour(attempt, avoid)

    async def recognize(
        self, request: riva_asr_pb2.RecognizeRequest, *, within: float
    ) -> riva_asr_pb2.RecognizeResponse:
        """Recognises one recording at the best endpoint that takes it."""
        return await self._tour(
            lambda endpoint: endpoint.transport.recognize(request, within=within)
        )

    async def check(self, model: str, *, streaming: bool) -> None:
        """Refuses a model that is not served, as `Catalogue.check`."""
        if model:
            await self._tour(lambda one: one.catalogue.check(model, streaming=streaming))

    async def serves(self, model: str, *, streaming: bool) -> bool:
        """Whether a model fits, as `Catalogue.serves`."""
        return await self._tour(lambda one: one.catalogue.serves(model, streaming=streaming))

    async def models(self) -> tuple[Model, ...]:
        """What the best endpoint serves now."""
        return await self._tour(lambda endpoint: endpoint.catalogue.refresh())

    async def _tour(
        self, attempt: Callable[[Endpoint], Awaitable[Answer]], avoid: Endpoint | None = None
    ) -> Answer:
        """Tries endpoints, the best one first, until one answers or says what all would say."""
        *others, last = self._by_merit(avoid)
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
        return await self._judged(attempt, last)

    async def _judged(
        self, attempt: Callable[[Endpoint], Awaitable[Answer]], endpoint: Endpoint
    ) -> Answer:
        self._uses += 1
        endpoint.last_used = self._uses
        try:
            return await attempt(endpoint)
        except AsrError as error:
            self.judge(endpoint, error)
            raise

    def _by_merit(self, avoid: Endpoint | None) -> list[Endpoint]:
        now = time.monotonic()

        def demerit(endpoint: Endpoint) -> tuple[bool, bool, bool, int, int]:
            return (
                self._ejection.is_ejected(endpoint.name, now),
                endpoint.is_ready is False,
                endpoint is avoid,
                endpoint.streams,
                endpoint.last_used,
            )

        return sorted(self.endpoints, key=demerit)

    def has_other_than(self, endpoint: Endpoint) -> bool:
        """Whether an endpoint beside this one is neither ejected nor known to be unready."""
        now = time.monotonic()
        return any(
            other.is_ready is not False and not self._ejection.is_ejected(other.name, now)
            for other in self.endpoints
            if other is not endpoint
        )

    def judge(self, endpoint: Endpoint, error: AsrError | None) -> None:
        """Counts an answer, or an error that speaks against the endpoint."""
        now = time.monotonic()
        if error is None:
            self._ejection.succeeded(endpoint.name)
            # A stream that works says more than a probe of some time ago.
            endpoint.is_ready = endpoint.is_ready or None
        elif blames_endpoint(error) and self._ejection.failed(endpoint.name, now):
            left = self._ejection.left(endpoint.name, now)
            _log.warning("asr_endpoint_ejected", endpoint=endpoint.name, seconds=left)

    def slots(self) -> int | None:
        """Streams that all endpoints which are well take together; None where one's are unknown."""
        if any(endpoint.slots is None for endpoint in self.endpoints):
            return None
        now = time.monotonic()
        return sum(
            endpoint.slots or 0
            for endpoint in self.endpoints
            if endpoint.is_ready is not False and not self._ejection.is_ejected(endpoint.name, now)
        )

    def health(self) -> tuple[EndpointHealth, ...]:
        """What is known of each endpoint, without asking any."""
        now = time.monotonic()
        return tuple(
            EndpointHealth(
                name=endpoint.name,
                ready=endpoint.is_ready,
                streams=endpoint.streams,
                slots=endpoint.slots,
                consecutive_errors=self._ejection.errors(endpoint.name),
                ejected_for=self._ejection.left(endpoint.name, now),
                ejections=self._ejection.total(endpoint.name),
            )
            for endpoint in self.endpoints
        )

    async def ready(self, *, model: str, within: float) -> Readiness:
        """Asks all endpoints at once; one that is ready is enough."""
        answers = await asyncio.gather(
            *(
                probe(endpoint.http, endpoint.catalogue, model=model, within=within)
                for endpoint in self.endpoints
            )
        )
        for endpoint, answer in zip(self.endpoints, answers, strict=True):
            endpoint.is_ready = answer.ready
        # The first that is ready, else the first: its reason is as good as another's.
        best = max(answers, key=lambda answer: answer.ready)
        return Readiness(
            ready=best.ready, reason=best.reason, models=best.models, endpoints=self.health()
        )

    async def aclose(self) -> None:
        """Ends every stream and connection."""
        for endpoint in self.endpoints:
            await endpoint.aclose()
