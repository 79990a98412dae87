"""`make gameday`: an evening of good and bad releases with people speaking, and what it cost them.

Exits with 1 where a promise was broken, with 2 for wrong arguments.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import TYPE_CHECKING

from tests.chaos.gameday.acts import ACTS, Act
from tests.chaos.gameday.audience import speaking, undisturbed
from tests.chaos.gameday.evening import stack
from tests.chaos.gameday.report import REPORT, Row, judged
from tests.support.suite import Suite, say

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chaos.clients import Heard
    from tests.chaos.gameday.evening import Evening

ACT_S = 900.0


async def run(chosen: list[Act], folder: Path) -> list[Row]:
    """Let acts happen one after the other, on one stack."""
    rows: list[Row] = []
    async with stack(folder) as evening:
        say("the stack is up")
        whole = await undisturbed(evening.entrance)
        for act in chosen:
            row = await play(act, evening, whole)
            rows.append(row)
            say(
                f"{act.name}: {row.release.partition(':')[0]}, {row.sessions} sessions, "
                f"{row.affected} affected, {row.difference.lost} words lost, "
                f"{row.difference.twice} twice, {row.seconds:.0f} s"
            )
            for sentence in row.broken:
                say(f"  BROKEN {sentence}")
    (folder / "gameday.json").write_text(
        json.dumps([row.public() for row in rows], indent=2) + "\n", encoding="utf-8"
    )
    return rows


async def play(act: Act, evening: Evening, whole: dict[str, Heard]) -> Row:
    """Let one act happen; what goes wrong with it is a broken promise of its row."""
    begun = time.monotonic()
    try:
        async with asyncio.timeout(ACT_S), speaking(evening.entrance, whole) as audience:
            outcome = await act.play(evening)
    except Exception as error:  # noqa: BLE001 - the other acts still have something to say
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        said = " ".join(str(error).split())  # the page has a line for it
        broken = (f"the act failed: {type(error).__name__}: {said}",)
        return Row(title=act.title, broken=broken, seconds=time.monotonic() - begun)
    return judged(act, outcome, audience, time.monotonic() - begun)


SUITE = Suite(
    name="gameday",
    about=__doc__,
    scenarios=ACTS,
    run=run,
    report=REPORT,
    module="tests.chaos.gameday",
)


if __name__ == "__main__":
    sys.exit(SUITE.main(sys.argv[1:]))
