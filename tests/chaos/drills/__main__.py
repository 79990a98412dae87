"""`make drills`: rotate every certificate, authority, key and token while twenty people speak.

One gateway, which is never restarted. Exits with 1 where a promise was broken, with 2 for wrong
arguments.
"""

from __future__ import annotations

import sys
from time import monotonic
from typing import TYPE_CHECKING, Final

from tests.chaos.drills.crowd import speaking, undisturbed
from tests.chaos.drills.estate import estate
from tests.chaos.drills.report import REPORT, Row, judged
from tests.chaos.drills.rotations import DRILLS, Drill
from tests.support.suite import Suite, say

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chaos.clients import Heard
    from tests.chaos.drills.estate import Estate

STREAMS: Final = 20


async def run(chosen: list[Drill], folder: Path, *, streams: int = STREAMS) -> list[Row]:
    """Hold drills one after the other, before one gateway."""
    rows: list[Row] = []
    async with estate(folder) as stands:
        say("the gateway and its recognisers stand")
        whole = await undisturbed(stands)
        for one in chosen:
            row = await hold(one, stands, whole, streams)
            rows.append(row)
            say(
                f"{one.name}: {row.sessions} sessions, {row.dropped} dropped, {row.came_back} came "
                f"back, {row.difference.lost} words lost, {row.difference.twice} twice, "
                f"{row.seconds:.0f} s"
            )
            for sentence in row.broken:
                say(f"  BROKEN {sentence}")
    return rows


async def hold(drill: Drill, stands: Estate, whole: dict[str, Heard], streams: int) -> Row:
    """Hold one drill; what goes wrong with it is a broken promise of its row."""
    begun = monotonic()
    try:
        async with speaking(stands, whole, streams) as crowd:
            all_speak = monotonic()
            problems = await drill.rotate(stands, crowd)
            rotation_s = monotonic() - all_speak
            problems += await stands.problems()
    except Exception as error:  # noqa: BLE001 - the other drills still have something to say
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        said = " ".join(str(error).split())  # the page has a line for it
        broken = (f"the drill failed: {type(error).__name__}: {said}",)
        return Row(title=drill.title, streams=streams, broken=broken, seconds=monotonic() - begun)
    return judged(
        drill.title,
        crowd,
        problems,
        streams=streams,
        rotation_s=rotation_s,
        seconds=monotonic() - begun,
    )


SUITE = Suite(
    name="drills",
    about=__doc__,
    scenarios=DRILLS,
    run=run,
    report=REPORT,
    module="tests.chaos.drills",
)


if __name__ == "__main__":
    sys.exit(SUITE.main(sys.argv[1:]))
