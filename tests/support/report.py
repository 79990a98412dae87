"""A run's table in a page: a row a scenario, where it comes from, and what was not kept."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
KEPT: Final = "every promise was kept"
BROKEN: Final = "see below"
MENDED: Final = "promises were broken in rows that were run again"
NOT_KEPT: Final = "Not kept:"


class Line(Protocol):
    """What every suite's row has."""

    @property
    def title(self) -> str:
        """What happens in it."""

    @property
    def broken(self) -> tuple[str, ...]:
        """Promises that were not kept, as sentences."""

    @property
    def seconds(self) -> float:
        """How long it took."""


Row = TypeVar("Row", bound=Line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Generic[Row]):
    """A suite's table, and its place in the page.

    Attributes:
        name: Of the suite: its markers carry it.
        columns: Of the table; the first is the title.
        cells: Says what stands in a row's.
    """

    name: str
    columns: tuple[str, ...]
    cells: Callable[[Row], tuple[str, ...]]

    @property
    def begin(self) -> str:
        """The marker before the section."""
        return f"<!-- {self.name}:begin -->"

    @property
    def end(self) -> str:
        """The marker after it."""
        return f"<!-- {self.name}:end -->"

    def table(self, rows: Sequence[Row]) -> str:
        """The rows in Markdown."""
        lines = ["| " + " | ".join(self.columns) + " |", "|" + "---|" * len(self.columns)]
        lines += [self.line(row) for row in rows]
        return "\n".join(lines)

    def line(self, row: Row) -> str:
        """One row in Markdown."""
        return "| " + " | ".join(self.cells(row)) + " |"

    def section(self, rows: Sequence[Row], *, command: str, commit: str, now: datetime) -> str:
        """What stands between the markers of the page."""
        memory = psutil.virtual_memory().total / 2**30
        cores = os.cpu_count()
        minutes = sum(row.seconds for row in rows) / 60
        promises = KEPT if not any(row.broken for row in rows) else BROKEN
        origin = (
            f"Written by `{command}` on {now:%Y-%m-%d} at commit `{commit}`, on {cores} cores "
            f"({platform.machine()}, {memory:.0f} GiB), in {minutes:.0f} minutes; {promises}."
        )
        return "\n\n".join([origin, self.table(rows), *_not_kept(_complaints(rows))])

    def renewed(self, old: str, rows: Sequence[Row], *, commit: str, now: datetime) -> str:
        """The same section with some rows run again, and a word about which.

        Args:
            old: As `section` or this function made it.
            rows: The new ones.
            commit: At which they were run.
            now: When.

        Raises:
            ValueError: The section has no row of that title: the whole suite has to be run.
        """
        lines, titles = old.strip().splitlines(), tuple(row.title for row in rows)
        for row in rows:
            # One title may begin with another one.
            starts = (f"| {row.title}. ", f"| {row.title} |")
            places = [n for n, line in enumerate(lines) if line.startswith(starts)]
            if len(places) != 1:
                raise ValueError(
                    f"the table has no row {row.title!r}; run the suite without --only"
                )
            lines[places[0]] = self.line(row)
        complaints = [
            line
            for line in lines
            if line.startswith("* ") and not line.startswith(tuple(f"* {t}:" for t in titles))
        ]
        complaints += _complaints(rows)
        kept = [line for line in lines if not line.startswith("* ") and line != NOT_KEPT]
        first = next(n for n, line in enumerate(kept) if line.startswith("| "))
        origin = "\n".join(kept[:first]).strip()
        # What was broken at that commit stays told, and what is now breaks the whole.
        for said in (KEPT, MENDED) if complaints else (BROKEN,):
            origin = origin.replace(said, BROKEN if complaints else MENDED)
        again = f"Run again on {now:%Y-%m-%d} at commit `{commit}`: {'; '.join(titles)}."
        body = "\n".join(kept[first:]).strip()
        return "\n\n".join([origin, again, body, *_not_kept(complaints)])

    def written(self, page: Path = PAGE) -> str:
        """The section that stands between the markers of the page.

        Raises:
            ValueError: The page has no markers.
        """
        _, begin, rest = page.read_text(encoding="utf-8").partition(self.begin)
        section, end, _ = rest.partition(self.end)
        if not (begin and end):
            raise ValueError(f"{page} has no {self.begin} and {self.end}")
        return section.strip()

    def write(self, text: str, page: Path = PAGE) -> None:
        """Put a section between the markers of the page.

        Raises:
            ValueError: The page has no markers.
        """
        self.written(page)
        before, begin, rest = page.read_text(encoding="utf-8").partition(self.begin)
        _, end, after = rest.partition(self.end)
        page.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def _complaints(rows: Sequence[Line]) -> list[str]:
    return [f"* {row.title}: {sentence}" for row in rows for sentence in row.broken]


def _not_kept(complaints: Sequence[str]) -> list[str]:
    return [f"{NOT_KEPT}\n\n" + "\n".join(complaints)] if complaints else []
