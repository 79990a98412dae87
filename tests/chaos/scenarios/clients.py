"""Clients that fall silent, do not read, or speak to a recogniser that never comes to an end."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from websockets.asyncio.client import connect as open_websocket
from websockets.exceptions import ConnectionClosed

from tests.chaos.deployment import Deployment, endpoints, scenario
from tests.chaos.report import Row, judged
from tests.chaos.scenarios.common import SOME, at, roles, scene_at
from tests.chaos.speech import LONGER, PAUSE_S, Pacing, recording
from tests.support.processes import POLL_S

if TYPE_CHECKING:
    from tests.chaos.speech import Recording
    from tests.support.processes import Gateway

SILENCE_S = 60.0
QUIET_S = 65.0
"""A NIM forgets a stream without audio after 60 s."""
SEND_TIMEOUT_S = 2
FLOOD = {"at": 0.0, "text": "a result that nobody reads " * 4000}
FLOOD_RESULTS = 300
"""30 MB: more than the buffers of both sockets."""


@scenario("silence", f"{SILENCE_S:g} s of silence in the middle of the speech")
async def silence(deployment: Deployment, title: str) -> Row:
    (only,) = await deployment.recognisers(1)
    gateway = await deployment.gateway(endpoints(only))
    speech = roles(SOME)
    silent = [
        replace(role, what=role.what.silent_for(SILENCE_S, role.what.seconds)) for role in speech
    ]
    # Silence belongs between sentences: the same speech once more follows it.
    who = [
        replace(role, what=role.what.before(spoken.what, 0.0))
        for role, spoken in zip(silent, speech, strict=True)
    ]

    async def strike() -> None:
        """The silence is in the recording."""

    return judged(title, await scene_at(gateway, [only], who).play(strike))


@scenario("nothing-sent", f"Clients send nothing for {QUIET_S:g} s between two sentences")
async def nothing_sent(deployment: Deployment, title: str) -> Row:
    (only,) = await deployment.recognisers(1)
    gateway = await deployment.gateway(endpoints(only))

    async def strike() -> None:
        await asyncio.sleep(QUIET_S)

    who = [
        replace(role, pacing=Pacing(meet_at=after_the_first_sentence(role.what)))
        for role in roles(SOME, names=LONGER)
    ]
    return judged(title, await scene_at(gateway, [only], who).play(strike, hold=True))


def after_the_first_sentence(what: Recording) -> float:
    """The share of a recording made of two fixtures at which the pause between them is halfway."""
    first, _, _ = what.name.partition("+")
    return (recording(first).seconds + PAUSE_S / 2) / what.seconds


@scenario("slow-reader", "One client reads nothing, the others do")
async def slow_reader(deployment: Deployment, title: str) -> Row:
    (only,) = await deployment.recognisers(1)
    gateway = await deployment.gateway(endpoints(only), {"WS_SEND_TIMEOUT_S": str(SEND_TIMEOUT_S)})
    ended: list[asyncio.Task[tuple[str | None, int | None]]] = []

    async def prepare() -> None:
        flood = {"streams": [{"results": [FLOOD] * FLOOD_RESULTS}], "then": "listen"}
        await only.set_script(flood)
        ended.append(asyncio.create_task(lazy(gateway)))
        while not await only.open_streams():  # noqa: ASYNC110 - another process, no event
            await asyncio.sleep(POLL_S)

    async def strike() -> None:
        await asyncio.wait(ended)

    trial = await scene_at(gateway, [only], roles(SOME)).play(strike, prepare=prepare)
    row = judged(title, trial)
    code, close_code = await ended[0]
    told = "and told so" if code else "and not told, since it read nothing to the end"
    remark = f"It was closed with {close_code}, {told}"
    problems = [] if close_code in {1006, 1008} else [f"the slow reader ended with {close_code}"]
    return replace(
        row,
        sessions=row.sessions + 1,
        errors={**row.errors, "slow_reader": 1},
        remark=remark,
        broken=(*row.broken, *problems),
    )


async def lazy(gateway: Gateway) -> tuple[str | None, int | None]:
    """Speak and read nothing until long after the gateway has had enough.

    Returns:
        The error code read at last, and the close code.
    """
    async with open_websocket(at(gateway).url + "/ws", compression=None, max_queue=1) as socket:
        await socket.send(json.dumps({"type": "start_transcription"}))
        await socket.send(bytes(3200))
        await asyncio.sleep(3.0 * SEND_TIMEOUT_S)
        code = None
        try:
            async for text in socket:
                message = json.loads(text)
                if message["type"] == "error":
                    code = message["code"]
        except ConnectionClosed:
            pass
        return code, socket.close_code
