"""Gateways and the listener before them die, restart and are replaced."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.chaos.frontdoor import FrontDoor
from tests.chaos.report import Row, judged
from tests.chaos.scenarios.common import CROWD_DEADLINE_S, SOME, roles
from tests.chaos.scene import Scene
from tests.chaos.stage import Stage, endpoints, scenario
from tests.chaos.talking import resuming

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tests.chaos.processes import Recogniser
    from tests.chaos.scene import Role

KEYS = {"APP_RESUME_KEYS": "chaos-suite-key-of-all-gateways-0001"}  # pragma: allowlist secret


@asynccontextmanager
async def two_gateways(stage: Stage, recogniser: Recogniser) -> AsyncIterator[FrontDoor]:
    """Blue and green with the same resume keys, behind the local load balancer."""
    settings = {"APP_DRAIN_GRACE_S": "1", "APP_DRAIN_TIMEOUT_S": "30", **KEYS}
    blue, green = [
        await stage.gateway(endpoints(recogniser), name=name, **settings)
        for name in ("blue", "green")
    ]
    async with FrontDoor(stage.folder, blue, green) as door:
        yield door


def before(door: FrontDoor, recogniser: Recogniser, who: Sequence[Role]) -> Scene:
    """Clients of the load balancer."""
    return Scene(
        place=door.place,
        roles=who,
        gateways=list(door.gateways.values()),
        recognisers=[recogniser],
        deadline_s=CROWD_DEADLINE_S,
    )


@scenario("gateway-killed", "SIGKILL of one of two gateways behind the local load balancer")
async def gateway_killed(stage: Stage, title: str) -> Row:
    (only,) = await stage.recognisers(1)
    async with two_gateways(stage, only) as door:
        who = roles(SOME, client="resuming", session=resuming)
        return judged(title, await before(door, only, who).play(door.gateways["blue"].kill))


@scenario("listener-killed", "SIGKILL of the load balancer; another one is there 2 s later")
async def listener_killed(stage: Stage, title: str) -> Row:
    (only,) = await stage.recognisers(1)
    async with two_gateways(stage, only) as door:

        async def strike() -> None:
            await door.listener.kill()
            await asyncio.sleep(2.0)
            await door.open()

        who = roles(SOME, client="resuming", session=resuming)
        return judged(title, await before(door, only, who).play(strike))
