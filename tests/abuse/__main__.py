"""`make abuse`: let one client try to take the service away, and look at what the others notice.

Exits with 1 where a promise was broken, with 2 for wrong arguments.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.abuse.observations import Row
from tests.abuse.report import REPORT
from tests.abuse.rig import Rig
from tests.abuse.rows import SCENARIOS, Scenario
from tests.support.suite import Suite, say

if TYPE_CHECKING:
    from pathlib import Path


async def run(chosen: list[Scenario], folder: Path) -> list[Row]:
    """Let attacks happen one after the other."""
    rows: list[Row] = []
    async with Rig(folder) as rig:
        for scenario in chosen:
            row = await play(scenario, rig)
            rows.append(row)
            say(f"{scenario.name}, {row.seconds:.0f} s")
            say(f"  {REPORT.line(row)}")
            for sentence in row.broken:
                say(f"  BROKEN {sentence}")
    return rows


async def play(scenario: Scenario, rig: Rig) -> Row:
    """Let one attack happen; what goes wrong with it is a broken promise of its row."""
    begun = time.monotonic()
    try:
        row = await scenario.play(rig, scenario.title)
    except Exception as error:  # noqa: BLE001 - the other attacks still have something to say
        broken = (f"the attack could not be run: {type(error).__name__}: {error}",)
        row = Row(title=scenario.title, broken=broken)
    return replace(row, seconds=time.monotonic() - begun)


SUITE = Suite(name="abuse", about=__doc__, scenarios=SCENARIOS, run=run, report=REPORT)


if __name__ == "__main__":
    sys.exit(SUITE.main(sys.argv[1:]))
