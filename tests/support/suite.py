"""The command of a suite: which scenarios, where their logs stay, whether the page is written."""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from tests.support.report import PAGE, Report, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence


class Named(Protocol):
    """A scenario, as far as the command knows it."""

    @property
    def name(self) -> str:
        """For `--only`."""

    @property
    def title(self) -> str:
        """What happens in it."""


Scenario = TypeVar("Scenario", bound=Named)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite(Generic[Scenario, Row]):
    """Scenarios and what runs them.

    Attributes:
        name: `make NAME`, and `python -m tests.NAME` where no module is named.
        about: What the command is for.
        scenarios: By name, in the order of the table.
        run: Lets some of them happen in a folder.
        report: Their table.
        module: What `python -m` starts, where that is not `tests.NAME`.
    """

    name: str
    about: str | None
    scenarios: Mapping[str, Scenario]
    run: Callable[[list[Scenario], Path], Coroutine[None, None, list[Row]]]
    report: Report[Row]
    module: str | None = None

    def main(self, arguments: Sequence[str]) -> int:
        """Run what is asked for; 1 where a promise was broken, 2 for wrong arguments."""
        options = self._parse(arguments)
        if options.list:
            for scenario in self.scenarios.values():
                say(f"{scenario.name:<28}{scenario.title}")
            return 0
        chosen = [
            one
            for one in self.scenarios.values()
            if options.only is None or one.name in options.only
        ]
        with tempfile.TemporaryDirectory(prefix=f"perch-{self.name}-") as temporary:
            rows = asyncio.run(self.run(chosen, options.folder or Path(temporary)))
        say("")
        say(self.report.table(rows))
        if options.write:
            self._write(rows, whole=options.only is None)
        return 1 if any(row.broken for row in rows) else 0

    def _parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        parser = argparse.ArgumentParser(
            prog=f"python -m {self.module or f'tests.{self.name}'}", description=self.about
        )
        parser.add_argument(
            "--only", action="append", choices=sorted(self.scenarios), metavar="NAME"
        )
        parser.add_argument("--list", action="store_true", help="name the scenarios")
        parser.add_argument(
            "--write",
            action="store_true",
            help=f"put the table into {PAGE.name}; with --only, these rows",
        )
        parser.add_argument("--folder", type=Path, help="where logs are kept; else they go")
        return parser.parse_args(arguments)

    def _write(self, rows: Sequence[Row], *, whole: bool) -> None:
        now = datetime.now(UTC)
        if whole:
            command = f"make {self.name} ARGS=--write"
            text = self.report.section(rows, command=command, commit=commit(), now=now)
        else:
            text = self.report.renewed(self.report.written(), rows, commit=commit(), now=now)
        self.report.write(text)


def say(text: str) -> None:
    """Tell whoever runs it."""
    print(text, flush=True)  # noqa: T201 - the product


def commit() -> str:
    """What is checked out, with a mark where files were changed."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    return subprocess.run(
        command, cwd=PAGE.parents[1], capture_output=True, text=True, check=True
    ).stdout.strip()
