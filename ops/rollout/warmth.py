"""The machines of the colour that was left: kept for a while, and let go by AWS itself.

A minimum of one keeps idleness and surplus from taking the last machines (docs/adr/0512), and a
scheduled action of the group lowers it again. So it ends also where the machine of whoever
released it is gone.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from ops.aws_clients import FAILURES
from ops.console.errors import CommandFailedError

if TYPE_CHECKING:
    from mypy_boto3_autoscaling import AutoScalingClient

ACTION: Final = "perch-warm"
"""Name of the scheduled action."""


def keep_warm(api: AutoScalingClient, group: str, minutes: float) -> datetime | None:
    """Keep the machines that a group has for so long.

    Args:
        api: EC2 Auto Scaling of the stack's account, or of `perch up`.
        group: Name of the group.
        minutes: For how long; 0 for not at all.

    Returns:
        Until when (UTC); None where there is no machine to keep, or none was to be.

    Raises:
        CommandFailedError: AWS refuses.
    """
    try:
        found = api.describe_auto_scaling_groups(AutoScalingGroupNames=[group])
        if not minutes or not found["AutoScalingGroups"]:
            return None
        [described] = found["AutoScalingGroups"]
        machines = described["DesiredCapacity"]
        if not machines:
            return None
        until = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=minutes)
        # First what ends it: a crash between the two must not leave a minimum behind.
        api.put_scheduled_update_group_action(
            AutoScalingGroupName=group,
            ScheduledActionName=ACTION,
            StartTime=until,
            MinSize=_usual(api, group, described["MinSize"]),
        )
        api.update_auto_scaling_group(AutoScalingGroupName=group, MinSize=machines)
    except FAILURES as error:
        said = " ".join(str(error).split())
        raise CommandFailedError(f"the machines of {group} cannot be kept: {said}") from None
    return until


def _usual(api: AutoScalingClient, group: str, now: int) -> int:
    """Return a group's own minimum: what an action that is still to come would set it to."""
    planned = api.describe_scheduled_actions(
        AutoScalingGroupName=group, ScheduledActionNames=[ACTION]
    )["ScheduledUpdateGroupActions"]
    return planned[0].get("MinSize", now) if planned else now
