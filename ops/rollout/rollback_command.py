"""`perch rollback`: every new session back to the good colour, whatever else is broken."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click
import yaml

from ops import aws_clients
from ops.console import hints
from ops.console.errors import CommandFailedError, ConfigurationError
from ops.console.options import LOCAL, stack_options
from ops.console.paths import project_root, state_folder
from ops.in_service import InService
from ops.local.state import StateFolder
from ops.rollout import place, sessions
from ops.rollout.alarms import ColourAlarms
from ops.rollout.journal import JournalStore, now
from ops.rollout.rollback import Rollback, Rollbacker
from ops.rollout.weights import Weights

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ops.stack import Colour

WAIT_S = 300.0
"""How long the last old session is waited for unless another time is asked for."""


def region_of(stack: str, chosen: Path | None, given: str | None) -> str:
    """Return the region of a stack, without its outputs.

    Args:
        stack: Name of the stack.
        chosen: State folder given by the person.
        given: Region given by the person.

    Raises:
        CommandFailedError: It is the stack of this machine, and not up.
        ConfigurationError: Neither this machine, the stack's file nor the shell says it.
    """
    folder = state_folder(stack, chosen)
    state = StateFolder(folder).read()
    if state is not None and "AWS_REGION" in state.aws:
        return state.aws["AWS_REGION"]
    if given:
        return given
    if stack == LOCAL:
        raise CommandFailedError(
            f"stack {stack} is not up; start it with {hints.start(stack, folder)}"
        )
    return _in_file(stack) or _in_shell(stack)


def _in_file(stack: str) -> str | None:
    file = project_root() / "stacks" / f"Pulumi.{stack.rpartition('/')[2]}.yaml"
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
        region = found["config"]["aws:region"]
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError):
        # Whatever is wrong with it, the way back must not depend on it.
        return None
    return region if isinstance(region, str) else None


def _in_shell(stack: str) -> str:
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region:
        raise ConfigurationError(
            f"nothing here says which region stack {stack} is in; name it with --region"
        )
    return region


@click.command("rollback")
@stack_options
@click.option(
    "--to",
    type=click.Choice(["blue", "green"]),
    help="Colour to go back to  [default: the one in service before the latest release].",
)
@click.option("--region", help="AWS region  [default: the stack's file's, else AWS_REGION].")
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(0, 24 * 3600),
    default=WAIT_S,
    show_default=True,
    help="Seconds to watch the colour that was left for the end of its last session.",
)
@click.option(
    "--force", is_flag=True, help="Turn the weights to a colour without a healthy target."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
def command(  # noqa: PLR0913 - one parameter an option
    *,
    stack: str,
    state_dir: Path | None,
    to: Colour | None,
    region: str | None,
    wait_s: float,
    force: bool,
    as_json: bool,
) -> None:
    """Send every new session back to the colour in service before the latest release.

    One call to the load balancer, read back. It needs AWS credentials and the stack's name: no
    outputs, no Pulumi, no gateway that answers, and nobody's leave who is at the release. Sessions
    on the other colour go on until they end; the command watches them for a while.

    Exit code 0 when the weights hold, 1 when they do not, 2 for wrong usage.
    """
    where = region_of(stack, state_dir, region)
    local = False

    def client(service: str) -> Any:  # noqa: ANN401 - boto3 knows types by literals alone
        nonlocal local
        made, local = aws_clients.connect(service, stack, where, state_dir)
        return made

    def say(line: str) -> None:
        click.echo(line, err=as_json)

    parts = place.find(stack, where, client)
    cloudwatch = client("cloudwatch")
    rollbacker = Rollbacker(
        parts.environment,
        weights=Weights(parts, client("elbv2")),
        alarms=ColourAlarms(parts, cloudwatch),
        record=InService(stack, parts.in_service_parameter, client("ssm")),
        journals=JournalStore(parts.environment, parts.artefact_bucket, client("s3")),
    )
    back_to = to or rollbacker.choose()
    if not force:
        rollbacker.refuse_empty(back_to)
    called_at = now()
    done, begun = rollbacker.run(back_to)
    say(
        f"the weights send every new session to {done.to}, read back "
        f"{done.new_sessions_s:.1f} s after the call"
    )
    for problem in done.problems:
        click.echo(f"perch: {problem}", err=True)
    old, identity = done.old_colour, StateFolder(state_folder(stack, state_dir)).gateway_tls
    count: Callable[[], int | None] = (
        (lambda: sessions.on_this_machine(parts, old, identity))
        if local
        else (lambda: sessions.in_cloudwatch(cloudwatch, parts, old, called_at))
    )
    left, seconds = sessions.until_none(
        count, since=begun, seconds=wait_s, every=1.0 if local else 15.0
    )
    done = done.model_copy(
        update={
            "old_sessions": left,
            "old_sessions_s": None if seconds is None else round(seconds, 3),
        }
    )
    say(_old_sessions(done, wait_s))
    if as_json:
        click.echo(done.model_dump_json(indent=2))


def _old_sessions(done: Rollback, waited: float) -> str:
    if done.old_sessions_s is not None:
        return f"{done.old_colour} has no session, {done.old_sessions_s:.1f} s after the call"
    if done.old_sessions is None:
        return f"nobody says how many sessions {done.old_colour} has; watched for {waited:g} s"
    return (
        f"{done.old_colour} still has {done.old_sessions} session(s) after {waited:g} s; "
        "they go on until they end"
    )
