"""`perch load`: how many real-time sessions a stack carries, and what an hour of one costs."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import psutil

from ops.console.durations import seconds_of
from ops.console.errors import CommandFailedError, ConfigurationError
from ops.console.options import access_options, read_token, revealed, stack_options
from ops.console.paths import project_root, state_folder
from ops.load import clips, writing
from ops.load.costs import stream_price
from ops.load.judged import verdict
from ops.load.plan import Setup, SpokenClip
from ops.load.report import COLUMNS, LoadReport, as_csv, as_page, price_lines, row, stamp
from ops.load.running import Asked, run
from ops.load.usage import MetricsPages, Processes, Source
from ops.local.state import StateFolder
from ops.offline.errors import OfflineError
from ops.offline.recorder import record
from ops.stack import read

if TYPE_CHECKING:
    from ops.load.costs import StreamPrice
    from ops.stack import Colour, StackOutputs

MOST_SESSIONS: Final = 10_000


def levels_of(text: str) -> tuple[int, ...]:
    """Return numbers of sessions, ascending.

    Raises:
        ConfigurationError: The text is no list of them.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) < 6 for part in parts):  # noqa: PLR2004 - digits of MOST_SESSIONS
        numbers = [0]
    else:
        numbers = sorted({int(part) for part in parts})
    if not (numbers[0] >= 1 and numbers[-1] <= MOST_SESSIONS):
        raise ConfigurationError(
            f"--sessions is {text!a}; accepted: whole numbers from 1 to {MOST_SESSIONS} with "
            "commas between them"
        )
    return tuple(numbers)


def sources_of(
    outputs: StackOutputs | None, folder: Path | None, pages: tuple[str, ...]
) -> dict[str, Source]:
    """Return who can be watched: processes of `perch up`, else gateways by their pages."""
    state = None if folder is None else StateFolder(folder)
    if outputs is None or state is None or not _children(state):
        return {"gateway": MetricsPages(pages)} if pages else {}
    return {
        kind: Processes(partial(_children, state, name))
        for kind, name in (
            ("gateway", "gateway-"),
            ("recogniser", "emulator-"),
            ("balancer", "listener"),
        )
    }


def _children(state: StateFolder, prefix: str = "") -> list[int]:
    """Return the process ids of what runs now for a stack on this machine, by name."""
    read_now = state.read()
    children = () if read_now is None else read_now.children
    return [child.pid for child in children if child.name.startswith(prefix)]


def in_service(outputs: StackOutputs) -> Colour:
    """Return the colour with the larger weight in a stack's outputs."""
    return max(outputs.colours.items(), key=lambda pair: pair[1].weight)[0]


def priced(
    stack: str, outputs: StackOutputs, recommended: int, machines: int, *, here: bool
) -> StreamPrice | None:
    """Return dollars a stream-hour; None where the stack's program cannot be run here."""
    try:
        resources = record(stack, root=project_root()).as_document()["resources"]
    except (OfflineError, ConfigurationError) as error:
        click.echo(f"perch: no dollars: {' '.join(str(error).split())}", err=True)
        return None
    remarks = ("the load ran on this machine, not on the one that is priced: no figure of AWS",)
    return stream_price(
        resources,
        per_machine=recommended // machines,
        machines=machines,
        in_service=in_service(outputs),
        remarks=remarks if here else (),
    )


def _machine() -> str:
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return f"{psutil.cpu_count() or 0} processors, load average {load} before the run"


