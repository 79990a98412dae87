"""The kill switch, under running sessions."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.chaos.clients import OLD_A, OLD_B, old
from tests.chaos.deployment import Deployment, endpoints, scenario
from tests.chaos.report import Promise, Row, judged
from tests.chaos.scenarios.common import SOME, cut_short, roles, same_words, scene_at
from tests.chaos.speech import LIVE, LONGER

if TYPE_CHECKING:
    from pathlib import Path


def switch(folder: Path) -> Path:
    """A file that says that recognition is on."""
    file = folder / "recognition"
    file.write_text("on\n", encoding="ascii")
    return file


@scenario(
    "switched-off", "Recognition is switched off, and on again; old clients of dialects A and B"
)
async def switched_off(deployment: Deployment, title: str) -> Row:
    (only,) = await deployment.recognisers(1)
    file = switch(deployment.folder)
    gateway = await deployment.gateway(endpoints(only), {"APP_RECOGNITION_FILE": str(file)})
    who = [
        role
        for client, dialect in (("old A", OLD_A), ("old B", OLD_B))
        for role in roles(SOME // 2, client=client, session=old(dialect), pacing=LIVE, names=LONGER)
    ]

    async def strike() -> None:
        file.write_text("off\n", encoding="ascii")

    experiment = scene_at(gateway, [only], who)
    trial = await experiment.play(strike)
    whole = list(trial.undisturbed)
    file.write_text("on\n", encoding="ascii")
    await gateway.ready()
    problems = await cut_short(experiment, trial, "recognition_off")
    problems += same_words(whole, (await experiment.run_undisturbed())[0])
    remark = "Each gets the finals of all it had sent"
    row = judged(title, trial, Promise(errors={"recognition_off": SOME}), remark)
    return replace(row, broken=(*row.broken, *problems))


@scenario("switched-to-fallback", "Recognition is sent to the fallback, and back 3 s later")
async def switched_to_fallback(deployment: Deployment, title: str) -> Row:
    first, second = await deployment.recognisers(2)
    file = switch(deployment.folder)
    gateway = await deployment.gateway(
        endpoints(first),
        {"RIVA_FALLBACK_ENDPOINTS": endpoints(second), "APP_RECOGNITION_FILE": str(file)},
    )

    async def strike() -> None:
        file.write_text("fallback\n", encoding="ascii")
        await asyncio.sleep(3.0)
        file.write_text("on\n", encoding="ascii")

    who = roles(SOME, pacing=LIVE, names=LONGER)
    trial = await scene_at(gateway, [first, second], who).play(strike)
    return judged(title, trial, Promise(signs={"recognition_moved": SOME}))
