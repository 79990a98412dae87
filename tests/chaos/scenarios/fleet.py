"""Gateways and the listener before them die, restart and are replaced."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.chaos.clients import OLD_A, OLD_B, old, resuming
from tests.chaos.deployment import Deployment, endpoints, scenario
from tests.chaos.experiment import Experiment, Role
from tests.chaos.report import Promise, Row, judged
from tests.chaos.scenarios.common import CROWD, CROWD_DEADLINE_S, SOME, cut_short, roles
from tests.chaos.speech import LONGER, Pacing
from tests.support.frontdoor import FrontDoor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tests.support.processes import Recogniser

UNHURRIED_TALK = Pacing(speed=0.25, meet_at=0.2)
"""Slow enough for two cores that recognise fifty people, and for both gateways to be replaced
while everybody speaks."""
MOVED = Promise(signs={"reconnected": 1})
ROLLED = Promise(possible=frozenset({"going_away"}), signs={"reconnected": CROWD // 2})
KEYS = {"APP_RESUME_KEYS": "chaos-suite-key-of-all-gateways-0001"}  # pragma: allowlist secret


@asynccontextmanager
async def two_gateways(deployment: Deployment, recogniser: Recogniser) -> AsyncIterator[FrontDoor]:
    """Blue and green with the same resume keys, behind the local load balancer."""
    settings = {"APP_DRAIN_GRACE_S": "1", "APP_DRAIN_TIMEOUT_S": "30", **KEYS}
    blue, green = [
        await deployment.gateway(endpoints(recogniser), settings, name=name)
        for name in ("blue", "green")
    ]
    async with FrontDoor(deployment.folder, blue, green) as door:
        yield door


def before(door: FrontDoor, recogniser: Recogniser, who: Sequence[Role]) -> Experiment:
    """Clients of the load balancer."""
    return Experiment(
        place=door.place,
        roles=who,
        gateways=list(door.gateways.values()),
        recognisers=[recogniser],
        deadline_s=CROWD_DEADLINE_S,
    )


@scenario("gateway-killed", "SIGKILL of one of two gateways behind the local load balancer")
async def gateway_killed(deployment: Deployment, title: str) -> Row:
    (only,) = await deployment.recognisers(1)
    async with two_gateways(deployment, only) as door:
        who = roles(SOME, client="resuming", session=resuming)
        return judged(title, await before(door, only, who).play(door.gateways["blue"].kill), MOVED)


@scenario("listener-killed", "SIGKILL of the load balancer; another one is there 2 s later")
async def listener_killed(deployment: Deployment, title: str) -> Row:
    (only,) = await deployment.recognisers(1)
    async with two_gateways(deployment, only) as door:

        async def strike() -> None:
            await door.listener.kill()
            await asyncio.sleep(2.0)
            await door.open()

        who = roles(SOME, client="resuming", session=resuming)
        promise = Promise(signs={"reconnected": SOME})
        return judged(title, await before(door, only, who).play(strike), promise)


def passengers() -> list[Role]:
    """Half of them resume, the others have never heard of it."""
    half = CROWD // 2
    kinds = [
        ("resuming", resuming, half),
        ("old A", old(OLD_A), half // 2 + half % 2),
        ("old B", old(OLD_B), half // 2),
    ]
    return [
        role
        for client, session, count in kinds
        for role in roles(
            count,
            client=client,
            session=session,
            pacing=UNHURRIED_TALK,
            interims=False,
            names=LONGER,
        )
    ]


async def replace_one(door: FrontDoor, colour: str, other: str) -> None:
    """Replace a gateway as the runbook does: weight away, SIGTERM, a new one, weight back.

    Raises:
        AssertionError: It did not end as it should.
    """
    gateway = door.gateways[colour]
    await door.weigh(**{colour: 0, other: 100})
    if not (await gateway.metrics())["perch_sessions_active"]:
        raise AssertionError(f"{colour} has no session any more that its end could hurt")
    status = await gateway.terminate()
    if status != 0:
        raise AssertionError(f"{colour} ended with {status} after SIGTERM: {gateway.lines[-3:]}")
    await gateway.launch()
    await door.reaches(colour)
    await door.weigh(**{colour: 50, other: 50})


@scenario(
    "rolling-replacement",
    "Rolling replacement of both gateways through the local load balancer: half of the clients "
    "resume, half are old ones of dialects A and B",
)
async def rolling_replacement(deployment: Deployment, title: str) -> Row:
    (only,) = await deployment.recognisers(1)
    async with two_gateways(deployment, only) as door:
        experiment = before(door, only, passengers())

        async def strike() -> None:
            await replace_one(door, "blue", "green")
            await replace_one(door, "green", "blue")

        trial = await experiment.play(strike)
        problems = await cut_short(experiment, trial, "going_away")
    sent_away = trial.errors()["going_away"]
    moved = sum(heard.resumed for heard in trial.heard)
    remark = f"{sent_away} old clients were sent away with every final; {moved} moves by resume"
    row = judged(title, trial, ROLLED, remark)
    return replace(row, broken=(*row.broken, *problems))
