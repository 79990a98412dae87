"""Which machines a stack has, and which one is meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ops.aws_clients import FAILURES
from ops.console.errors import CommandFailedError, ConfigurationError
from ops.stack import HOST_KEY_TAG

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import InstanceTypeDef

STATES: Final = ("pending", "running", "stopping", "stopped")
"""EC2's states of a machine that is not gone; only a running one can be reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One machine of a stack.

    Attributes:
        identity: Its EC2 id.
        colour: Which group it was started by; empty where a tag was taken away.
        state: EC2's word for what it does.
        launched: When it was started.
        host_key: Its SSH host key, `ssh-ed25519 AAAA...`; None until it has published one.
    """

    identity: str
    colour: str
    state: str
    launched: datetime
    host_key: str | None

    def __str__(self) -> str:
        """Return it as a person is told about it."""
        return (
            f"{self.identity} ({self.colour or 'no colour'}, {self.state}, "
            f"since {self.launched:%Y-%m-%d %H:%M} UTC)"
        )


def find(api: EC2Client, stack: str) -> tuple[Machine, ...]:
    """Return a stack's machines, the oldest first.

    Found by the tags of their launch template and not by their group, so that a machine which was
    detached from it to be looked at is found, too.

    Args:
        api: EC2 of the stack's account and region.
        stack: The output `environment`.

    Raises:
        CommandFailedError: AWS does not tell.
    """
    filters = {
        "tag:Project": ["perch"],
        "tag:Environment": [stack],
        "instance-state-name": list(STATES),
    }
    try:
        pages = api.get_paginator("describe_instances").paginate(
            Filters=[{"Name": name, "Values": values} for name, values in filters.items()]
        )
        found = [
            _machine(described)
            for page in pages
            for reservation in page["Reservations"]
            for described in reservation["Instances"]
        ]
    except FAILURES as error:
        said = " ".join(str(error).split())
        raise CommandFailedError(f"the machines of stack {stack} cannot be read: {said}") from None
    return tuple(sorted(found, key=lambda machine: (machine.launched, machine.identity)))


def _machine(described: InstanceTypeDef) -> Machine:
    tags = {tag["Key"]: tag["Value"] for tag in described.get("Tags", ())}
    return Machine(
        identity=described["InstanceId"],
        colour=tags.get("Colour", ""),
        state=described["State"]["Name"],
        launched=described["LaunchTime"],
        host_key=tags.get(HOST_KEY_TAG),
    )


def choose(
    machines: Sequence[Machine], stack: str, *, colour: str | None, identity: str | None
) -> Machine:
    """Return the one machine that is meant.

    Args:
        machines: All of the stack's.
        stack: Its name.
        colour: Only those of this colour; None for both.
        identity: EC2 id of the machine; None where there is only one to choose.

    Raises:
        ConfigurationError: There is no such machine, or more than one; names what there is.
    """
    of_colour = [machine for machine in machines if colour in {None, machine.colour}]
    meant = [machine for machine in of_colour if identity in {None, machine.identity}]
    named = colour or "any colour"
    if not meant:
        there = "; ".join(map(str, machines)) or "none"
        wanted = f"machine {identity}" if identity else f"machine of {named}"
        raise ConfigurationError(f"stack {stack} has no {wanted}; there are: {there}")
    if len(meant) > 1:
        raise ConfigurationError(
            f"stack {stack} has {len(meant)} machines of {named}; name one with --machine: "
            + "; ".join(map(str, meant))
        )
    return meant[0]
