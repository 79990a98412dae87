"""What gateways and recognisers take while a level runs, as far as anybody here can see it.

Of a stack on this machine the processes themselves are looked at; of any other what the gateway's
administrative listener says at `/metrics` of its own process, where its address is given.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final, Protocol, Self

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families

from ops.load.judged import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

EVERY_S: Final = 1.0
_ASK_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What processes have taken since they began; None where nobody says.

    Attributes:
        cpu_s: CPU seconds.
        rss_bytes: Resident bytes now.
        ran_s: Seconds that their main threads, which are their event loops, ran.
        waited_s: Seconds that those were ready to run and had no processor.
    """

    cpu_s: float | None
    rss_bytes: int | None
    ran_s: float | None = None
    waited_s: float | None = None


class Source(Protocol):
    """Something that has processes of one kind."""

    async def read(self) -> Reading:
        """Return what they have taken, all together."""
        ...


@dataclass(frozen=True, slots=True)
class Processes:
    """Processes of this machine.

    Attributes:
        pids: Says which they are now: one that ended may have been started again.
    """

    pids: Callable[[], Sequence[int]]

    async def read(self) -> Reading:
        """Return what they have taken; one that is gone makes the whole unknown."""
        cpu, rss = 0.0, 0
        pids = self.pids()
        ran, waited = _scheduled(pids)
        try:
            for pid in pids:
                process = psutil.Process(pid)
                times = process.cpu_times()
                cpu += times.user + times.system
                rss += process.memory_info().rss
        except psutil.Error:
            return Reading(None, None)
        return Reading(cpu, rss, ran, waited) if pids else Reading(None, None)


def _scheduled(pids: Sequence[int]) -> tuple[float | None, float | None]:
    """Return for how long main threads ran and waited to run, as Linux counts; None elsewhere."""
    ran = waited = 0
    try:
        for pid in pids:
            fields = Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()
            ran, waited = ran + int(fields[0]), waited + int(fields[1])
    except (OSError, ValueError, IndexError):
        return None, None
    return ran / 1e9, waited / 1e9


@dataclass(frozen=True, slots=True)
class MetricsPages:
    """Gateways elsewhere, by the addresses of their `/metrics`."""

    urls: Sequence[str]

    async def read(self) -> Reading:
        """Return what the pages say; one that does not answer makes the whole unknown."""
        cpu, rss = 0.0, 0.0
        try:
            async with httpx.AsyncClient(timeout=_ASK_S, trust_env=False) as client:
                for url in self.urls:
                    page = (await client.get(url)).raise_for_status().text
                    found = _samples(page)
                    cpu += found["process_cpu_seconds_total"]
                    rss += found["process_resident_memory_bytes"]
        except (httpx.HTTPError, ValueError, KeyError):
            return Reading(None, None)
        return Reading(cpu, int(rss))


def _samples(page: str) -> Mapping[str, float]:
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if not sample.labels
    }


@dataclass(slots=True)
class Watch:
    """Looks at sources every second while a level runs, and keeps what it saw for a soak's verdict.

    Attributes:
        sources: By kind: `gateway`, `recogniser`.
        seen: By kind: moment in monotonic seconds, and reading.
    """

    sources: Mapping[str, Source]
    seen: dict[str, list[tuple[float, Reading]]] = field(default_factory=dict)
    _task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to look."""
        self._task = asyncio.create_task(self._look(), name="usage")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop looking."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _look(self) -> None:
        while True:
            for kind, source in self.sources.items():
                self.seen.setdefault(kind, []).append((monotonic(), await source.read()))
            await asyncio.sleep(EVERY_S)

    def usage(self, kind: str, since: float, until: float) -> Usage:
        """Return what a kind took between two moments."""
        rows = [row for row in self.seen.get(kind, []) if since <= row[0] <= until]
        known = [(at, one) for at, one in rows if one.cpu_s is not None]
        memory = [one.rss_bytes for _, one in rows if one.rss_bytes is not None]
        cores = None
        if len(known) > 1:
            (begun, first), (ended, last) = known[0], known[-1]
            if first.cpu_s is not None and last.cpu_s is not None and ended > begun:
                # A process that was started again counts from 0: then nothing can be said.
                cores = (last.cpu_s - first.cpu_s) / (ended - begun)
                cores = None if cores < 0 else cores
        return Usage(
            cpu_cores=cores,
            rss_bytes=max(memory, default=None),
            waited=_waited(one for _, one in rows),
        )


def _waited(readings: Iterable[Reading]) -> float | None:
    """Return seconds waited for each second run, between the first and the last reading."""
    known = [
        (one.ran_s, one.waited_s)
        for one in readings
        if one.ran_s is not None and one.waited_s is not None
    ]
    if not known:
        return None
    ran, waited = (last - first for first, last in zip(known[0], known[-1], strict=True))
    return waited / ran if ran > 0 and waited >= 0 else None
