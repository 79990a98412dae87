"""The network between gateway and recogniser, and between client and gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING

from tests.chaos.clients import resuming
from tests.chaos.deployment import Deployment, endpoints, scenario
from tests.chaos.report import WHOLE, Promise, Row, judged
from tests.chaos.scenarios.common import SOME, at_port, roles, scene_at
from tests.chaos.speech import FAST, LIVE, LONGER, Pacing
from tests.support.faults.toxics import (
    Bandwidth,
    Latency,
    LimitData,
    ResetPeer,
    Slicer,
    SlowClose,
    Stream,
    Timeout,
    Toxic,
)

if TYPE_CHECKING:
    from tests.chaos.experiment import Role
    from tests.support.faults.proxy import FaultProxy

BOTH: tuple[Stream, Stream] = ("up", "down")
HINDRANCES: dict[str, tuple[str, Toxic]] = {
    "latency": ("0.3 s of latency, 0.2 s of jitter", Latency(latency=0.3, jitter=0.2)),
    "bandwidth": ("100 kB/s", Bandwidth(rate=100_000)),
    "slicer": ("pieces of 200 bytes", Slicer(average_size=200, size_variation=100, delay=0.0002)),
    "slow-close": ("ends that come 2 s late", SlowClose(delay=2.0)),
}
"""What makes everything slower and breaks nothing."""
RESETS: tuple[str, Toxic] = ("connections are reset", ResetPeer())
SWALLOWS: tuple[str, Toxic] = (
    "nothing comes through for 4 s, then connections are closed",
    Timeout(timeout=4),
)
RIVA_BREAKS: dict[str, tuple[str, Toxic]] = {
    "reset": RESETS,
    "timeout": SWALLOWS,
    # All sessions share it; what they say in one sentence is less, all they say is more.
    "limit": ("every connection is closed after 1.7 MB", LimitData(limit=1_700_000)),
}
CLIENT_BREAKS: dict[str, tuple[str, Toxic]] = {
    "reset": RESETS,
    "timeout": SWALLOWS,
    # A sentence is shorter, two are longer.
    "limit": ("every connection is closed after 300 kB", LimitData(limit=300_000)),
}
"""What breaks connections; the toxic is removed after `BROKEN_S`."""
TOO_LITTLE = LimitData(limit=60_000)
BROKEN_S = 5.0


async def infect(proxy: FaultProxy, toxic: Toxic, seconds: float | None) -> None:
    """Put a toxic on both directions, for some time or for good."""
    for stream in BOTH:
        proxy.add(stream, toxic, stream)
    if seconds is not None:
        await asyncio.sleep(seconds)
        for stream in BOTH:
            proxy.remove(stream)


async def towards_riva(
    deployment: Deployment, title: str, toxic: Toxic, seconds: float | None
) -> Row:
    """A toxic between gateway and recogniser."""
    (only,) = await deployment.recognisers(1)
    proxy = await deployment.proxy(only.grpc_port)
    gateway = await deployment.gateway(f"127.0.0.1:{proxy.port}/{only.http_port}")

    async def strike() -> None:
        await infect(proxy, toxic, seconds)

    who = roles(SOME, pacing=manner_under(toxic), names=LONGER)
    promise = Promise(signs={"recogniser_lost": SOME} if seconds else {})
    return judged(title, await scene_at(gateway, [only], who).play(strike), promise)


def manner_under(toxic: Toxic) -> Pacing:
    """As fast as it is taken, but where a connection takes only so much.

    Spoken live, a sentence is final before the next one is cut off; sent at once, all of it is cut
    off again and again.
    """
    return LIVE if isinstance(toxic, LimitData) else FAST


async def towards_clients(
    deployment: Deployment, title: str, toxic: Toxic, seconds: float | None
) -> Row:
    """A toxic between clients that do not resume and their gateway."""
    return await before_the_gateway(deployment, title, toxic, seconds, who=roles(SOME))


async def towards_resuming_clients(
    deployment: Deployment, title: str, toxic: Toxic, seconds: float | None
) -> Row:
    """A toxic between clients that resume and their gateway."""
    pacing = manner_under(toxic)
    who = roles(SOME, client="resuming", session=resuming, pacing=pacing, names=LONGER)
    promise = Promise(signs={"reconnected": SOME})
    return await before_the_gateway(deployment, title, toxic, seconds, who=who, promise=promise)


async def before_the_gateway(
    deployment: Deployment,
    title: str,
    toxic: Toxic,
    seconds: float | None,
    *,
    who: list[Role],
    promise: Promise = WHOLE,
) -> Row:
    """A toxic between clients and gateway."""
    (only,) = await deployment.recognisers(1)
    gateway = await deployment.gateway(endpoints(only))
    proxy = await deployment.proxy(gateway.port)

    async def strike() -> None:
        await infect(proxy, toxic, seconds)

    experiment = scene_at(gateway, [only], who, place=at_port(proxy.port))
    return judged(title, await experiment.play(strike), promise)


Play = Callable[[Deployment, str, Toxic, float | None], Coroutine[None, None, Row]]


def _register(
    way: str, where: str, play: Play, toxics: dict[str, tuple[str, Toxic]], seconds: float | None
) -> None:
    for name, (words, toxic) in toxics.items():

        async def run(deployment: Deployment, title: str, toxic: Toxic = toxic) -> Row:
            return await play(deployment, title, toxic, seconds)

        scenario(f"{way}-{name}", f"Between {where}: {words}")(run)


_register("riva", "gateway and Riva", towards_riva, HINDRANCES, None)
_register("riva", "gateway and Riva", towards_riva, RIVA_BREAKS, BROKEN_S)
_register("client", "client and gateway", towards_clients, HINDRANCES, None)
_register("client", "client and gateway", towards_resuming_clients, CLIENT_BREAKS, BROKEN_S)


@scenario(
    "client-limit-for-good",
    "Between client and gateway: every connection is closed after 60 kB, less than a sentence",
)
async def client_limit_for_good(deployment: Deployment, title: str) -> Row:
    who = roles(SOME, client="resuming", session=resuming)
    promise = Promise(errors={"ConnectionLostError": SOME}, told=True)
    return await before_the_gateway(deployment, title, TOO_LITTLE, None, who=who, promise=promise)
