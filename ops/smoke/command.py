"""`perch smoke`: one line for each check of a stack, and an exit code."""

import asyncio
import time
from pathlib import Path
from typing import Final, get_args
from urllib.parse import urlsplit

import click

from app.loopback import is_this_machine
from ops.console.errors import FAILED
from ops.console.options import access_options, colour_option, read_token, stack_options
from ops.smoke import recording
from ops.smoke.checks import MAX_WORD_ERROR_RATE, Slo, Smoke
from ops.smoke.report import Check
from ops.stack import StackOutputs, read

AGAIN_SECONDS: Final = 5.0
"""Between two rounds of `--wait`."""


def line_of(check: Check) -> str:
    """Return a check as the one line a person reads."""
    return f"{check.status.upper():<8}{check.name} ({check.seconds:.2f} s): {check.detail}"


def _usual_slo(outputs: StackOutputs) -> Slo:
    """Return `off` on this machine, whose recogniser is not the one that the objective is for."""
    return "off" if is_this_machine(str(urlsplit(outputs.endpoint_url).hostname)) else "warn"


@click.command("smoke")
@stack_options
@colour_option
@click.option(
    "--recording",
    "path",
    envvar="PERCH_RECORDING",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Recording to use; its words are compared where FILE.txt or manifest.json has them.",
)
@click.option(
    "--max-wer",
    type=click.FloatRange(0, 1),
    default=MAX_WORD_ERROR_RATE,
    show_default=True,
    help="Most of the words that may be wrong.",
)
@click.option(
    "--min-certificate-days",
    type=click.IntRange(0, 10_000),
    default=0,
    show_default=True,
    help="Fewest days that the certificate must still be valid.",
)
@click.option(
    "--slo",
    type=click.Choice(get_args(Slo)),
    help="Measure latency in real time; above the objective, warn or fail  [default: warn for a "
    "stack in AWS, off for one on this machine].",
)
@click.option(
    "--wait",
    "wait_minutes",
    type=click.FloatRange(0, 24 * 60),
    default=0,
    show_default=True,
    help="Minutes in which to try again where a check fails, as while a recogniser loads.",
)
@access_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
@click.pass_context
def command(  # noqa: PLR0913 - one parameter an option
    context: click.Context,
    *,
    stack: str,
    state_dir: Path | None,
    colour: str | None,
    path: Path | None,
    max_wer: float,
    min_certificate_days: int,
    slo: Slo | None,
    wait_minutes: float,
    token_file: Path | None,
    ca: Path | None,
    as_json: bool,
) -> None:
    """Check that a stack works, from its name to a recognised recording.

    Without --colour the listener's weights decide who answers, and every colour that was deployed
    with a weight above 0 must be ready; with it that colour alone, which must say that it is.

    Exit code 0 when every check holds, a warning or not, 1 when one does not, 2 for wrong usage.
    """
    # What is wrong with the command line is said before anything is looked for.
    token, recorded = read_token(token_file), recording.find(path)
    outputs = read(stack, chosen=state_dir)
    deployed = [name for name, made in outputs.colours.items() if made.weight > 0]
    deadline = time.monotonic() + 60 * wait_minutes
    while True:
        waits = time.monotonic() < deadline
        smoke = Smoke(
            outputs=outputs,
            recorded=recorded,
            colour=colour,
            awake=deployed if colour is None else [colour],
            max_word_error_rate=max_wer,
            min_certificate_days=min_certificate_days,
            slo=slo or _usual_slo(outputs),
            token=token,
            authority=ca,
            # Of a round after which another one follows only what fails is told, below.
            on_check=_tell if not (as_json or waits) else _quiet,
        )
        report = asyncio.run(smoke.run())
        if report.ok or not waits:
            break
        failed = [check for check in report.checks if check.status == "failed"]
        click.echo(f"not yet: {failed[0].name}: {failed[0].detail}", err=as_json)
        time.sleep(AGAIN_SECONDS)
    if as_json:
        click.echo(report.model_dump_json(indent=2))
    elif waits:
        for check in report.checks:
            _tell(check)
    context.exit(0 if report.ok else FAILED)


def _tell(check: Check) -> None:
    click.echo(line_of(check))


def _quiet(check: Check) -> None:
    del check
