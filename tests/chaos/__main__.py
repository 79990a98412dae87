"""`python -m tests.chaos`: let everything break, and print what became of every word.

Exits with 1 where a promise was broken, with 2 for wrong arguments.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from tests.chaos import scenarios as _registered  # noqa: F401 - importing registers them
from tests.chaos.report import PAGE, Row, renewed, section, table, write, written
from tests.chaos.stage import SCENARIOS, Pool, Scenario, Stage

ROOT = PAGE.parents[1]


def say(text: str) -> None:
    """Tell whoever runs it."""
    print(text, flush=True)  # noqa: T201 - the product


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
        async with Stage(folder / scenario.name, pool) as stage:
            row = await scenario.play(stage, scenario.title)
    except Exception as error:  # noqa: BLE001 - the other scenarios still have something to say
        broken = (f"the scenario failed: {type(error).__name__}: {error}",)
        row = Row(title=scenario.title, sessions=0, broken=broken)
    return replace(row, seconds=time.monotonic() - begun)


def commit() -> str:
    """What is checked out, with a mark where files were changed."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


def main(arguments: list[str]) -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--only", action="append", choices=sorted(SCENARIOS), metavar="NAME")
    parser.add_argument("--list", action="store_true", help="name the scenarios")
    parser.add_argument(
        "--write",
        action="store_true",
        help=f"put the table into {PAGE.name}; with --only, these rows",
    )
    parser.add_argument("--folder", type=Path, help="where logs are kept; else they go")
    options = parser.parse_args(arguments)
    if options.list:
        for scenario in SCENARIOS.values():
            say(f"{scenario.name:<28}{scenario.title}")
        return 0
    chosen = [s for s in SCENARIOS.values() if options.only is None or s.name in options.only]
    with tempfile.TemporaryDirectory(prefix="perch-chaos-") as temporary:
        rows = asyncio.run(run(chosen, options.folder or Path(temporary)))
    say("")
    say(table(rows))
    if options.write and options.only:
        write(renewed(written(), rows, commit=commit(), now=datetime.now(UTC)))
    elif options.write:
        write(
            section(rows, command="make chaos ARGS=--write", commit=commit(), now=datetime.now(UTC))
        )
    return 1 if any(row.broken for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
