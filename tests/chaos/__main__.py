"""`python -m tests.chaos`: let everything break, and print what became of every word.

Exits with 1 where a promise was broken, with 2 for wrong arguments.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.chaos import scenarios as _registered  # noqa: F401 - importing registers them
from tests.chaos.deployment import SCENARIOS, Deployment, Pool, Scenario
from tests.chaos.report import REPORT, Row
from tests.support.suite import Suite, say

if TYPE_CHECKING:
    from pathlib import Path


async def run(chosen: list[Scenario], folder: Path) -> list[Row]:
    """Let scenarios happen one after the other."""
    pool = Pool(folder)
    rows: list[Row] = []
    try:
        for scenario in chosen:
            row = await play(scenario, folder, pool)
            rows.append(row)
            say(
                f"{scenario.name}: {row.sessions} sessions, {row.difference.lost} words lost, "
                f"{row.difference.twice} twice, gap {row.gap_s or 0:.1f} s, {row.seconds:.0f} s"
            )
            for sentence in row.broken:
                say(f"  BROKEN {sentence}")
    finally:
        await pool.close()
    return rows


async def play(scenario: Scenario, folder: Path, pool: Pool) -> Row:
    """Let one scenario happen; what goes wrong with it is a broken promise of its row."""
    begun = time.monotonic()
    try:
        async with Deployment(folder / scenario.name, pool) as deployment:
            row = await scenario.play(deployment, scenario.title)
    except Exception as error:  # noqa: BLE001 - the other scenarios still have something to say
        broken = (f"the scenario failed: {type(error).__name__}: {error}",)
        row = Row(title=scenario.title, sessions=0, broken=broken)
    return replace(row, seconds=time.monotonic() - begun)


SUITE = Suite(name="chaos", about=__doc__, scenarios=SCENARIOS, run=run, report=REPORT)


if __name__ == "__main__":
    sys.exit(SUITE.main(sys.argv[1:]))
