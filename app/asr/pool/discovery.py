"""Find the endpoints of a pool: those that are named one by one, and those behind names of DNS.

A task looks each name up again all the time, and sooner when no endpoint answers. An address that
comes up is an endpoint; one that is gone gets no new calls, its streams move at their next final,
and its connections are closed once nobody uses them. A name that does not resolve keeps the
addresses it had.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from app.asr.errors import client_closed, from_status

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.asr.addresses import Address
    from app.asr.pool.endpoint import Endpoint
    from app.asr.pool.resolver import Resolver

# Each endpoint costs connections and a label in the metrics: a name with more addresses than this
# is no name of recognisers.
MOST_ADDRESSES = 64
# A name is not looked up more often than this, however much fails: a cache answers for longer.
LEAST_PAUSE_S = 1.0
# Ending the task takes no I/O but giving up a lookup.
_STOPPING_S = 5.0

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class DnsGroup:
    """The endpoints behind one entry of the settings.

    Attributes:
        name: of the entry, for logs and metrics.
        address: the entry.
        make: builds the endpoint of that name at that host.
        members: by address.
        leaving: those whose address is gone while somebody uses them.
        numbers: which address last had which number.
    """

    name: str
    address: Address
    make: Callable[[str, str], Endpoint]
    members: dict[str, Endpoint] = field(default_factory=dict)
    leaving: dict[str, Endpoint] = field(default_factory=dict)
    numbers: dict[int, str] = field(default_factory=dict)

    def take(self, hosts: Sequence[str]) -> tuple[list[Endpoint], list[Endpoint]]:
        """Make these the addresses; return the endpoints that joined and those that left."""
        left = [host for host in self.members if host not in hosts]
        for host in left:
            self.leaving[host] = self.members.pop(host)
        joined = [host for host in hosts if host not in self.members]
        for host in joined:
            back = self.leaving.pop(host, None)
            self.members[host] = back or self.make(self._name_for(host), host)
        return [self.members[host] for host in joined], [self.leaving[host] for host in left]

    def _name_for(self, host: str) -> str:
        """Return its old number if it is free, else the lowest that is."""
        used = {*self.members, *self.leaving}
        free = [number for number, last in self.numbers.items() if last not in used]
        mine = [number for number in free if self.numbers[number] == host]
        number = (mine or sorted(free) or [len(self.numbers) + 1])[0]
        self.numbers[number] = host
        return f"{self.name}-{number}"

    def unused(self) -> list[Endpoint]:
        """Remove and return those that left and that nobody uses any more."""
        hosts = [host for host, endpoint in self.leaving.items() if not endpoint.is_used]
        return [self.leaving.pop(host) for host in hosts]


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupRules:
    """How names are looked up.

    Attributes:
        resolver: looks names up.
        every_s: seconds between two lookups.
        within_s: deadline of one, in seconds.
    """

    resolver: Resolver
    every_s: float
    within_s: float


class EndpointDiscovery:
    """The endpoints of one pool.

    Args:
        fixed: endpoints that stay.
        groups: endpoints by name; each is empty before the first lookup.
        lookups: how names are looked up.
    """

    def __init__(
        self, fixed: Sequence[Endpoint], groups: Sequence[DnsGroup], lookups: LookupRules
    ) -> None:
        self._fixed = tuple(fixed)
        self._groups = tuple(groups)
        self._lookups = lookups
        self.endpoints = self._fixed
        self.on_joined: Callable[[Endpoint], None] = _nothing
        self.on_left: Callable[[Endpoint], None] = _nothing
        self._task: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self._looked = asyncio.Event()
        self._closed = False

    async def known(self) -> tuple[Endpoint, ...]:
        """Return the endpoints; look names up first where that was not done or found nothing.

        Raises:
            AsrError: UNAVAILABLE, there is none: no name resolves.
        """
        if self._groups:
            self._begin()
            if not self.endpoints:
                self.hurry()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._lookups.within_s):
                    await self._looked.wait()
        if self._closed:
            raise client_closed()
        if not self.endpoints:
            raise from_status("UNAVAILABLE", "no endpoint's name resolves", doing="look up")
        return self.endpoints

    def hurry(self) -> None:
        """Look names up soon: the endpoints behind them do not answer."""
        if self._groups and not self._hurry.is_set():
            self._hurry.set()
            if not self.endpoints:
                self._looked.clear()

    def _begin(self) -> None:
        if self._task is None and not self._closed:
            self._task = asyncio.create_task(self._keep_looking(), name="asr-lookups")
        elif self._task is not None and self._task.done() and not self._closed:
            self._task.result()  # it ends by itself only where a resolver broke its promise

    async def _keep_looking(self) -> None:
        try:
            while True:
                self._hurry.clear()
                await self._close_unused()
                await asyncio.gather(*map(self._look_up, self._groups))
                self._looked.set()
                await asyncio.sleep(LEAST_PAUSE_S)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._lookups.every_s - LEAST_PAUSE_S):
                        await self._hurry.wait()
        finally:
            self._looked.set()

    async def _look_up(self, group: DnsGroup) -> None:
        address = group.address
        try:
            async with asyncio.timeout(self._lookups.within_s):
                found = await self._lookups.resolver.addresses(address.host, address.port)
        except OSError as error:
            _log.warning(
                "asr_lookup_failed",
                endpoints=group.name,
                kept=len(group.members),
                detail=f"{type(error).__name__}: {error}",
            )
            return
        if not found or len(found) > MOST_ADDRESSES:
            _log.warning("asr_lookup_odd", endpoints=group.name, found=len(found))
        if found:
            self._take(group, sorted(found)[:MOST_ADDRESSES])

    def _take(self, group: DnsGroup, hosts: Sequence[str]) -> None:
        joined, left = group.take(hosts)
        if not (joined or left):
            return
        members = [endpoint for one in self._groups for endpoint in one.members.values()]
        self.endpoints = (*self._fixed, *members)
        for endpoint in left:
            endpoint.is_leaving = True
            self.on_left(endpoint)
        for endpoint in joined:
            endpoint.is_leaving = False
            self.on_joined(endpoint)
        _log.info(
            "asr_endpoints_changed",
            endpoints=group.name,
            joined=[endpoint.name for endpoint in joined],
            left=[endpoint.name for endpoint in left],
        )

    async def _close_unused(self) -> None:
        await _close([endpoint for group in self._groups for endpoint in group.unused()])

    async def aclose(self) -> None:
        """End the lookups, every stream and every connection."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,), timeout=_STOPPING_S)
            if self._task.done() and not self._task.cancelled() and self._task.exception():
                _log.error("asr_lookups_broke", detail=repr(self._task.exception()))
        leaving = [endpoint for group in self._groups for endpoint in group.leaving.values()]
        await _close([*self.endpoints, *leaving])


async def _close(endpoints: Sequence[Endpoint]) -> None:
    """Close them at the same time; report and leave one that does not end."""
    tasks = [
        asyncio.create_task(endpoint.aclose(), name=f"asr-close-{endpoint.name}")
        for endpoint in endpoints
    ]
    if not tasks:
        return
    done, stuck = await asyncio.wait(tasks, timeout=_STOPPING_S)
    for task in stuck:
        task.cancel()
        _log.error("asr_task_stuck", task=task.get_name(), waited_s=_STOPPING_S)
    for task in done:
        task.result()


def _nothing(_: Endpoint) -> None:
    """Do nothing: for endpoints that no pool watches."""
