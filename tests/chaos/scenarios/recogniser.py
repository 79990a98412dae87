"""The recogniser dies, stops or is full."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.chaos.report import Row, judged
from tests.chaos.scene import Role, Scene
from tests.chaos.speech import chorus
from tests.chaos.stage import Stage, endpoints, scenario
from tests.chaos.talking import Place, perch

if TYPE_CHECKING:
    from tests.chaos.processes import Gateway

CROWD = 50
SOME = 6
OUTAGE_S = 10.0
DEADLINE_S = 240.0


def roles(count: int, *, interims: bool) -> list[Role]:
    """So many Perch clients without resume: the gateway alone has to cope."""
    return [
        Role(client="perch", session=perch, what=what, interims=interims) for what in chorus(count)
    ]


def at(gateway: Gateway) -> Place:
    """The gateway itself."""
    return Place(url=f"ws://127.0.0.1:{gateway.port}")


@scenario(
    "recogniser-killed", "SIGKILL of a recogniser in the middle of speech, a second one is alive"
)
async def recogniser_killed(stage: Stage, title: str) -> Row:
    first, second = await stage.recognisers(2)
    gateway = await stage.gateway(endpoints(first, second))
    scene = Scene(
        place=at(gateway),
        roles=roles(CROWD, interims=False),
        gateways=[gateway],
        recognisers=[first, second],
        deadline_s=DEADLINE_S,
    )
    return judged(title, await scene.play(first.kill))


@scenario(
    "only-recogniser-killed",
    f"SIGKILL of the only recogniser; none is alive for {OUTAGE_S:g} s, then it is back",
)
async def only_recogniser_killed(stage: Stage, title: str) -> Row:
    (only,) = await stage.recognisers(1)
    gateway = await stage.gateway(endpoints(only))

    async def strike() -> None:
        await only.kill()
        await asyncio.sleep(OUTAGE_S)
        await only.start()

    scene = Scene(
        place=at(gateway),
        roles=roles(CROWD, interims=False),
        gateways=[gateway],
        recognisers=[only],
        deadline_s=DEADLINE_S,
    )
    return judged(title, await scene.play(strike))
