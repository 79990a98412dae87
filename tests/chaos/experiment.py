"""One scenario's run: the same speech undisturbed and disturbed, and what is left afterwards."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

import psutil

from tests.chaos.clients import Heard, Session
from tests.chaos.speech import FAST, Barrier, Pacing, Recording
from tests.chaos.word_difference import Difference, compare
from tests.support.processes import POLL_S, Gateway, Place, Recogniser

if TYPE_CHECKING:
    from collections.abc import Sequence

Strike = Callable[[], Coroutine[None, None, None]]
SETTLE_S = 20.0
"""How long what a scenario started may take to go away by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One client's part in a scenario.

    Attributes:
        client: Kind of client, for the report.
        session: Runs it.
        what: What it says.
        pacing: How.
        interims: Whether it asks for interims; they cost as much CPU as finals do.
    """

    client: str
    session: Session
    what: Recording
    pacing: Pacing = FAST
    interims: bool = True


@dataclass(frozen=True, slots=True)
class Traces:
    """What a gateway holds.

    Attributes:
        tasks: Of its event loop.
        files: Descriptors, without connections to recognisers, which are kept in a pool.
        sessions: That it counts as running, connections included.
    """

    tasks: int = 0
    files: int = 0
    sessions: int = 0

    def beyond(self, before: Traces) -> Traces:
        """What is there more than before."""
        return Traces(
            max(0, self.tasks - before.tasks),
            max(0, self.files - before.files),
            self.sessions,
        )

    def __add__(self, other: Traces) -> Traces:
        return Traces(
            self.tasks + other.tasks, self.files + other.files, self.sessions + other.sessions
        )


async def traces(gateway: Gateway, recognisers: Sequence[Recogniser]) -> Traces:
    """What a gateway holds now."""
    numbers = await gateway.metrics()
    pooled = {recogniser.grpc_port for recogniser in recognisers}
    pooled |= {recogniser.http_port for recogniser in recognisers}
    process = psutil.Process(gateway.pid)
    far = (getattr(link.raddr, "port", None) for link in process.net_connections())
    kept = len([port for port in far if port in pooled])
    return Traces(
        int(numbers["perch_event_loop_tasks"]),
        gateway.open_files() - kept,
        int(numbers["perch_sessions_active"] + numbers["perch_connections_active"]),
    )


@dataclass(slots=True, kw_only=True)
class Trial:
    """What came of a scenario.

    Attributes:
        undisturbed: The same sessions before anything broke.
        undisturbed_gap: Longest wait of any of these for its next result, from the middle on.
        heard: The sessions that were disturbed, in the same order.
        struck_at: When it began to break.
        left: What the gateways hold more than before.
        streams: Streams that recognisers still have open.
    """

    undisturbed: list[Heard] = field(default_factory=list)
    undisturbed_gap: float = 0.0
    heard: list[Heard] = field(default_factory=list)
    struck_at: float = 0.0
    left: Traces = field(default_factory=Traces)
    streams: int = 0

    def pairs(self) -> list[tuple[Heard, Heard]]:
        """Every session undisturbed and disturbed."""
        return list(zip(self.undisturbed, self.heard, strict=True))

    def total(self) -> Difference:
        """Of all sessions."""
        return sum((self.difference(one, other) for one, other in self.pairs()), Difference())

    @staticmethod
    def difference(whole: Heard, heard: Heard) -> Difference:
        """Of one session, in what the gateway took of it where it was ended."""
        if heard.lost is None:
            return compare(whole.text, heard.text)
        return compare(whole.text_until(heard.lost[1]), heard.text)

    def errors(self) -> Counter[str]:
        """How many sessions ended with which code."""
        return Counter(heard.error for heard in self.heard if heard.error is not None)

    def longest_gap(self) -> float:
        """Longest wait of any client for its next result, from the moment it began to break."""
        return max((heard.longest_gap(self.struck_at) for heard in self.heard), default=0.0)


@dataclass(slots=True, kw_only=True)
class Experiment:
    """Who takes part.

    Attributes:
        place: Where clients connect.
        roles: The clients.
        gateways: Looked at for what they leave; those that do not run any more hold nothing.
        recognisers: The same for their streams.
        deadline_s: From the moment it breaks to the end of every session.
    """

    place: Place
    roles: Sequence[Role]
    gateways: Sequence[Gateway]
    recognisers: Sequence[Recogniser]
    deadline_s: float

    async def play(
        self,
        strike: Strike,
        *,
        prepare: Strike | None = None,
        hold: bool = False,
        place: Place | None = None,
    ) -> Trial:
        """Run the sessions undisturbed, then again and strike when all are in their middle.

        Args:
            strike: What breaks, and is mended where it is; runs while the sessions go on.
            prepare: Runs between the two.
            hold: Whether the speakers say nothing until the strike is over.
            place: Where the undisturbed sessions connect, if not at the same place.

        Raises:
            AssertionError: A session failed although nothing was broken.
        """
        trial = Trial()
        trial.undisturbed, met_at = await self.run_undisturbed(place)
        trial.undisturbed_gap = max(one.longest_gap(met_at) for one in trial.undisturbed)
        await self.settle({})
        before = {
            gateway.name: await traces(gateway, self.recognisers) for gateway in self.gateways
        }
        if prepare is not None:
            await prepare()
        trial.heard, trial.struck_at = await self._run(strike, self.place, hold=hold)
        trial.left, trial.streams = await self.settle(before)
        return trial

    async def run_undisturbed(self, place: Place | None = None) -> tuple[list[Heard], float]:
        """Run every session with nothing broken; return what was heard, and when all met.

        Raises:
            AssertionError: A session failed although nothing was broken.
        """
        heard, met_at = await self._run(nothing, place or self.place)
        for one in heard:
            if one.error is not None or one.hung:
                raise AssertionError(f"undisturbed, {one.client} ended with {one.error}: {one}")
        return heard, met_at

    async def _run(
        self, strike: Strike, place: Place, *, hold: bool = False
    ) -> tuple[list[Heard], float]:
        """Run every session; return what was heard, and when all were in their middle."""
        barrier = Barrier(len(self.roles))
        heard = [
            Heard(client=role.client, what=role.what, interims=role.interims) for role in self.roles
        ]
        sessions = {
            asyncio.create_task(self._session(role, place, one, barrier))
            for role, one in zip(self.roles, heard, strict=True)
        }
        try:
            async with asyncio.timeout(self.deadline_s):
                await barrier.all_here()
            began = monotonic()
            async with asyncio.timeout(self.deadline_s), asyncio.TaskGroup() as tasks:
                striking = tasks.create_task(strike())
                if hold:
                    await striking
                # What breaks has begun to, when the speakers go on.
                await asyncio.sleep(0)
                barrier.end()
            await asyncio.wait(sessions, timeout=max(0.0, began + self.deadline_s - monotonic()))
        finally:
            for session in sessions:
                session.cancel()
            results = await asyncio.gather(*sessions, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result
        return heard, began

    @staticmethod
    async def _session(role: Role, place: Place, heard: Heard, barrier: Barrier) -> None:
        party = barrier.party()
        heard.hung = True
        try:
            await role.session(place, heard, role.pacing, party)
            heard.hung = False
        finally:
            heard.ended_at = heard.ended_at or monotonic()
            party.take()

    async def settle(self, before: dict[str, Traces]) -> tuple[Traces, int]:
        """Wait until nothing is left, or for as long as anything may take; return what is."""
        ends = monotonic() + SETTLE_S
        while True:
            left = Traces()
            for gateway in self.gateways:
                if gateway.runs:
                    now = await traces(gateway, self.recognisers)
                    left += now.beyond(before.get(gateway.name, now))
            streams = sum([await r.open_streams() for r in self.recognisers if r.runs])
            if (left == Traces() and not streams) or monotonic() > ends:
                return left, streams
            await asyncio.sleep(POLL_S)


async def nothing() -> None:
    """No strike."""
