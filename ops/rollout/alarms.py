"""A colour's alarms: the composite one that stops a release, and those that would take machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.aws_clients import FAILURES
from ops.console.errors import CommandFailedError
from ops.stack import COLOURS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_cloudwatch import CloudWatchClient

    from ops.rollout.place import Place
    from ops.stack import Colour


class ColourAlarms:
    """Alarms of both colours.

    Args:
        place: The stack's parts.
        api: CloudWatch of its account, or of `perch up`.
    """

    def __init__(self, place: Place, api: CloudWatchClient) -> None:
        self._place = place
        self._api = api

    def ringing(self, colours: Sequence[Colour] = COLOURS) -> tuple[str, ...]:
        """Return the composite alarms of these colours that are in ALARM.

        Raises:
            CommandFailedError: CloudWatch does not say, or does not know one of them.
        """
        names = [self._place.alarm_names[colour] for colour in colours]
        try:
            found = self._api.describe_alarms(AlarmNames=names, AlarmTypes=["CompositeAlarm"])
        except FAILURES as error:
            raise self._failed("be read", error) from None
        states = {
            one.get("AlarmName"): one.get("StateValue") for one in found.get("CompositeAlarms", [])
        }
        if missing := [name for name in names if name not in states]:
            raise CommandFailedError(
                f"stack {self._place.environment} has no composite alarm {' and '.join(missing)}"
            )
        return tuple(name for name in names if states[name] == "ALARM")

    def hold(self, colour: Colour) -> None:
        """Let nothing take machines from a colour until it is released.

        Raises:
            CommandFailedError: CloudWatch refuses.
        """
        try:
            self._api.disable_alarm_actions(AlarmNames=self._existing(colour))
        except FAILURES as error:
            raise self._failed("be held", error) from None

    def release(self, colour: Colour) -> None:
        """Let surplus and idleness take machines from a colour again.

        Raises:
            CommandFailedError: CloudWatch refuses.
        """
        try:
            self._api.enable_alarm_actions(AlarmNames=self._existing(colour))
        except FAILURES as error:
            raise self._failed("be released", error) from None

    def _existing(self, colour: Colour) -> list[str]:
        """Return those that a stack has: none is idle where `scaling.idle_minutes` is not set."""
        found = self._api.describe_alarms(AlarmNames=list(self._place.held_alarms(colour)))
        return [one["AlarmName"] for one in found["MetricAlarms"] if "AlarmName" in one]

    def _failed(self, what: str, error: Exception) -> CommandFailedError:
        said = " ".join(str(error).split())
        return CommandFailedError(
            f"the alarms of stack {self._place.environment} cannot {what}: {said}"
        )
