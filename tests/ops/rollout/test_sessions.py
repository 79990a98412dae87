"""How many sessions are left, and when the last one ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from ops.rollout import sessions

if TYPE_CHECKING:
    from collections.abc import Callable

    from ops.rollout.place import Place


def test_the_last_session_is_waited_for_and_timed() -> None:
    left, time = [2, 1, 0], SimpleNamespace(now=100.0)

    def sleep(seconds: float) -> None:
        time.now += seconds

    found = sessions.until_none(
        lambda: left.pop(0), since=99.0, seconds=60, clock=lambda: time.now, sleep=sleep
    )
    assert found == (0, 3.0)


@pytest.mark.parametrize("count", [3, None])
def test_the_wait_has_an_end(count: int | None) -> None:
    time = SimpleNamespace(now=0.0)

    def sleep(seconds: float) -> None:
        time.now += seconds

    found = sessions.until_none(
        lambda: count, since=0.0, seconds=5, clock=lambda: time.now, sleep=sleep
    )
    assert found == (count, None)
    assert time.now == 5.0


@pytest.mark.xdist_group("moto")
def test_only_what_was_reported_since_counts(place: Place, client: Callable[[str], Any]) -> None:
    cloudwatch, at = client("cloudwatch"), datetime.now(UTC)
    name = {"Name": "AutoScalingGroupName", "Value": place.scaling_groups["green"]}
    for minutes, value in ((-10, 7.0), (-2, 2.0)):
        point = {
            "MetricName": "ActiveSessions",
            "Dimensions": [name],
            "Timestamp": at + timedelta(minutes=minutes),
            "Value": value,
        }
        cloudwatch.put_metric_data(Namespace="Perch", MetricData=[point])
    since = at - timedelta(minutes=5)
    assert sessions.in_cloudwatch(cloudwatch, place, "green", since) == 2
    assert sessions.in_cloudwatch(cloudwatch, place, "green", at) is None
    assert sessions.in_cloudwatch(cloudwatch, place, "blue", since) is None
