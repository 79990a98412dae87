"""Which alarms of a stack are in ALARM."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ops.aws_clients import FAILURES
from ops.console.errors import CommandFailedError
from ops.status.report import AlarmFact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ops.stack import StackOutputs

ENTRANCE_ALARMS: Final = frozenset(
    {
        *("any", "certificate-expires", "connections-rejected", "entrance-errors"),
        *("gateway-certificate", "secret-age"),
    }
)
"""Alarms of a stack that are of no colour, after its name; a test holds them equal to its own."""


def ringing(stack: str, outputs: StackOutputs, api: Any) -> tuple[AlarmFact, ...]:  # noqa: ANN401 - boto3's own type is known by literals alone
    """Return the stack's alarms that are in ALARM, but those by which groups are scaled.

    Args:
        stack: Name of the stack, for messages.
        outputs: What it exports.
        api: CloudWatch of its account, or of `perch up`.

    Raises:
        CommandFailedError: CloudWatch does not tell.
    """
    try:
        pages = api.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=f"perch-{outputs.environment}-",
            AlarmTypes=["MetricAlarm", "CompositeAlarm"],
            StateValue="ALARM",
        )
        found = [
            alarm
            for page in pages
            for alarm in (*page.get("MetricAlarms", ()), *page.get("CompositeAlarms", ()))
            # Beside a prefix, moto does not look at the state.
            if alarm["StateValue"] == "ALARM"
        ]
    except FAILURES as error:
        said = " ".join(str(error).split())
        raise CommandFailedError(f"the alarms of stack {stack} cannot be read: {said}") from None
    return tuple(_faults(outputs.environment, found))


def _faults(environment: str, alarms: list[dict[str, Any]]) -> Iterator[AlarmFact]:
    for alarm in sorted(alarms, key=lambda alarm: str(alarm["AlarmName"])):
        is_scaling = any(":scalingPolicy:" in action for action in alarm["AlarmActions"])
        if not is_scaling and is_of(environment, alarm["AlarmName"]):
            yield AlarmFact(
                name=alarm["AlarmName"],
                since=alarm.get("StateTransitionedTimestamp") or alarm.get("StateUpdatedTimestamp"),
                why=alarm.get("AlarmDescription") or "",
            )


def is_of(environment: str, alarm: str) -> bool:
    """Say whether an alarm is of an environment, and not of one whose name only begins so."""
    rest = alarm.removeprefix(f"perch-{environment}-")
    return rest in ENTRANCE_ALARMS or re.match(r"(blue|green)-", rest) is not None
