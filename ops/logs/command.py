"""`perch logs`: the subcommand."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click

from ops import aws_clients
from ops.console.errors import CommandFailedError, ConfigurationError
from ops.console.options import stack_options
from ops.console.paths import state_folder
from ops.fleet import Fleet
from ops.local.state import StateFolder
from ops.logs.in_cloudwatch import CloudWatchLogs
from ops.logs.in_files import FileLogs, files_of
from ops.logs.lines import SOURCES, Source, Wanted, moment
from ops.stack import COLOURS, read

if TYPE_CHECKING:
    from pathlib import Path

    from ops.stack import Colour

FOLLOW_MINUTES: Final = 60.0
POLL_SECONDS: Final = 5.0
_MACHINE: Final = re.compile(r"i-[0-9a-f]{8,17}")


def logs_of(
    stack: str, chosen: Path | None, wanted: Wanted, colour: Colour | None
) -> CloudWatchLogs | FileLogs:
    """Return what reads a stack's logs.

    Raises:
        CommandFailedError: Outputs or machines cannot be read, or there is nothing to read.
        ConfigurationError: A machine is asked for on this machine, or settings lead to no account.
    """
    folder = StateFolder(state_folder(stack, chosen))
    if folder.read() is not None:
        if wanted.machine is not None:
            raise ConfigurationError(
                f"stack {stack} has no machines: its processes run here; accepted: --colour"
            )
        files = files_of(folder.logs, wanted)
        if not files:
            raise CommandFailedError(f"there is no log of these in {folder.logs}")
        return FileLogs(files)
    outputs = read(stack, chosen=chosen)
    machines = None if wanted.machine is None else [wanted.machine]
    if colour is not None and machines is None:
        fleet = Fleet(
            stack,
            outputs,
            lambda service: aws_clients.connect(service, stack, outputs.region, chosen)[0],
        )
        machines = [machine.id for machine in fleet.group(colour).machines]
        if not machines:
            raise CommandFailedError(
                f"{colour} of stack {stack} has no machine now; --machine names one that has gone"
            )
    api, _ = aws_clients.connect("logs", stack, outputs.region, chosen)
    return CloudWatchLogs(stack, api, outputs.log_group_names.model_dump(), machines)


def _since(context: click.Context, parameter: click.Parameter, given: str) -> datetime:
    del context, parameter
    try:
        return moment(given, datetime.now(UTC))
    except ValueError as error:
        raise ConfigurationError(f"--since is {error}") from None


def _machine(context: click.Context, parameter: click.Parameter, given: str | None) -> str | None:
    del context, parameter
    if given is not None and not _MACHINE.fullmatch(given):
        raise ConfigurationError(
            f"--machine is {given!a}; accepted: an id such as i-0123456789abcdef0"
        )
    return given


@click.command("logs")
@stack_options
@click.option("--colour", type=click.Choice(COLOURS), help="Only the machines that it has now.")
@click.option("--machine", callback=_machine, help="Only this one, by its id; it may have gone.")
@click.option(
    "--source",
    "sources",
    type=click.Choice(SOURCES),
    multiple=True,
    help="Only this; may be given more than once  [default: all].",
)
@click.option(
    "--since",
    callback=_since,
    default="10m",
    show_default=True,
    help="From when on: 90s, 10m, 2h, 3d, or a time in UTC.",
)
@click.option("--grep", default="", help="Only lines with this text in them, case apart.")
@click.option("--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option(
    "--minutes",
    type=click.FloatRange(0, 24 * 60),
    default=FOLLOW_MINUTES,
    show_default=True,
    help="With --follow: how long at most.",
)
@click.option(
    "--every",
    type=click.FloatRange(0.1, 600),
    default=POLL_SECONDS,
    show_default=True,
    help="With --follow: seconds between two looks.",
)
def command(  # noqa: PLR0913 - one parameter an option
    *,
    stack: str,
    state_dir: Path | None,
    colour: Colour | None,
    machine: str | None,
    sources: tuple[Source, ...],
    since: datetime,
    grep: str,
    follow: bool,
    minutes: float,
    every: float,
) -> None:
    """Print what gateways, recognisers and machines have written, in the order of time.

    Of a stack in AWS from its log groups, of one on this machine from the files of its processes.
    """
    wanted = Wanted(
        since=since, sources=sources or SOURCES, colour=colour, machine=machine, text=grep
    )
    logs = logs_of(stack, state_dir, wanted, colour)
    lines = logs.follow(wanted, seconds=minutes * 60, every=every) if follow else logs.lines(wanted)
    is_empty = True
    for line in lines:
        is_empty = False
        click.echo(str(line))
    if is_empty and not follow:
        # Else nobody could tell that there was nothing from that the wrong place was looked at.
        which = "" if not grep else f" with {grep!r} in it"
        click.echo(
            f"perch: no line of {', '.join(wanted.sources)}{which} since {since:%H:%M:%S} UTC",
            err=True,
        )
