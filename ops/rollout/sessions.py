"""How many sessions a colour still has: as its gateway here, or its machines in AWS, say."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import httpx

from ops.aws_clients import FAILURES
from ops.local.gateways import ask

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mypy_boto3_cloudwatch import CloudWatchClient

    from ops.rollout.place import Place
    from ops.stack import Colour

NAMESPACE: Final = "Perch"
ASK_S: Final = 2.0


def on_this_machine(place: Place, colour: Colour, identity: Path) -> int | None:
    """Return the sessions of a local stack's gateway; None where it does not answer.

    A gateway that does not answer may well have sessions: nothing is made up for it.

    Args:
        place: The stack's parts.
        colour: Whose gateway.
        identity: The gateways' PEM file (`StateFolder.gateway_tls`).
    """
    try:
        # Ready or not, it says how many it has.
        answer = ask(identity, place.gateway_ports[colour], "/readyz", seconds=ASK_S)
        sessions = answer.json()["sessions"]
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return None
    return sessions if isinstance(sessions, int) else None


def in_cloudwatch(
    api: CloudWatchClient, place: Place, colour: Colour, after: datetime
) -> int | None:
    """Return the sessions that a colour's machines last reported, all together.

    None where they have reported nothing since that moment: an older number says nothing of now.
    Machines report once a minute, and CloudWatch shows it within another one.
    """
    try:
        found = api.get_metric_statistics(
            Namespace=NAMESPACE,
            MetricName="ActiveSessions",
            Dimensions=[{"Name": "AutoScalingGroupName", "Value": place.scaling_groups[colour]}],
            StartTime=after,
            EndTime=datetime.now(UTC) + timedelta(minutes=1),
            Period=60,
            Statistics=["Sum"],
        )
    except FAILURES:
        return None
    points = sorted(
        (point for point in found["Datapoints"] if point["Timestamp"] >= after),
        key=lambda point: point["Timestamp"],
    )
    return int(points[-1].get("Sum", 0)) if points else None


def until_none(  # noqa: PLR0913 - a wait, and the clock it is measured by
    count: Callable[[], int | None],
    *,
    since: float,
    seconds: float,
    every: float = 1.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[int | None, float | None]:
    """Watch a colour until it has no session, or for so long.

    Args:
        count: Says how many there are.
        since: Moment on the clock from which it is counted.
        seconds: Watched for so long at most.
        every: Seconds between two looks.
        clock: Monotonic seconds.
        sleep: Waits for so many seconds.

    Returns:
        How many there were when last asked, None where nobody says; and the seconds until there
        were none, None where that was not seen.
    """
    begun = clock()
    while True:
        found = count()
        if found == 0:
            return 0, clock() - since
        if clock() - begun >= seconds:
            return found, None
        sleep(every)
