"""The recogniser dies, stops, is full, or comes and goes."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from tests.chaos.report import Row, judged
from tests.chaos.scenarios.common import CROWD, CROWD_DEADLINE_S, SOME, roles, scene_at
from tests.chaos.speech import Manner
from tests.chaos.stage import Stage, endpoints, scenario

if TYPE_CHECKING:
    from tests.chaos.faultproxy import FaultProxy

OUTAGE_S = 10.0
PAUSE_S = 8.0
FLAPS = 20
FLAP_S = 0.5
LONG_TALKS = Manner(speed=1.0, meet_at=0.2)


@scenario(
    "recogniser-killed", "SIGKILL of a recogniser in the middle of speech, a second one is alive"
)
async def recogniser_killed(stage: Stage, title: str) -> Row:
    first, second = await stage.recognisers(2)
    gateway = await stage.gateway(endpoints(first, second))
    who = roles(CROWD, interims=False)
    scene = scene_at(gateway, [first, second], who, deadline_s=CROWD_DEADLINE_S)
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

    who = roles(CROWD, interims=False)
    scene = scene_at(gateway, [only], who, deadline_s=CROWD_DEADLINE_S)
    return judged(title, await scene.play(strike))


@scenario("recogniser-paused", f"SIGSTOP of the only recogniser, SIGCONT {PAUSE_S:g} s later")
async def recogniser_paused(stage: Stage, title: str) -> Row:
    (only,) = await stage.recognisers(1)
    gateway = await stage.gateway(endpoints(only))

    async def strike() -> None:
        only.signal(signal.SIGSTOP)
        await asyncio.sleep(PAUSE_S)
        only.signal(signal.SIGCONT)

    return judged(title, await scene_at(gateway, [only], roles(SOME)).play(strike))


@scenario("recogniser-stopped", "SIGSTOP of a recogniser for good, a second one is alive")
async def recogniser_stopped(stage: Stage, title: str) -> Row:
    first, second = await stage.recognisers(2)
    # As configured by default: these limits are how the silence is found.
    limits = {"RIVA_TIMEOUT_MS": "5000", "RIVA_FINAL_TIMEOUT_MS": "10000"}
    gateway = await stage.gateway(endpoints(first, second), **limits)

    async def strike() -> None:
        first.signal(signal.SIGSTOP)

    # Whether its streams end is not asked: it can say nothing.
    trial = await scene_at(gateway, [second], roles(SOME)).play(strike)
    await first.kill()
    return judged(title, trial)


@scenario("recogniser-full", "RESOURCE_EXHAUSTED on every stream, in its middle and when reopened")
async def recogniser_full(stage: Stage, title: str) -> Row:
    (only,) = await stage.recognisers(1)
    gateway = await stage.gateway(endpoints(only))
    refusal = {"do": "fail", "status": "RESOURCE_EXHAUSTED", "message": "no slot is free"}
    full = {
        "streams": [
            *([{"fault": {**refusal, "after": {"audio_seconds": 3.0}}}] * SOME),
            *([{"fault": refusal}] * SOME),
        ],
        "then": "listen",
    }

    async def prepare() -> None:
        await only.set_script(full)

    async def strike() -> None:
        """The script strikes."""

    trial = await scene_at(gateway, [only], roles(SOME)).play(strike, prepare=prepare)
    return judged(title, trial)


async def flap(proxy: FaultProxy) -> None:
    """Let an endpoint come and go."""
    for _ in range(FLAPS):
        await proxy.disable()
        await asyncio.sleep(FLAP_S)
        await proxy.enable()
        await asyncio.sleep(FLAP_S)


@scenario(
    "recogniser-flaps",
    f"One of two recognisers is cut off and back every {2 * FLAP_S:g} s for {FLAPS} s",
)
async def recogniser_flaps(stage: Stage, title: str) -> Row:
    first, second = await stage.recognisers(2)
    proxy = await stage.proxy(first.grpc_port)
    reached = f"127.0.0.1:{proxy.port}/{first.http_port},{second.endpoint}"
    gateway = await stage.gateway(reached)
    who = roles(SOME, manner=LONG_TALKS, names=("pauses",))

    async def strike() -> None:
        await flap(proxy)

    return judged(title, await scene_at(gateway, [first, second], who).play(strike))


@scenario(
    "only-recogniser-flaps",
    f"The only recogniser is cut off and back every {2 * FLAP_S:g} s for {FLAPS} s",
)
async def only_recogniser_flaps(stage: Stage, title: str) -> Row:
    (only,) = await stage.recognisers(1)
    proxy = await stage.proxy(only.grpc_port)
    gateway = await stage.gateway(f"127.0.0.1:{proxy.port}/{only.http_port}")
    who = roles(SOME, manner=LONG_TALKS, names=("pauses",))

    async def strike() -> None:
        await flap(proxy)

    return judged(title, await scene_at(gateway, [only], who).play(strike))