@click.command("load")
@stack_options
@click.option("--url", help="WebSocket address of a gateway, in place of a stack's.")
@access_options
@click.option("--sessions", default="10,25,50", show_default=True, help="Numbers of sessions.")
@click.option(
    "--refine", type=click.IntRange(0, 20), default=0, help="Levels between, to find the knee."
)
@click.option("--duration", default="60s", show_default=True, help="Of each level, as 90s or 5m.")
@click.option("--soak", help="Play the last level for so long, as 4h, and judge memory.")
@click.option("--ramp", default="10s", show_default=True, help="In which a level's sessions begin.")
@click.option(
    "--jitter", type=click.FloatRange(0, 60), default=0.5, show_default=True, help="Seconds."
)
@click.option(
    "--dialect-b", type=click.FloatRange(0, 1), default=0.1, show_default=True, help="Part."
)
@click.option(
    "--resuming",
    type=click.FloatRange(0, 1),
    default=0.05,
    show_default=True,
    help="Part of the clients whose connection breaks once a session.",
)
@click.option(
    "--corpus",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with manifest.json and recordings  [default: those of the repository].",
)
@click.option(
    "--processes", type=click.IntRange(1, 64), default=2, show_default=True, help="Generators."
)
@click.option(
    "--machines",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    help="Machines in service that share the sessions.",
)
@click.option(
    "--instances",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Recognisers of each.",
)
@click.option(
    "--metrics", "pages", multiple=True, help="Address of a gateway's /metrics; may be repeated."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the report  [default: .perch/load].",
)
@click.option("--write", is_flag=True, help="Write the recommended maximum into the stack's file.")
def command(  # noqa: PLR0913, PLR0917 - one argument an option
    stack: str,
    state_dir: Path | None,
    url: str | None,
    ca: Path | None,
    token_file: Path | None,
    sessions: str,
    refine: int,
    duration: str,
    soak: str | None,
    ramp: str,
    jitter: float,
    dialect_b: float,
    resuming: float,
    corpus: Path | None,
    processes: int,
    machines: int,
    instances: int,
    pages: tuple[str, ...],
    out: Path | None,
    write: bool,
) -> None:
    """Play real-time sessions on a stack, level by level, and say how many it carries.

    Writes JSON, CSV and one HTML file. Fails where the run is not valid, no level met the
    objectives, or a soak found a leak.
    """
    levels = levels_of(sessions)
    duration_s = seconds_of("--soak", soak) if soak else seconds_of("--duration", duration)
    ramp_s = seconds_of("--ramp", ramp)
    if write and url is not None:
        raise ConfigurationError("--write is for a stack, and --url names none")
    played = clips.chosen(corpus)
    token = revealed(read_token(token_file))
    outputs = None if url is not None else read(stack, chosen=state_dir)
    folder = None if outputs is None else state_folder(stack, state_dir)
    asked = Asked(
        setup=_setup(url, outputs, token, ca, played),
        levels=levels[-1:] if soak else levels,
        refine=0 if soak else refine,
        duration_s=duration_s,
        ramp_s=ramp_s,
        jitter_s=jitter,
        dialect_b=dialect_b,
        resuming=resuming,
        processes=processes,
        sources=sources_of(outputs, folder, pages),
        soak=soak is not None,
    )
    started, machine = datetime.now(UTC), _machine()
    results, grown = asyncio.run(run(asked, lambda line: click.echo(line, err=True)))
    judged = verdict(results, machines=machines, instances_per_machine=instances)
    price = None
    if outputs is not None and judged.recommended is not None:
        here = folder is not None and (folder / "outputs.json").exists()
        price = priced(stack, outputs, judged.recommended, machines, here=here)
    report = LoadReport(
        stack=None if outputs is None else stack,
        url=asked.setup.url,
        started=started,
        command=shlex.join(["perch", *sys.argv[1:]]),
        machine=machine,
        machines=machines,
        instances_per_machine=instances,
        levels=results,
        verdict=judged,
        soak=grown,
        price=price,
    )
    _show(report, _save(report, out))
    if write and judged.recommended is not None:
        wanted = writing.values(judged.recommended, machines=machines, instances=instances)
        for line in writing.written(stack, wanted):
            click.echo(line)
        click.echo(f"\nnothing is applied: `pulumi up --stack {stack}` does")
    _fail(report, write=write)


def _setup(
    url: str | None,
    outputs: StackOutputs | None,
    token: str | None,
    ca: Path | None,
    played: tuple[SpokenClip, ...],
) -> Setup:
    authority = ca or (None if outputs is None else outputs.ca_certificate_path)
    address = url or (outputs.websocket_url if outputs is not None else "")
    if not address.startswith(("ws://", "wss://")):
        raise ConfigurationError(f"--url is {address!a}; accepted: a ws:// or wss:// address")
    return Setup(
        url=address,
        token=token,
        ca=None if authority is None else str(Path(authority).absolute()),
        clips=played,
    )


def _save(report: LoadReport, out: Path | None) -> Path:
    folder = out or project_root() / ".perch" / "load"
    path = folder / f"load-{stamp(report.started)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".json").write_text(
            report.model_dump_json(indent=2) + "\n", encoding="utf-8"
        )
        path.with_suffix(".csv").write_text(as_csv(report), encoding="utf-8", newline="")
        path.with_suffix(".html").write_text(as_page(report), encoding="utf-8")
    except OSError as error:
        raise CommandFailedError(f"--out {folder}: {error.strerror}") from None
    return path


def _show(report: LoadReport, path: Path) -> None:
    shown = [list(COLUMNS), *(row(level) for level in report.levels)]
    for column in zip(*shown, strict=True):
        click.echo(f"{column[0]:<24}" + "".join(f"{cell:>12}" for cell in column[1:]))
    for kind, grown in (report.soak or {}).items():
        click.echo(f"memory of the {kind}: {grown.sentence}")
    click.echo(report.verdict.sentence)
    if report.verdict.knee is not None:
        click.echo(f"knee: {report.verdict.knee} sessions")
    for line in price_lines(report.price) if report.price is not None else ():
        click.echo(line)
    click.echo(f"written: {path}.json, .csv, .html")


def _fail(report: LoadReport, *, write: bool) -> None:
    """End with what was found wrong.

    Raises:
        CommandFailedError: The run is not valid, recommends nothing, or found a leak.
    """
    if report.verdict.recommended is None:
        left = "; nothing is written into the stack's file" if write else ""
        # Why stands above, among the results.
        raise CommandFailedError(f"this load recommends no maximum{left}")
    leaks = [kind for kind, grown in (report.soak or {}).items() if grown.verdict == "leak"]
    if leaks:
        raise CommandFailedError(f"memory of the {' and the '.join(leaks)} grows all the while")
