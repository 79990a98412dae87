"""Probes the recognisers' readiness in the background, and keeps the answers for a moment.

Each group of recognisers is probed by itself: one that is slow makes no other look slow.
"""

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import Final, Protocol

from app.asr import DEFAULT_GROUP, Readiness
from app.gateway.telemetry.logs import get_logger

_FRESH_INTERVALS: Final = 3
"""An answer older than so many intervals has expired."""

_MIN_RECHECK_S: Final = 0.5
"""Starts probe again at most so often: many starts must not become many probes."""

_COULD_NOT_ASK: Final = "the recogniser could not be asked"

_log = get_logger(__name__)


class ReadinessSource(Protocol):
    """What is probed."""

    async def ready(self, group: str) -> Readiness:
        """Return the readiness of a group, within a deadline of its own."""


class ReadinessProbe:
    """Probes a group of recognisers every interval.

    Args:
        asr: The recognisers.
        interval_s: Seconds between two probes.
        group: Which.
    """

    def __init__(self, asr: ReadinessSource, interval_s: float, group: str = DEFAULT_GROUP) -> None:
        self._asr = asr
        self._group = group
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
            self._answer = await self._asr.ready(self._group)
        except Exception:  # noqa: BLE001 - a fault of ours; the next question is asked all the same
            _log.exception(_COULD_NOT_ASK)
            self._answer = Readiness(ready=False, reason=_COULD_NOT_ASK, models=())
        self._answered_at = monotonic()
        if before is None or before.ready != self._answer.ready:
            _log.info(
                "recogniser readiness",
                group=self._group,
                ready=self._answer.ready,
                reason=self._answer.reason,
            )


class RecognisersReadiness:
    """The readiness of every group of recognisers.

    The gateway is as ready as its default group: another one away takes the sessions of its own
    languages away, and no other machine would have it either.

    Args:
        asr: The recognisers.
        interval_s: Seconds between two probes of a group.
        groups: Their names.
    """

    def __init__(self, asr: ReadinessSource, interval_s: float, groups: Sequence[str]) -> None:
        self.probes: Final = {group: ReadinessProbe(asr, interval_s, group) for group in groups}

    @property
    def unready_reason(self) -> str | None:
        """Why the default group cannot be used as far as is known; None when it can."""
        return self.reason_of(DEFAULT_GROUP)

    def reason_of(self, group: str) -> str | None:
        """Return why a group cannot be used as far as is known; None when it can."""
        return self.probes[group].unready_reason

    async def run(self) -> None:
        """Probe for ever."""
        async with asyncio.TaskGroup() as tasks:
            for probe in self.probes.values():
                tasks.create_task(probe.run())

    async def confirm(self, group: str) -> bool:
        """Return whether a session of a group can start, as `ReadinessProbe.confirm`."""
        return await self.probes[group].confirm()

    async def refresh(self) -> None:
        """Probe each group once."""
        await asyncio.gather(*(probe.refresh() for probe in self.probes.values()))
