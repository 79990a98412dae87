"""`perch start`, `stop` and `scale`: how many machines a colour has.

They set the number that a group asks for, within its bounds, and leave the bounds to the stack's
file: scaling and releases move the one, the program the others (docs/adr/0512).
"""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import click

from ops import aws_clients
from ops.aws_clients import FAILURES
from ops.console.errors import CommandFailedError, ConfigurationError
from ops.console.options import stack_options
from ops.fleet import HEALTHY, Fleet, Group
from ops.in_service import InService
from ops.stack import COLOURS, StackOutputs, read

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ops.stack import Colour

SERVICES: Final = ("autoscaling", "ec2", "elbv2", "ssm")
POLL_SECONDS: Final = 15.0
WAIT_MINUTES: Final = 60.0
"""Longer than a first start may take: scaling.ready_minutes, 45 unless a stack says otherwise."""


class Scale:
    """Sets how many machines a colour has.

    Args:
        stack: Name of the stack.
        outputs: What it exports.
        clients: Client by service: `SERVICES`.
        every: Seconds between two looks.
    """

    def __init__(
        self, stack: str, outputs: StackOutputs, clients: Mapping[str, Any], every: float
    ) -> None:
        self._stack = stack
        self._clients = clients
        self._every = every
        self._fleet = Fleet(stack, outputs, clients.__getitem__)
        self._in_service = InService(stack, outputs.in_service_parameter_name, clients["ssm"])

    def group(self, colour: Colour) -> Group:
        """Return a colour's group as it is now."""
        return self._fleet.group(colour)

    def refuse_in_service(self, colour: Colour) -> None:
        """Refuse to take every machine of a colour that people rely on.

        Raises:
            CommandFailedError: It has weight, or is written down as the one in service, or AWS does
                not tell.
        """
        weights = self._fleet.weights()
        weight = None if weights is None else weights[colour]
        reasons = []
        if weight is None:
            reasons.append("the listener does not say whether it has weight")
        elif weight > 0:
            reasons.append(f"it has weight {weight}")
        if self._in_service.read() == colour:
            reasons.append("it is the colour in service")
        if reasons:
            raise CommandFailedError(
                f"{colour} of stack {self._stack} keeps its machines: {' and '.join(reasons)}; "
                "move new sessions to the other colour first, or give --even-in-service"
            )

    def turn(self, group: Group, machines: int) -> None:
        """Ask for a number of machines.

        Raises:
            ConfigurationError: The group's bounds do not allow it; nothing is changed.
            CommandFailedError: AWS refuses.
        """
        if not group.fewest <= machines <= group.most:
            raise ConfigurationError(
                f"--machines is {machines}; accepted for {group.name}: {group.fewest} to "
                f"{group.most}. min_machines and max_machines in the stack's file move these "
                "bounds, and office hours the lower one"
            )
        try:
            self._clients["autoscaling"].set_desired_capacity(
                AutoScalingGroupName=group.name, DesiredCapacity=machines, HonorCooldown=False
            )
        except FAILURES as error:
            said = " ".join(str(error).split())
            raise CommandFailedError(
                f"group {group.name} of stack {self._stack} cannot be set to {machines}: {said}"
            ) from None

    def wait(self, colour: Colour, machines: int, minutes: float) -> None:
        """Say how machines come or go until all are as asked for.

        More machines than asked for may still be draining their sessions; where any are asked for,
        those are not waited for.

        Raises:
            CommandFailedError: That was not so in time, or somebody asked for another number
                meanwhile, or AWS does not tell.
        """
        deadline = time.monotonic() + minutes * 60
        told = ""
        while True:
            group = self._fleet.group(colour)
            ids = {machine.id for machine in group.machines}
            targets = self._fleet.targets(colour)
            healthy = sum(one.state == HEALTHY and one.id in ids for one in targets)
            line = (
                f"{group.name}: {len(group.machines)} machines, {group.in_service} in service, "
                f"{healthy} healthy, {machines} asked for"
            )
            if line != told:
                click.echo(line)
                told = line
            if group.desired != machines:
                raise CommandFailedError(
                    f"{group.name} is asked for {group.desired} machines meanwhile, by scaling or "
                    "by another person"
                )
            if not group.machines if machines == 0 else min(group.in_service, healthy) >= machines:
                return
            if time.monotonic() >= deadline:
                raise CommandFailedError(
                    f"{group.name} is not there after {minutes:g} minutes; AWS goes on. `perch "
                    f"status --stack {self._stack}` shows it, and `perch logs --stack "
                    f"{self._stack} --colour {colour}` what machines say"
                )
            time.sleep(self._every)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Which colour is meant, and whether to stay until it is so: options of every command."""

    stack: str
    state_dir: Path | None
    colour: Colour
    wait: bool
    minutes: float
    every: float

    def connected(self) -> Scale:
        """Return what sets the colour's machines."""
        outputs = read(self.stack, chosen=self.state_dir)
        clients = {}
        for service in SERVICES:
            clients[service], is_local = aws_clients.connect(
                service, self.stack, outputs.region, self.state_dir
            )
            if is_local:
                raise ConfigurationError(
                    f"stack {self.stack} has no machines: each colour is one emulator and one "
                    "gateway, which `perch up` keeps running and `perch down` stops; the "
                    "listener's weights say which has new sessions"
                )
        return Scale(self.stack, outputs, clients, self.every)

    def set(self, scale: Scale, group: Group, machines: int) -> None:
        """Ask for a number of machines, and wait for them where that is asked for."""
        if machines == group.desired:
            click.echo(f"{group.name}: {machines} asked for already")
        else:
            scale.turn(group, machines)
            click.echo(f"{group.name}: {machines} asked for, before that {group.desired}")
        if self.wait:
            scale.wait(self.colour, machines, self.minutes)


