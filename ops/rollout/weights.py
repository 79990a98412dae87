"""The listener's weights: read, turned in one call, and read again until they hold."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, cast

from ops.aws_clients import FAILURES
from ops.console.errors import CommandFailedError
from ops.rollout.steps import FULL
from ops.stack import COLOURS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client

    from ops.rollout.place import Place
    from ops.stack import Colour

READ_BACK_S: Final = 20.0
"""How long the weights may take to be read as they were written. Not documented by AWS; ELB's API
answers with what was last written, so this is for a call that was lost."""
READ_EVERY_S: Final = 1.0


class Weights:
    """Weights of one listener.

    Args:
        place: The stack's parts.
        api: Elastic Load Balancing of its account, or of `perch up`.
        clock: Monotonic seconds.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self,
        place: Place,
        api: ElasticLoadBalancingv2Client,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._place = place
        self._api = api
        self._clock = clock
        self._sleep = sleep

    def read(self) -> Mapping[Colour, int]:
        """Return the weight of each colour as ELB says it; a group that is not named has 0.

        Raises:
            CommandFailedError: ELB does not say, or the listener does not forward to these groups
                alone.
        """
        forward = self._action()["ForwardConfig"]
        found = {
            one["TargetGroupArn"]: int(one.get("Weight", 1)) for one in forward["TargetGroups"]
        }
        groups = self._place.target_groups
        if strange := set(found) - set(groups.values()):
            raise CommandFailedError(
                f"listener {self._place.listener_arn} forwards to {', '.join(sorted(strange))} "
                "too, which is no colour's target group; remove that by hand first"
            )
        return {colour: found.get(groups[colour], 0) for colour in COLOURS}

    def share(self, colour: Colour) -> int | None:
        """Return a colour's weight in percent; None where both do not add up to a hundred."""
        weights = self.read()
        return weights[colour] if sum(weights.values()) == FULL else None

    def turn(self, colour: Colour, weight: int) -> None:
        """Give a colour its share and the other one the rest, in one call.

        Args:
            colour: Whose share.
            weight: In percent, 0 to 100.

        Raises:
            ValueError: It is no percentage.
            CommandFailedError: ELB refuses.
        """
        if not 0 <= weight <= FULL:
            raise ValueError(f"weight is {weight}; accepted: 0 to {FULL}")
        action = self._action()
        # Everything else stays as it is: stickiness, and what somebody may have set beside it.
        action["ForwardConfig"]["TargetGroups"] = [
            {
                "TargetGroupArn": self._place.target_groups[name],
                "Weight": weight if name == colour else FULL - weight,
            }
            for name in COLOURS
        ]
        # ELB refuses an action with both when they differ; the configuration says it all.
        action.pop("TargetGroupArn", None)
        try:
            self._api.modify_listener(
                ListenerArn=self._place.listener_arn, DefaultActions=[cast("Any", action)]
            )
        except FAILURES as error:
            raise self._failed("turned", error) from None

    def hold(self, colour: Colour, weight: int) -> tuple[int | None, float]:
        """Turn the weights and read them until they are so.

        Returns:
            The colour's share as it was last read, None where that could not be; and the seconds
            from the call until that answer.

        Raises:
            CommandFailedError: ELB refuses the change.
        """
        begun = self._clock()
        self.turn(colour, weight)
        while True:
            try:
                share = self.share(colour)
            except CommandFailedError:
                # Turned it may be all the same; the next answer says.
                share = None
            seconds = self._clock() - begun
            if share == weight or seconds >= READ_BACK_S:
                return share, seconds
            self._sleep(READ_EVERY_S)

    def healthy(self, colour: Colour) -> tuple[int, Mapping[str, int]]:
        """Return how many targets of a colour are healthy, and those that are not by their state.

        Raises:
            CommandFailedError: ELB does not say.
        """
        group = self._place.target_groups[colour]
        try:
            found = self._api.describe_target_health(TargetGroupArn=group)
        except FAILURES as error:
            raise self._failed("asked for the health of its targets", error) from None
        states = Counter(
            one.get("TargetHealth", {}).get("State", "unknown")
            for one in found["TargetHealthDescriptions"]
        )
        return states.pop("healthy", 0), states

    def _action(self) -> dict[str, Any]:
        """Return the listener's forward action, as ELB takes it back."""
        arn = self._place.listener_arn
        try:
            [listener] = self._api.describe_listeners(ListenerArns=[arn])["Listeners"]
        except FAILURES as error:
            raise self._failed("read", error) from None
        actions = cast("list[dict[str, Any]]", listener.get("DefaultActions", []))
        if len(actions) != 1 or "ForwardConfig" not in actions[0]:
            kinds = ", ".join(str(action.get("Type")) for action in actions) or "nothing"
            raise CommandFailedError(
                f"listener {arn} does {kinds} by default; accepted: one forward by weight, as the "
                "program made it"
            )
        return {**actions[0], "ForwardConfig": dict(actions[0]["ForwardConfig"])}

    def _failed(self, done: str, error: Exception) -> CommandFailedError:
        said = " ".join(str(error).split())
        return CommandFailedError(
            f"listener {self._place.listener_arn} of stack {self._place.environment} cannot be "
            f"{done}: {said}"
        )
