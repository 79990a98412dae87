"""One attack's run: a gateway with a neighbour and newcomers on it, alone and then attacked."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import TYPE_CHECKING, Final, Self

import psutil

from tests.abuse.attacks.tally import Tally
from tests.abuse.observations import (
    Holdings,
    Limits,
    Observations,
    Row,
    Span,
    Trial,
    broken_promises,
)
from tests.support.frontdoor import FrontDoor
from tests.support.processes import Gateway, Program, free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ALONE_S: Final = 4.0
"""Twenty pings."""
SETTLE_S: Final = 2.0
LOOK_S: Final = 0.1
FILES: Final = 2048
"""Descriptors that the gateway may have: fewer than the connections of the first attack."""
MIB: Final = 2**20
WITH_LIMIT: Final = ("sh", "-c", f'ulimit -n {FILES} && exec "$@"', "sh")
POLITE: Final = ("nice", "-n", "19")
"""The attack yields the two cores to what it attacks: it is on another machine, in life."""
LESS_POLITE: Final = ("nice", "-n", "5")
"""The recogniser is on a GPU, in life."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackedGateway:
    """Where an attack happens, for what else is promised of it.

    Attributes:
        gateway: That was attacked.
        told: By the attacker.
        streams: Counts the recogniser's open streams.
    """

    gateway: Gateway
    told: Tally
    streams: Callable[[], Awaitable[int]]


