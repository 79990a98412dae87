"""`perch recognition`: turn recognition off, on, or to the fallback, without a deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, get_args

import click

from ops import aws_clients
from ops.aws_clients import FAILURES
from ops.console.errors import CommandFailedError, ConfigurationError, one_line
from ops.console.options import stack_options
from ops.local.host import POLL_SECONDS
from ops.stack import StackOutputs, read

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_ssm import SSMClient

Position = Literal["on", "off", "fallback"]
POSITIONS: Final[tuple[str, ...]] = get_args(Position)
GATEWAY_SECONDS: Final = 1.0
"""How often a gateway looks at the file (APP_RECOGNITION_FILE)."""
MACHINE_SECONDS: Final = 5.0
"""How often a machine asks for the parameter; a test holds it equal to the machines' own."""
CALL_SECONDS: Final = 1.0
"""What a machine's question takes, credentials included, where AWS is well."""
MEANING: Final[dict[str, str]] = {
    "on": "speech is recognised",
    "off": "no speech is recognised; clients are told `recognition_off`",
    "fallback": "speech is recognised at the fallback, {where}",
}


def follow_seconds(*, is_local: bool) -> float:
    """Return how long it takes until every gateway does what the parameter says.

    Args:
        is_local: Whether the stack runs on this machine.
    """
    asked_every = POLL_SECONDS if is_local else MACHINE_SECONDS
    return asked_every + CALL_SECONDS + GATEWAY_SECONDS


class Switch:
    """The parameter that machines follow.

    Args:
        stack: Name of the stack.
        outputs: What it exports.
        api: Systems Manager of its account, or of `perch up`.
    """

    def __init__(self, stack: str, outputs: StackOutputs, api: SSMClient) -> None:
        self._stack = stack
        self._name = outputs.recognition_parameter_name
        self._fallback = outputs.riva_fallback_endpoints
        self._api = api

    def read(self) -> str:
        """Return what it says.

        Raises:
            CommandFailedError: AWS does not tell.
        """
        try:
            return self._api.get_parameter(Name=self._name)["Parameter"]["Value"]
        except FAILURES as error:
            raise self._failed("read", error) from None

    def turn(self, position: str) -> None:
        """Turn it.

        Args:
            position: One of `POSITIONS`.

        Raises:
            ConfigurationError: The stack has no fallback, and it is asked for.
            CommandFailedError: AWS refuses.
        """
        if position == "fallback" and self._fallback is None:
            raise ConfigurationError(
                f"stack {self._stack} has no fallback; accepted: on, off. "
                "A fallback is made by the key gateway.fallback and "
                f"`pulumi up --stack {self._stack}`"
            )
        try:
            self._api.put_parameter(
                Name=self._name,
                Value=position,
                Type="String",
                # Said again, or the new version would take any word.
                AllowedPattern=f"^({'|'.join(POSITIONS)})$",
                Overwrite=True,
            )
        except FAILURES as error:
            raise self._failed("turned", error) from None

    def meaning(self, position: str) -> str:
        """Say in words what a position does."""
        return MEANING.get(position, "no position of the switch; machines do not follow").format(
            where=self._fallback
        )

    def _failed(self, done: str, error: Exception) -> CommandFailedError:
        return CommandFailedError(
            f"parameter {self._name} of stack {self._stack} cannot be {done}: {one_line(error)}"
        )


def connect(stack: str, chosen: Path | None) -> tuple[Switch, bool]:
    """Return the switch of a stack, and whether the stack runs on this machine.

    Args:
        stack: Name of the stack.
        chosen: State folder given by the person; None for the usual one.

    Raises:
        CommandFailedError: The stack's outputs cannot be read, or the credentials of its AWS API.
    """
    outputs = read(stack, chosen=chosen)
    api, is_local = aws_clients.connect("ssm", stack, outputs.region, chosen)
    return Switch(stack, outputs, api), is_local


@click.command("recognition")
@stack_options
@click.argument("position", type=click.Choice(POSITIONS), required=False)
def command(stack: str, state_dir: Path | None, position: str | None) -> None:
    """Show whether a stack recognises speech, or turn it: on, off, or to the fallback.

    Running gateways follow within seconds; no deployment is involved, and the next one leaves the
    switch alone.
    """
    switch, is_local = connect(stack, state_dir)
    before = switch.read()
    if position is None:
        click.echo(f"{before}: {switch.meaning(before)}")
        return
    switch.turn(position)
    was = "as before" if before == position else f"was {before}"
    click.echo(f"{position} ({was}): {switch.meaning(position)}")
    click.echo(f"every gateway follows within {follow_seconds(is_local=is_local):g} s")
