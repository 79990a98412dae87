"""`perch rotate`: replace machines one after the other, so that they read their secrets anew."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import click

from ops import aws_clients
from ops.aws_clients import FAILURES
from ops.console.errors import CommandFailedError, ConfigurationError, one_line
from ops.console.options import stack_options
from ops.stack import read

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_autoscaling import AutoScalingClient
    from mypy_boto3_autoscaling.type_defs import InstanceRefreshTypeDef, RefreshPreferencesTypeDef

PREFERENCES: Final[RefreshPreferencesTypeDef] = {
    # Without these a group may take its machines first: of one, the only one.
    "MinHealthyPercentage": 100,
    "MaxHealthyPercentage": 200,
    # The template is the same; only what the machines read from it is new.
    "SkipMatching": False,
}
RUNNING: Final = frozenset({"Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking"})
"""States of a refresh from which another one follows (API reference, InstanceRefresh)."""
POLL_SECONDS: Final = 15.0


class Rotation:
    """Instance refreshes of one stack's groups.

    Args:
        stack: Name of the stack.
        api: EC2 Auto Scaling of its account.
        every: Seconds between two looks.
    """

    def __init__(self, stack: str, api: AutoScalingClient, every: float) -> None:
        self._stack = stack
        self._api = api
        self._every = every

    def machines(self, group: str) -> int:
        """Return how many machines a group has or is getting.

        Raises:
            CommandFailedError: There is no such group, or AWS does not tell.
        """
        try:
            found = self._api.describe_auto_scaling_groups(AutoScalingGroupNames=[group])
        except FAILURES as error:
            raise self._failed(group, "be read", error) from None
        if not found["AutoScalingGroups"]:
            raise CommandFailedError(f"stack {self._stack} has no group {group} in AWS")
        [described] = found["AutoScalingGroups"]
        return max(described["DesiredCapacity"], len(described.get("Instances", ())))

    def start(self, group: str) -> str:
        """Begin to replace a group's machines and return the refresh's id.

        Raises:
            CommandFailedError: AWS refuses, as it does while another refresh goes on.
        """
        try:
            begun = self._api.start_instance_refresh(
                AutoScalingGroupName=group, Strategy="Rolling", Preferences=PREFERENCES
            )
        except FAILURES as error:
            raise self._failed(group, "be refreshed", error) from None
        return begun["InstanceRefreshId"]

    def watch(self, group: str, refresh: str) -> None:
        """Say what a refresh does until it is over.

        Raises:
            CommandFailedError: It ended in another way than well, or AWS does not tell.
        """
        told = ""
        while True:
            now = self._look(group, refresh)
            status = now.get("Status", "Pending")
            line = f"{group}: {status}, {now.get('PercentageComplete', 0)} %"
            if reason := now.get("StatusReason"):
                line += f" ({' '.join(reason.split())})"
            if line != told:
                click.echo(line)
                told = line
            if status == "Successful":
                return
            if status not in RUNNING:
                raise CommandFailedError(
                    f"the machines of {group} were not all replaced: {line}; those that were stay,"
                    " and the rest is as before"
                )
            time.sleep(self._every)

    def _look(self, group: str, refresh: str) -> InstanceRefreshTypeDef:
        try:
            found = self._api.describe_instance_refreshes(
                AutoScalingGroupName=group, InstanceRefreshIds=[refresh]
            )
        except FAILURES as error:
            raise self._failed(group, "be watched", error) from None
        [described] = found["InstanceRefreshes"]
        return described

    def _failed(self, group: str, what: str, error: Exception) -> CommandFailedError:
        return CommandFailedError(
            f"group {group} of stack {self._stack} cannot {what}: {one_line(error)}"
        )


@click.command("rotate")
@stack_options
@click.option(
    "--colour", type=click.Choice(["blue", "green"]), help="Only this colour's machines  [both]."
)
@click.option(
    "--wait/--no-wait",
    default=True,
    show_default=True,
    help="Stay until it is done; without, one colour is started and left to AWS.",
)
@click.option(
    "--every",
    type=click.FloatRange(min=0),
    default=POLL_SECONDS,
    show_default=True,
    help="Seconds between two looks.",
)
def command(
    stack: str, state_dir: Path | None, colour: str | None, wait: bool, every: float
) -> None:
    """Replace every machine of a stack by a new one, which reads the secrets as they are now.

    One after the other: a machine goes once its successor can serve, and drains its sessions
    first. One colour after the other, too, so that one machine more is all that it takes.
    """
    outputs = read(stack, chosen=state_dir)
    if not wait and colour is None:
        raise ConfigurationError("--no-wait starts one colour alone; give --colour as well")
    api, is_local = aws_clients.connect("autoscaling", stack, outputs.region, state_dir)
    if is_local:
        raise ConfigurationError(
            f"stack {stack} has no machines: its gateways run here and read their secrets when"
            " they start; start the stack anew"
        )
    rotation = Rotation(stack, api, every)
    for name, made in outputs.colours.items():
        group = made.auto_scaling_group_name
        if colour not in {None, name}:
            continue
        if not rotation.machines(group):
            click.echo(f"{group}: no machine; the next one reads the secrets when it starts")
            continue
        refresh = rotation.start(group)
        click.echo(f"{group}: refresh {refresh} begins")
        if not wait:
            continue
        try:
            rotation.watch(group, refresh)
        except KeyboardInterrupt:
            click.echo(f"{group}: AWS goes on with refresh {refresh}", err=True)
            raise
