"""`perch report`: a run of `perch load` or `perch qa` beside an earlier one of the same kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from ops.console.errors import CommandFailedError, ConfigurationError
from ops.load.report import LoadReport
from ops.pages import html
from ops.percentile import percentile
from ops.qa.judgement import errors_of, interval_of, regressions
from ops.qa.run import ClipRun, QaRun, by_tag, load_run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from ops.load.judged import LevelResult

NONE: Final = "-"
COLUMNS: Final = ("what", "before", "now", "change")
Row = tuple[str, str, str, str]


def row(what: str, before: float | None, now: float | None, unit: str = "") -> Row:
    """Return a figure of two runs and how it changed; a dash for what either did not measure.

    Args:
        what: Its name.
        before: In the earlier run.
        now: In the later one.
        unit: Behind each number.
    """
    change = NONE if before is None or now is None else f"{now - before:+.3g}{unit}"
    return what, _shown(before, unit), _shown(now, unit), change


def _shown(value: float | None, unit: str) -> str:
    return NONE if value is None else f"{value:.4g}{unit}"


def of_loads(before: LoadReport, now: LoadReport) -> tuple[list[Row], list[str]]:
    """Compare two runs of `perch load`, level by level; levels of one alone are left out."""
    earlier = {level.sessions: level for level in before.levels}
    rows = [row("recommended maximum", before.verdict.recommended, now.verdict.recommended)]
    for level in now.levels:
        if level.sessions in earlier:
            old = earlier[level.sessions]
            rows += [
                row(f"{level.sessions} sessions, {name}", read(old), read(level), unit)
                for name, read, unit in _LEVEL_FIGURES
            ]
    return rows, [f"before: {before.verdict.sentence}", f"now: {now.verdict.sentence}"]


_LEVEL_FIGURES: Final[Sequence[tuple[str, Callable[[LevelResult], float | None], str]]] = (
    ("first interim p95", lambda level: level.first_interim.p95, " s"),
    ("final p95", lambda level: level.final.p95, " s"),
    ("final p99", lambda level: level.final.p99, " s"),
    ("queue p95", lambda level: level.queue.p95, " s"),
    ("failed", lambda level: 100 * level.error_share, " %"),
    ("gateway", lambda level: level.gateway.cpu_cores, " cores"),
    ("recogniser", lambda level: level.recogniser.cpu_cores, " cores"),
)


def of_qa(before: QaRun, now: QaRun) -> tuple[list[Row], list[str]]:
    """Compare two runs of `perch qa` by tag; what chance does not explain is named."""
    old, new = by_tag(before.clips), by_tag(now.clips)
    kinds = [("all", before.clips, now.clips)]
    kinds += [(f"#{tag}", old[tag], new[tag]) for tag in new if tag in old]
    rows = [
        row(f"{name}, {figure}", read(earlier), read(later), unit)
        for name, earlier, later in kinds
        for figure, read, unit in _QA_FIGURES
    ]
    said = [one.sentence for one in regressions(before, now)]
    intervals = [
        f"{name}: word error rate {100 * ends[0]:.1f} to {100 * ends[1]:.1f} % (95 %)"
        for name, run in (("before", before), ("now", now))
        if (ends := interval_of(run.clips)) is not None
    ]
    return rows, [*intervals, *(said or ["nothing is worse by more than chance explains"])]


def _p95(values: Sequence[float | None]) -> float | None:
    return percentile([value for value in values if value is not None], 95)


def _rate(clips: Sequence[ClipRun]) -> float | None:
    rate = errors_of(clips).rate
    return None if rate is None else 100 * rate


_QA_FIGURES: Final[Sequence[tuple[str, Callable[[Sequence[ClipRun]], float | None], str]]] = (
    ("WER", _rate, " %"),
    ("first interim p95", lambda clips: _p95([clip.first_interim_s for clip in clips]), " s"),
    ("final p95", lambda clips: _p95([clip.final_s for clip in clips]), " s"),
)


def read_run(path: Path) -> LoadReport | QaRun:
    """Read a run of either kind.

    Raises:
        ConfigurationError: It cannot be read, or is none.
    """
    try:
        kind = json.loads(path.read_bytes()).get("kind")
        return (
            LoadReport.model_validate_json(path.read_bytes())
            if kind == "perch load"
            else load_run(path)
        )
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, AttributeError, ValidationError, RecursionError):
        raise ConfigurationError(f"{path} is no run of `perch load` or `perch qa --json`") from None


@click.command("report")
@click.argument("before", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("now", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--html",
    "page",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the same as one page.",
)
def command(before: Path, now: Path, page: Path | None) -> None:
    """Show the run in the file NOW beside the earlier one in the file BEFORE.

    Both are JSON that `perch load` or `perch qa --json` wrote.
    """
    earlier, later = read_run(before), read_run(now)
    if isinstance(earlier, LoadReport) and isinstance(later, LoadReport):
        rows, said = of_loads(earlier, later)
    elif isinstance(earlier, QaRun) and isinstance(later, QaRun):
        rows, said = of_qa(earlier, later)
    else:
        raise ConfigurationError(f"{before} is a run of {earlier.kind}, {now} one of {later.kind}")
    runs = [
        f"{name}: {run.command} ({_when(run.started)}), {run.machine}"
        for name, run in (("before", earlier), ("now", later))
    ]
    table = Table(*COLUMNS, box=None, pad_edge=False)
    for cells in rows:
        table.add_row(*cells)
    Console().print(table)
    for sentence in (*runs, *said):
        click.echo(sentence)
    if page is not None:
        parts = [*(html.said(sentence) for sentence in (*runs, *said)), html.table(COLUMNS, rows)]
        try:
            page.write_text(html.page(f"{later.kind}: before and now", parts), encoding="utf-8")
        except OSError as error:
            raise CommandFailedError(f"--html {page}: {error.strerror}") from None


def _when(started: datetime | None) -> str:
    return NONE if started is None else started.isoformat(timespec="seconds")
