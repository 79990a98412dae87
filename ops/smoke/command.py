"""`perch smoke`: one line for each check of a stack, and an exit code."""

import asyncio
from pathlib import Path

import click

from ops.console.errors import FAILED
from ops.console.options import access_options, colour_option, read_token, stack_options
from ops.smoke import recording
from ops.smoke.checks import MAX_WORD_ERROR_RATE, Check, Smoke
from ops.stack import read


def line_of(check: Check) -> str:
    """Return a check as the one line a person reads."""
    return f"{check.status.upper():<8}{check.name} ({check.seconds:.2f} s): {check.detail}"


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
    token_file: Path | None,
    ca: Path | None,
    as_json: bool,
) -> None:
    """Check that a stack works, from its name to a recognised recording.

    Without --colour the listener's weights decide who answers, and every colour that was deployed
    with a weight above 0 must be ready.

    Exit code 0 when every check holds, 1 when one does not, 2 for wrong usage.
    """
    # What is wrong with the command line is said before anything is looked for.
    token, recorded = read_token(token_file), recording.find(path)
    outputs = read(stack, chosen=state_dir)
    smoke = Smoke(
        outputs=outputs,
        recorded=recorded,
        colour=colour,
        awake=[name for name, deployed in outputs.colours.items() if deployed.weight > 0],
        max_word_error_rate=max_wer,
        token=token,
        authority=ca,
        on_check=lambda check: None if as_json else click.echo(line_of(check)),
    )
    report = asyncio.run(smoke.run())
    if as_json:
        click.echo(report.model_dump_json(indent=2))
    context.exit(0 if report.ok else FAILED)