def _turning(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command an option for each field of `Turn`, and the turn as its first argument."""

    @functools.wraps(command)
    def called(**given: Any) -> None:  # noqa: ANN401 - as click has read them
        command(Turn(**{field.name: given.pop(field.name) for field in fields(Turn)}), **given)

    for option in reversed(
        (
            stack_options,
            click.option("--colour", type=click.Choice(COLOURS), required=True, help="Which one."),
            click.option("--wait", is_flag=True, help="Stay until it is so."),
            click.option(
                "--minutes",
                type=click.FloatRange(0, 24 * 60),
                default=WAIT_MINUTES,
                show_default=True,
                help="With --wait: how long.",
            ),
            click.option(
                "--every",
                type=click.FloatRange(0, 600),
                default=POLL_SECONDS,
                show_default=True,
                help="With --wait: seconds between two looks.",
            ),
        )
    ):
        called = option(called)
    return called


_even = click.option(
    "--even-in-service",
    is_flag=True,
    help="Also where the colour has weight or is in service: its sessions end.",
)


@click.command("start")
@_turning
@click.option(
    "--machines",
    type=click.IntRange(1, 1000),
    help="How many at least  [default: 1, or the group's minimum].",
)
def start(turn: Turn, *, machines: int | None) -> None:
    """Start a colour's machines; more than that are left as they are.

    Without sessions they are taken again by the stack's own scaling (scaling.idle_minutes).
    """
    scale = turn.connected()
    group = scale.group(turn.colour)
    wanted = max(machines or 1, group.fewest)
    turn.set(scale, group, max(wanted, group.desired))


@click.command("stop")
@_turning
@_even
def stop(turn: Turn, *, even_in_service: bool) -> None:
    """Stop all of a colour's machines, each after its sessions have drained.

    Refused for the colour that has weight or is in service.
    """
    scale = turn.connected()
    if not even_in_service:
        scale.refuse_in_service(turn.colour)
    turn.set(scale, scale.group(turn.colour), 0)


@click.command("scale")
@_turning
@_even
@click.option("--machines", type=click.IntRange(0, 1000), required=True, help="How many.")
def scale(turn: Turn, *, even_in_service: bool, machines: int) -> None:
    """Set how many machines a colour has, within the bounds of its group.

    AWS chooses which ones go, and each drains its sessions first. Scaling may set another number
    afterwards, as sessions come and go.
    """
    scaled = turn.connected()
    if machines == 0 and not even_in_service:
        scaled.refuse_in_service(turn.colour)
    turn.set(scaled, scaled.group(turn.colour), machines)
