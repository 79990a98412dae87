"""`perch status`: the subcommand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ops import aws_clients
from ops.console.errors import FAILED
from ops.console.options import read_token, stack_options, token_option
from ops.console.paths import state_folder
from ops.local.state import StateFolder
from ops.stack import read
from ops.status.here import Here
from ops.status.in_aws import InAws
from ops.status.shown import lines

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import SecretStr

    from ops.status.report import Report


def report_of(stack: str, chosen: Path | None, token: SecretStr | None = None) -> Report:
    """Return how a stack is.

    Args:
        stack: Name of the stack.
        chosen: State folder given by the person; None for the usual one.
        token: Bearer token of the gateways, which tell strangers no version.

    Raises:
        CommandFailedError: The stack's outputs cannot be read.
        ConfigurationError: The person's own settings lead to no account.
    """
    outputs = read(stack, chosen=chosen)
    folder = StateFolder(state_folder(stack, chosen))
    state = folder.read()
    services = InAws.SERVICES if state is None else Here.SERVICES
    clients = {
        service: aws_clients.connect(service, stack, outputs.region, chosen)[0]
        for service in services
    }
    if state is None:
        return InAws(stack, outputs, clients, token).report()
    return Here(stack, outputs, clients, state, identity=folder.gateway_tls, token=token).report()


@click.command("status")
@stack_options
@token_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def command(
    context: click.Context,
    *,
    stack: str,
    state_dir: Path | None,
    token_file: Path | None,
    as_json: bool,
) -> None:
    """Show how a stack is: colours, weights, machines, targets, alarms, sessions, cost so far.

    Everything is asked for now. What cannot be had is said to be not known, with the reason.

    Exit code 0 when everything answered, 1 when something did not, 2 for wrong usage.
    """
    report = report_of(stack, state_dir, read_token(token_file))
    if as_json:
        click.echo(report.model_dump_json(indent=2))
    else:
        for line in lines(report):
            click.echo(line)
    if report.failed:
        click.echo("perch: not everything could be had; `not known` says what and why", err=True)
    context.exit(FAILED if report.failed else 0)
