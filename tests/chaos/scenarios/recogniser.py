"""The recogniser dies, stops, is full, or comes and goes."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.chaos.clients import perch, resuming
from tests.chaos.deployment import Deployment, endpoints, scenario
from tests.chaos.experiment import Role
from tests.chaos.report import Promise, Row, judged
from tests.chaos.scenarios.common import CROWD, CROWD_DEADLINE_S, SOME, roles, scene_at
from tests.chaos.speech import LIVE, LONGER, Pacing, recording

if TYPE_CHECKING:
    from tests.support.faults.proxy import FaultProxy

OUTAGE_S = 10.0
SHORT_LIMIT_S = 4
PAUSE_S = 8.0
FLAPS = 20
FLAP_S = 0.5
LOST_BY_ONE = Promise(signs={"recogniser_lost": 1})
LOST_BY_ALL = Promise(signs={"recogniser_lost": SOME})
PAUSE_BETWEEN_S = 12.0
QUIET_GAP_S = 4
LONG_TALKS = Pacing(speed=1.0, meet_at=0.2)


@scenario(
    "recogniser-killed", "SIGKILL of a recogniser in the middle of speech, a second one is alive"
)
async def recogniser_killed(deployment: Deployment, title: str, sessions: int = CROWD) -> Row:
    first, second = await deployment.recognisers(2)
    gateway = await deployment.gateway(endpoints(first, second))
    who = roles(sessions, interims=False)
    experiment = scene_at(gateway, [first, second], who, deadline_s=CROWD_DEADLINE_S)
    return judged(title, await experiment.play(first.kill), LOST_BY_ONE)


@scenario(
    "only-recogniser-killed",
    f"SIGKILL of the only recogniser; none is alive for {OUTAGE_S:g} s, then it is back",
)
async def only_recogniser_killed(deployment: Deployment, title: str) -> Row:
    (only,) = await deployment.recognisers(1)
    gateway = await deployment.gateway(endpoints(only))

    async def strike() -> None:
        await only.kill()
        await asyncio.sleep(OUTAGE_S)
        await only.start()

    who = roles(CROWD, interims=False)
    experiment = scene_at(gateway, [only], who, deadline_s=CROWD_DEADLINE_S)
    return judged(
        title, await experiment.play(strike), Promise(signs={"recogniser_lost": CROWD // 2})
    )


@scenario("recogniser-paused", f"SIGSTOP of the only recogniser, SIGCONT {PAUSE_S:g} s later")
async def recogniser_paused(deployment: Deployment, title: str) -> Row:
    (only,) = await deployment.recognisers(1)
    gateway = await deployment.gateway(endpoints(only))

    async def strike() -> None:
        only.signal(signal.SIGSTOP)
        await asyncio.sleep(PAUSE_S)
        only.signal(signal.SIGCONT)

    return judged(title, await scene_at(gateway, [only], roles(SOME)).play(strike))


@scenario("recogniser-stopped", "SIGSTOP of a recogniser for good, a second one is alive")
async def recogniser_stopped(deployment: Deployment, title: str) -> Row:
    first, second = await deployment.recognisers(2)
    # As configured by default: these limits are how the silence is found.
    limits = {"RIVA_TIMEOUT_MS": "5000", "RIVA_FINAL_TIMEOUT_MS": "10000"}
    gateway = await deployment.gateway(endpoints(first, second), limits)

    async def strike() -> None:
        first.signal(signal.SIGSTOP)

    # Whether its streams end is not asked: it can say nothing.
    trial = await scene_at(gateway, [second], roles(SOME)).play(strike)
    await first.kill()
    return judged(title, trial, LOST_BY_ONE)


@scenario("recogniser-full", "RESOURCE_EXHAUSTED on every stream, in its middle and when reopened")
async def recogniser_full(deployment: Deployment, title: str) -> Row:
    (only,) = await deployment.recognisers(1)
    gateway = await deployment.gateway(endpoints(only))
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
    return judged(title, trial, LOST_BY_ALL)


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
async def recogniser_flaps(deployment: Deployment, title: str) -> Row:
    first, second = await deployment.recognisers(2)
    proxy = await deployment.proxy(first.grpc_port)
    reached = f"127.0.0.1:{proxy.port}/{first.http_port},{second.endpoint}"
    gateway = await deployment.gateway(reached)
    who = roles(SOME, pacing=LONG_TALKS, names=("pauses",))

    async def strike() -> None:
        await flap(proxy)

    return judged(title, await scene_at(gateway, [first, second], who).play(strike), LOST_BY_ONE)


@scenario(
    "only-recogniser-flaps",
    f"The only recogniser is cut off and back every {2 * FLAP_S:g} s for {FLAPS} s",
)
async def only_recogniser_flaps(deployment: Deployment, title: str) -> Row:
    (only,) = await deployment.recognisers(1)
    proxy = await deployment.proxy(only.grpc_port)
    # No sentence can be heard in half a second, so all of it is one outage.
    reached = f"127.0.0.1:{proxy.port}/{only.http_port}"
    gateway = await deployment.gateway(reached, {"RIVA_OUTAGE_LIMIT_S": "60"})
    who = roles(SOME, pacing=LONG_TALKS, names=("pauses",))

    async def strike() -> None:
        await flap(proxy)

    return judged(title, await scene_at(gateway, [only], who).play(strike), LOST_BY_ALL)


@scenario(
    "recogniser-gone",
    f"SIGKILL of the only recogniser, for longer than the gateway waits ({SHORT_LIMIT_S} s); "
    "clients do not resume",
)
async def recogniser_gone(deployment: Deployment, title: str) -> Row:
    (only,) = await deployment.recognisers(1)
    gateway = await deployment.gateway(endpoints(only), {"RIVA_OUTAGE_LIMIT_S": str(SHORT_LIMIT_S)})
    promise = Promise(errors={"asr_overloaded": SOME}, told=True)
    # The first of two sentences is final by then, and stays so.
    who = roles(SOME, pacing=Pacing(speed=1.0, meet_at=0.6), names=LONGER)
    return judged(title, await scene_at(gateway, [only], who).play(only.kill), promise)


@scenario(
    "recogniser-gone-and-back",
    f"The same, and it is back after {OUTAGE_S:g} s; clients resume",
)
async def recogniser_gone_and_back(deployment: Deployment, title: str) -> Row:
    (only,) = await deployment.recognisers(1)
    gateway = await deployment.gateway(endpoints(only), {"RIVA_OUTAGE_LIMIT_S": str(SHORT_LIMIT_S)})

    async def strike() -> None:
        await only.kill()
        await asyncio.sleep(OUTAGE_S)
        await only.start()

    who = roles(SOME, client="resuming", session=resuming)
    promise = Promise(signs={"reconnected": SOME})
    return judged(title, await scene_at(gateway, [only], who).play(strike), promise)


@scenario(
    "recogniser-without-finals",
    f"The recogniser gives interims and no final, with {PAUSE_BETWEEN_S:g} s between two sentences",
)
async def recogniser_without_finals(deployment: Deployment, title: str) -> Row:
    (only,) = await deployment.recognisers(1)
    gateway = await deployment.gateway(endpoints(only), {"RIVA_QUIET_GAP_S": str(QUIET_GAP_S)})
    first, second = recording("fast_gb_m"), recording("fast_us_f")
    what = first.before(second, PAUSE_BETWEEN_S)
    who = [Role(client="perch", session=perch, what=what, pacing=LIVE) for _ in range(SOME)]

    async def prepare() -> None:
        await only.set_script({"streams": [{"finals": "at_half_close"}], "then": "last"})

    async def strike() -> None:
        """The script strikes."""

    trial = await scene_at(gateway, [only], who).play(strike, prepare=prepare)
    row = judged(title, trial)
    late = sum(1 for heard in trial.heard if len(heard.finals) < len(trial.undisturbed[0].finals))
    problems = (f"{late} sessions had no final before their end",) if late else ()
    return replace(row, broken=(*row.broken, *problems))
