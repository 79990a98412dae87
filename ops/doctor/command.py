"""`perch doctor`: the subcommand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from ops import aws_clients
from ops.console.errors import FAILED, CommandFailedError
from ops.console.options import stack_options
from ops.console.paths import state_folder
from ops.doctor import files, machine
from ops.doctor.finding import Finding, looked, ok
from ops.doctor.in_aws import SERVICES, InAws
from ops.local.state import StateFolder
from ops.local.supervisor.records import alive
from ops.stack import read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ops.local.state import State
    from ops.stack import StackOutputs


def diagnosis(stack: str, chosen: Path | None) -> Iterator[Finding]:
    """Yield each finding as it is made: this machine first, then the stack.

    Args:
        stack: Name of the stack.
        chosen: State folder given by the person; None for the usual one.
    """
    state = StateFolder(state_folder(stack, chosen)).read()
    outputs: StackOutputs | None
    try:
        outputs, unread = read(stack, chosen=chosen), None
    except CommandFailedError as error:
        outputs, unread = None, error.format_message()
    for name, check in machine.checks(outputs, is_local=state is not None):
        yield looked(name, check)
    if outputs is None:
        yield Finding(
            name="outputs",
            level="fail",
            detail=str(unread),
            advice="the stack itself is not looked at without them",
        )
        return
    yield ok("outputs", f"stack {outputs.environment} in {outputs.region}")
    if state is not None:
        yield _processes(state)
        return
    yield from _in_aws(stack, outputs, chosen)


def _processes(state: State) -> Finding:
    ended = [child.name for child in state.children if not alive(child)]
    if ended:
        return Finding(
            name="processes",
            level="fail",
            detail=f"ended: {', '.join(ended)}",
            advice="`perch down` stops the rest and `perch up` starts all",
        )
    return ok("processes", f"{len(state.children)} run")


def _in_aws(stack: str, outputs: StackOutputs, chosen: Path | None) -> Iterator[Finding]:
    try:
        clients = {
            service: aws_clients.connect(service, stack, outputs.region, chosen)[0]
            for service in SERVICES
        }
    except CommandFailedError as error:
        yield Finding(
            name="credentials",
            level="fail",
            detail=error.format_message(),
            advice="see to these settings first",
        )
        return
    account = InAws(stack, outputs, clients)
    for name, check in account.checks():
        finding = looked(name, check)
        yield finding
        if name == "credentials" and finding.level == "fail":
            return
    try:
        recording = files.recorded(stack)
    except CommandFailedError as error:
        yield Finding(
            name="stack file",
            level="fail",
            detail=error.format_message(),
            advice="put the file right, or ask from the stack's own checkout",
        )
        return
    yield looked("stack file", lambda: files.compared(outputs, recording))
    yield looked("quota", lambda: account.quota(recording))


@click.command("doctor")
@stack_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
@click.pass_context
def command(context: click.Context, *, stack: str, state_dir: Path | None, as_json: bool) -> None:
    """Say what is wrong with this machine or with a stack, and what to do about it.

    Nothing is changed. Exit code 0 when nothing fails, a warning or not, 1 when something does, 2
    for wrong usage.
    """
    found = []
    for finding in diagnosis(stack, state_dir):
        found.append(finding)
        if not as_json:
            click.echo(str(finding))
    failing = [finding.name for finding in found if finding.level == "fail"]
    failed = bool(failing)
    if as_json:
        said = [finding.model_dump() for finding in found]
        click.echo(json.dumps({"stack": stack, "ok": not failed, "findings": said}, indent=2))
    if failing:
        click.echo(f"perch: not in order: {', '.join(failing)}", err=True)
    context.exit(FAILED if failed else 0)
