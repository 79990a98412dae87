"""Probes the recogniser's readiness in the background, and keeps the answer for a moment."""

import asyncio
from time import monotonic
from typing import Final, Protocol

from app.asr import Readiness
from app.gateway.telemetry.logs import get_logger

_FRESH_INTERVALS: Final = 3
"""An answer older than so many intervals has expired."""

_MIN_RECHECK_S: Final = 0.5
"""Starts probe again at most so often: many starts must not become many probes."""

_COULD_NOT_ASK: Final = "the recogniser could not be asked"

_log = get_logger(__name__)


class ReadinessSource(Protocol):
    """What is probed."""

    async def ready(self) -> Readiness:
        """Return the readiness, within a deadline of its own."""


class ReadinessProbe:
    """Probes the recogniser every interval.

    Args:
        asr: The recogniser.
        interval_s: Seconds between two probes.
    """

    def __init__(self, asr: ReadinessSource, interval_s: float) -> None:
        self._asr = asr
        self._interval_s = interval_s
        self._answer: Readiness | None = None
        self._answered_at = 0.0
        self._asking = asyncio.Lock()

    @property
    def unready_reason(self) -> str | None:
        """Why the recogniser cannot be used as far as is known; None when it can."""
        if self._answer is None:
            return "the recogniser was not asked yet"
        if monotonic() - self._answered_at > _FRESH_INTERVALS * max(
            self._interval_s, _MIN_RECHECK_S
        ):
            return "the recogniser's last answer is too old"
        return None if self._answer.ready else self._answer.reason

    async def run(self) -> None:
        """Probe for ever."""
        while True:
            await self.refresh()
            await asyncio.sleep(self._interval_s)

    async def confirm(self) -> bool:
        """Return whether a session can start, probing again where the last answer says no."""
        if self.unready_reason is None:
            return True
        async with self._asking:
            if monotonic() - self._answered_at > _MIN_RECHECK_S:
                await self._refresh()
        return self.unready_reason is None

    async def refresh(self) -> None:
        """Probe once."""
        async with self._asking:
            await self._refresh()

    async def _refresh(self) -> None:
        before = self._answer
        try:
            self._answer = await self._asr.ready()
        except Exception:  # noqa: BLE001 - a fault of ours; the next question is asked all the same
            _log.exception(_COULD_NOT_ASK)
            self._answer = Readiness(ready=False, reason=_COULD_NOT_ASK, models=())
        self._answered_at = monotonic()
        if before is None or before.ready != self._answer.ready:
            _log.info("recogniser readiness", ready=self._answer.ready, reason=self._answer.reason)
