"""One recogniser: the transport to it, and what is known of it."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import structlog

from app.asr.errors import AsrError, ErrorCode
from app.asr.events import Readiness
from app.asr.pool.capacity import Capacity
from app.asr.pool.handshake import tls_problem
from app.asr.pool.http_probe import HttpProbe
from app.asr.pool.models import ModelCatalogue, fitting, unavailable

if TYPE_CHECKING:
    from app.asr.settings import RivaSettings
    from app.asr.wire.credentials import Credentials
    from app.asr.wire.transport import Transport

# Seconds for which an endpoint that a probe found unready is avoided: there may be no further
# probe, and then only calls can show that it is well. As long as a first ejection.
UNREADY_S = 30.0
_UNREACHABLE: Final = frozenset({ErrorCode.TLS_FAILED, ErrorCode.UNAVAILABLE})

_log = structlog.get_logger(__name__)


class Endpoint:
    """One recogniser and what is known of it.

    Args:
        name: for logs and metrics; holds no address.
        settings: with this recogniser's host and ports.
        transport: to it.
        credentials: what this side proves itself with.
        authority: the name it goes by in requests, where that is not its host.
    """

    def __init__(
        self,
        name: str,
        settings: RivaSettings,
        transport: Transport,
        credentials: Credentials,
        authority: str | None = None,
    ) -> None:
        self.name = name
        self.transport = transport
        self.catalogue = ModelCatalogue(transport, timeout=settings.timeout_ms / 1000.0)
        self.http = HttpProbe(settings, credentials, authority)
        self._settings = settings
        self._authority = authority
        self._tls_problem: str | None = None
        self.capacity = Capacity(settings.endpoint_streams or None)
        self.calls = 0  # under way: streams being opened, and everything short
        self.opening = 0  # streams among them
        self.streams = 0  # that are open
        self.working = 0  # among them those that gave a result
        self.last_used = 0
        self.is_leaving = False  # its address is gone
        self.is_ready: bool | None = None  # by its last probe; None before the first
        self._probed_at = 0.0

    @property
    def is_used(self) -> bool:
        """Whether a call to it is under way."""
        return self.calls > 0 or self.streams > 0

    async def probe(self, *, model: str, within: float) -> Readiness:
        """Probe by HTTP and list the models at once, within that many seconds.

        A port that accepts connections proves nothing, and an HTTP probe alone may be answered by
        something else on the machine: NVIDIA's own deployment notes want the list of models too.
        """
        self.calls += 1
        try:
            found = await self._probe(model, within)
        finally:
            self.calls -= 1
        self.is_ready, self._probed_at = found.ready, time.monotonic()
        return found

    async def _probe(self, model: str, within: float) -> Readiness:
        ends = time.monotonic() + within
        try:
            async with asyncio.timeout(within):
                refusal, listed = await asyncio.gather(
                    self.http.reason(), self.catalogue.refresh(), return_exceptions=True
                )
        except TimeoutError:
            reason = f"the recogniser did not answer within {within:g} s"
            return Readiness(ready=False, reason=reason)
        if isinstance(listed, AsrError):
            return Readiness(ready=False, reason=await self._reason(listed, ends))
        self._tls_problem = None
        if isinstance(listed, BaseException):
            raise listed
        if isinstance(refusal, BaseException):
            raise refusal
        if refusal is None and not listed:
            refusal = "the recogniser lists no model"
        elif refusal is None and not fitting(listed, model, streaming=True):
            refusal = unavailable(model, listed, streaming=True).message
        return Readiness(ready=refusal is None, reason=refusal, models=listed)

    async def _reason(self, error: AsrError, ends: float) -> str:
        """Return why its models cannot be listed; where TLS is why, say so in the log too, once.

        Args:
            error: what listing them ended with.
            ends: monotonic moment until which may be asked.
        """
        problem = None
        if error.code in _UNREACHABLE:
            with suppress(TimeoutError):
                async with asyncio.timeout(ends - time.monotonic()):
                    problem = await tls_problem(self._settings, self._authority)
        if problem is not None and problem != self._tls_problem:
            _log.error("asr_tls_failed", endpoint=self.name, reason=problem, detail=error.detail)
        self._tls_problem = problem
        return problem or error.message

    def is_unready(self, now: float) -> bool:
        """Return whether a probe found it unready lately."""
        return self.is_ready is False and now - self._probed_at < UNREADY_S

    def is_full(self, now: float) -> bool:
        """Return whether it is known to take no further stream."""
        slots = self.capacity.streams(now)
        return slots is not None and self.streams + self.opening >= slots

    async def aclose(self) -> None:
        """End every call and connection."""
        await self.http.aclose()
        await self.transport.aclose()
