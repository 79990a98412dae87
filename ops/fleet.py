"""The machines of a stack as AWS has them now: weights, groups and targets of both colours.

Read alone; what changes a number of machines is `ops.scale`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ops.aws_clients import FAILURES
from ops.console.errors import CommandFailedError
from ops.local.load_balancer.elb_api import read_action
from ops.local.load_balancer.routing import Forward

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from ops.stack import Colour, StackOutputs

IN_SERVICE: Final = "InService"
"""Lifecycle state of a machine that its group has taken into service."""
HEALTHY: Final = "healthy"
"""State of a target that is given sessions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine of a group.

    Attributes:
        id: EC2's id of it.
        type: Instance type.
        zone: Availability zone.
        state: Lifecycle state in its group, as in InService or Terminating:Wait.
        health: What its group says of it.
        launched: When EC2 launched it, UTC; None where EC2 does not show the machine.
        is_spot: Whether it is a spot machine; None likewise.
        ami_id: Its image; None likewise.
    """

    id: str
    type: str
    zone: str
    state: str
    health: str
    launched: datetime | None = None
    is_spot: bool | None = None
    ami_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A colour's auto scaling group.

    Attributes:
        name: Its name.
        desired: Machines that it asks for.
        fewest: Its minimum.
        most: Its maximum.
        machines: Those it has, in the order of their ids.
    """

    name: str
    desired: int
    fewest: int
    most: int
    machines: tuple[Machine, ...]

    @property
    def in_service(self) -> int:
        """How many machines are in service."""
        return sum(machine.state == IN_SERVICE for machine in self.machines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A machine as the load balancer sees it.

    Attributes:
        id: EC2's id of it.
        port: TCP port that is asked.
        state: healthy, unhealthy, initial, draining, unused, unavailable.
        reason: Why it is not healthy, in the load balancer's words; None where it says none.
    """

    id: str
    port: int
    state: str
    reason: str | None = None


class Fleet:
    """Reads a stack's machines.

    Args:
        stack: Name of the stack, for messages.
        outputs: What it exports.
        client: Returns a client of a service of the stack's account.
    """

    def __init__(self, stack: str, outputs: StackOutputs, client: Callable[[str], Any]) -> None:
        self._stack = stack
        self._outputs = outputs
        self._client = client

    def weights(self) -> Mapping[str, int] | None:
        """Return each colour's share of new sessions; None where the listener forwards to none.

        Raises:
            CommandFailedError: AWS does not tell.
        """
        arn = self._outputs.listener_arn
        try:
            found = self._client("elbv2").describe_listeners(ListenerArns=[arn])["Listeners"]
        except FAILURES as error:
            raise self.failed("the weights", error) from None
        action = read_action(found[0]["DefaultActions"]) if found else None
        if not isinstance(action, Forward):
            return None
        return {
            name: action.weights.get(colour.target_group_arn, 0)
            for name, colour in self._outputs.colours.items()
        }

    def group(self, colour: Colour) -> Group:
        """Return a colour's group with its machines.

        Raises:
            CommandFailedError: There is no such group, or AWS does not tell.
        """
        name = dict(self._outputs.colours.items())[colour].auto_scaling_group_name
        try:
            groups = self._client("autoscaling").describe_auto_scaling_groups(
                AutoScalingGroupNames=[name]
            )["AutoScalingGroups"]
            if not groups:
                raise CommandFailedError(f"stack {self._stack} has no group {name} in AWS")
            [group] = groups
            details = self._details([one["InstanceId"] for one in group["Instances"]])
        except FAILURES as error:
            raise self.failed(f"group {name}", error) from None
        return Group(
            name=name,
            desired=group["DesiredCapacity"],
            fewest=group["MinSize"],
            most=group["MaxSize"],
            machines=tuple(
                _machine(one, details.get(one["InstanceId"], {}))
                for one in sorted(group["Instances"], key=lambda one: str(one["InstanceId"]))
            ),
        )

    def _details(self, ids: list[str]) -> dict[str, Any]:
        """Return what EC2 says of machines, by id; one that is gone already is left out."""
        if not ids:
            return {}
        # By a filter, for an id that EC2 has forgotten would make the whole call fail.
        pages = self._client("ec2").get_paginator("describe_instances")
        return {
            found["InstanceId"]: found
            for page in pages.paginate(Filters=[{"Name": "instance-id", "Values": ids}])
            for reservation in page["Reservations"]
            for found in reservation["Instances"]
        }

    def targets(self, colour: Colour) -> tuple[Target, ...]:
        """Return a colour's targets with their health.

        Raises:
            CommandFailedError: AWS does not tell.
        """
        arn = dict(self._outputs.colours.items())[colour].target_group_arn
        try:
            found = self._client("elbv2").describe_target_health(TargetGroupArn=arn)
        except FAILURES as error:
            raise self.failed(f"the targets of {colour}", error) from None
        return tuple(
            Target(
                id=one["Target"]["Id"],
                port=one["Target"]["Port"],
                state=one["TargetHealth"]["State"],
                reason=one["TargetHealth"].get("Description") or one["TargetHealth"].get("Reason"),
            )
            for one in found["TargetHealthDescriptions"]
        )

    def failed(self, what: str, error: Exception) -> CommandFailedError:
        """Return the sentence for something that AWS does not tell."""
        said = " ".join(str(error).split())
        return CommandFailedError(f"{what} of stack {self._stack} cannot be read: {said}")


def _machine(member: Mapping[str, Any], details: Mapping[str, Any]) -> Machine:
    return Machine(
        id=member["InstanceId"],
        type=member.get("InstanceType") or details.get("InstanceType", "of an unknown type"),
        zone=member["AvailabilityZone"],
        state=member["LifecycleState"],
        health=member["HealthStatus"],
        launched=details.get("LaunchTime"),
        is_spot=details.get("InstanceLifecycle") == "spot" if details else None,
        ami_id=details.get("ImageId"),
    )