Check = Callable[[AttackedGateway], Awaitable[list[str]]]
"""Says what does not hold, as soon as the attacker has left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """An attack and what is promised of it.

    Attributes:
        attack: Its name.
        limits: What the gateway may hold.
        front: Whether everybody goes through the local load balancer.
        seconds: How long it lasts at most.
        settings: More of the gateway's environment.
        check: What else is promised.
    """

    attack: str
    limits: Limits
    front: bool = False
    seconds: float = 6.0
    settings: Mapping[str, str] = field(default_factory=dict)
    check: Check | None = None

    @property
    def name(self) -> str:
        """For messages and `--only`."""
        return self.attack + ("-front" if self.front else "")


class Rig:
    """Where attacks happen.

    Args:
        folder: Where programs work.
        alone_s: How long the neighbour is measured before each attack.
        settle_s: From the attacker's leaving to the count of what is left.
    """

    def __init__(
        self, folder: Path, *, alone_s: float = ALONE_S, settle_s: float = SETTLE_S
    ) -> None:
        self.folder = folder
        self.alone_s = alone_s
        self.settle_s = settle_s
        port = free_port()
        self.riva = {"RIVA_ENDPOINTS": f"127.0.0.1:{port}", "RIVA_HTTP_PORT": "0"}
        self._recogniser = Program(
            "recogniser",
            ("tests.abuse.recogniser", "--port", str(port)),
            folder,
            prefix=LESS_POLITE,
        )

    async def __aenter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        await self._recogniser.launch()
        await self._recogniser.wait_for("ready")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._recogniser.kill()

    async def open_streams(self) -> int:
        """Streams that the recogniser serves now."""
        since = len(self._recogniser.lines)
        self._recogniser.signal(signal.SIGUSR1)
        await self._recogniser.wait_for_line("streams", since=since)
        return int(str(self._recogniser.said["open"]))

    async def attacked(self, title: str, attack: Attack) -> Row:
        """Run one attack against a fresh gateway."""
        async with self._attack_prepared(attack) as (gateway, witness, attacker, watched):
            trial, told = await self._measured(attacker, watched)
            broken: list[str] = []
            if attack.check is not None:
                attacked_gateway = AttackedGateway(
                    gateway=gateway, told=told, streams=self.open_streams
                )
                broken = await attack.check(attacked_gateway)
            trial = await self._left(trial, witness, watched)
        return judged(title, told, trial, attack.limits, broken)

    @asynccontextmanager
    async def _attack_prepared(
        self, attack: Attack
    ) -> AsyncIterator[tuple[Gateway, Program, Program, list[int]]]:
        """A gateway with the others on it, an attacker that waits, and whose memory counts."""
        name, values = attack.name, {**self.riva, **attack.settings}
        if attack.front:
            values["APP_TRUSTED_PROXIES"] = "127.0.0.1/32"
        gateway = Gateway(f"gateway-{name}", self.folder, values, prefix=WITH_LIMIT)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(gateway)
            await gateway.launch()
            where: tuple[str, ...] = ("--port", str(gateway.port))
            door: FrontDoor | None = None
            if attack.front:
                folder = self.folder / name
                folder.mkdir()
                await gateway.ready()
                door = await stack.enter_async_context(FrontDoor(folder, gateway, gateway))
                where = ("--port", str(door.port), "--ca", str(door.ca_file))
            attacker = Program(
                f"attack-{name}",
                ("tests.abuse.attacks", attack.attack, *where, "--seconds", str(attack.seconds)),
                self.folder,
                prefix=POLITE,
            )
            witness = Program(f"witness-{name}", ("tests.abuse.witness", *where), self.folder)
            for program in (attacker, witness):
                await stack.enter_async_context(program)
            await attacker.launch()
            await gateway.ready()
            await witness.launch()
            await witness.wait_for("started")
            await attacker.wait_for("prepared")
            watched = [gateway.pid, *([] if door is None else [door.listener.pid])]
            yield gateway, witness, attacker, watched

    async def _measured(self, attacker: Program, watched: list[int]) -> tuple[Trial, Tally]:
        alone_since = monotonic()
        await asyncio.sleep(self.alone_s)
        before = holdings(watched)
        alone = Span(begin=alone_since, end=monotonic())
        async with _looking(watched) as seen:
            attacker.signal(signal.SIGUSR1)
            await attacker.wait_for("done")
        said = attacker.said
        tally = said["tally"]
        if not isinstance(tally, dict):
            raise TypeError(f"the attack said {tally!r}; accepted: a tally")
        trial = Trial(
            alone=alone,
            under=Span(begin=float(str(said["begun"])), end=float(str(said["ended"]))),
            observations=Observations(pings=(), visits=()),
            before=before,
            most=peak([before, *seen]),
            after=before,
        )
        return trial, Tally(**tally)

    async def _left(self, trial: Trial, witness: Program, watched: list[int]) -> Trial:
        """What is there when the attacker has been away for a moment, and what the others saw."""
        async with _looking(watched) as seen:
            await asyncio.sleep(self.settle_s)
        after = holdings(watched)
        await witness.terminate()
        observations = Observations.parse(witness.said)
        return replace(
            trial, observations=observations, most=peak([trial.most, *seen]), after=after
        )


def holdings(watched: list[int]) -> Holdings:
    """What some processes hold: memory together, descriptors the one that has the most."""
    processes = [psutil.Process(pid) for pid in watched]
    return Holdings(
        memory_mib=sum(process.memory_info().rss for process in processes) / MIB,
        files=max(process.num_fds() for process in processes),
    )


def peak(seen: list[Holdings]) -> Holdings:
    """The most of each."""
    return Holdings(
        memory_mib=max(one.memory_mib for one in seen), files=max(one.files for one in seen)
    )


@asynccontextmanager
async def _looking(watched: list[int]) -> AsyncIterator[list[Holdings]]:
    """Note what is held again and again."""
    seen: list[Holdings] = []

    async def look() -> None:
        while True:
            seen.append(holdings(watched))
            await asyncio.sleep(LOOK_S)

    looking = asyncio.create_task(look())
    try:
        yield seen
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


def judged(title: str, told: Tally, trial: Trial, limits: Limits, further: list[str]) -> Row:
    """Hold a trial against what is promised."""
    rate = told.sent / (trial.under.end - trial.under.begin) / 1000
    answered = ", ".join(
        f"{count:,} {what}" for what, count in sorted(told.outcomes.items(), key=lambda o: -o[1])
    )
    return Row(
        title=title,
        did=f"{told.did}; {rate:,.0f} kB/s",
        answered=answered,
        trial=trial,
        limits=limits,
        broken=(*broken_promises(trial, limits), *further),
    )
