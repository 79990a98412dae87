"""Every alarm as it stands in AWS, in one table: what is watched, how, and whom it wakes.

A change that is meant is made in both places. That the metrics exist is held by
tests/infra/catalogue; that they move as they should, only an account shows.
"""

import re
from pathlib import Path
from typing import Any

import pytest

from infra.observability.alarm_table import colour_alarms
from ops.offline.engine.recording import Recording
from tests.infra.building import stack

pytestmark = pytest.mark.xdist_group("infra-program")

COLOUR = {
    "targets-unhealthy: page, UnHealthyHostCount Maximum > 0, 5 of 5 x 60 s, notBreaching",
    (
        "target-errors: page, HTTPCode_Target_5XX_Count Sum RequestCount Sum"
        " IF(requests >= 20, 100 * FILL(errors, 0) / requests, 0) > 5, 3 of 5 x 60 s, notBreaching"
    ),
    "targets-unreachable: page, TargetConnectionErrorCount Sum > 5, 3 of 5 x 60 s, notBreaching",
    "boot-failures: ticket, BootFailures Sum > 0, 1 of 1 x 300 s, notBreaching",
    (
        "nearly-full: page, ActiveSessions Average SessionSlots Average"
        " IF(slots > 0, 100 * active / slots, 0) > 90, 3 of 5 x 60 s, notBreaching"
    ),
    (
        "gpu-memory: ticket, GpuMemoryUsed Maximum GpuMemoryTotal Minimum"
        " IF(total > 0, 100 * used / total, 0) > 97, 15 of 15 x 60 s, notBreaching"
    ),
    "log-agent-failures: ticket, LogAgentFailures Sum > 0, 1 of 1 x 300 s, notBreaching",
    "model-cache-failures: ticket, ModelCacheSaveFailures Sum > 0, 1 of 1 x 300 s, notBreaching",
    (
        "machines-missing: ticket, GroupDesiredCapacity Minimum GroupInServiceInstances Minimum"
        " desired - machines > 0, 12 of 12 x 300 s, notBreaching"
    ),
    "disk-space: ticket, DiskFree Minimum < 20, 5 of 5 x 60 s, notBreaching",
    (
        "metrics-missing: ticket, GroupInServiceInstances Minimum DiskFree SampleCount"
        " machines - FILL(samples, 0) / 20 > 0.5, 2 of 2 x 300 s, notBreaching"
    ),
    (
        "gpu-lost: page, DiskFree SampleCount GpuMemoryTotal SampleCount"
        " (FILL(host, 0) - FILL(gpu, 0)) / 20 > 0.5, 2 of 2 x 300 s, notBreaching"
    ),
    (
        "first-interim-late: page, FirstInterims Sum FirstInterimsInTime Sum"
        " IF(FILL(all, 0) >= 20, 100 * (FILL(all, 0) - FILL(part, 0)) / (FILL(all, 0)), 0)"
        " > 72, 2 of 3 x 300 s, notBreaching"
    ),
    (
        "final-late: page, Finals Sum FinalsInTime Sum"
        " IF(FILL(all, 0) >= 20, 100 * (FILL(all, 0) - FILL(part, 0)) / (FILL(all, 0)), 0)"
        " > 72, 2 of 3 x 300 s, notBreaching"
    ),
    (
        "sessions-failing: page, SessionsEnded Sum SessionsFailed Sum"
        " IF(FILL(all, 0) >= 20, 100 * FILL(part, 0) / (FILL(all, 0)), 0)"
        " > 7.2, 2 of 3 x 300 s, notBreaching"
    ),
    (
        "sessions-turned-away: page, SessionsStarted Sum SessionsTurnedAway Sum"
        " SessionsTurnedAway Sum IF(FILL(all, 0) + FILL(further, 0) >= 20,"
        " 100 * FILL(part, 0) / (FILL(all, 0) + FILL(further, 0)), 0)"
        " > 7.2, 2 of 3 x 300 s, notBreaching"
    ),
}
FEWEST = "too-few-machines: page, GroupInServiceInstances Minimum < 2, 15 of 15 x 60 s, breaching"
"""Of a colour that should have two; no data is the loudest sign that a group has gone."""
ENTRANCE = {
    "entrance-errors: page, HTTPCode_ELB_5XX_Count Sum > 10, 3 of 5 x 60 s, notBreaching",
    "connections-rejected: page, RejectedConnectionCount Sum > 0, 3 of 5 x 60 s, notBreaching",
    "certificate-expires: ticket, DaysToExpiry Minimum < 30, 1 of 1 x 86400 s, notBreaching",
    (
        "gateway-certificate: ticket, GatewayCertificateDays Minimum GatewayCertificateDays Minimum"
        " IF(FILL(blue, 999) > FILL(green, 999), FILL(green, 999), FILL(blue, 999)) < 30,"
        " 1 of 1 x 3600 s, notBreaching"
    ),
    (
        "secret-age: ticket, SecretDays Maximum SecretDays Maximum"
        " IF(FILL(blue, 0) > FILL(green, 0), FILL(blue, 0), FILL(green, 0)) > 365,"
        " 1 of 1 x 86400 s, notBreaching"
    ),
}
COMPARED = {"GreaterThanThreshold": ">", "LessThanThreshold": "<"}
TOPIC = "arn:aws:sns:us-east-2:123456789012:topic:perch-prod-alarms"


@pytest.fixture(scope="module")
def prod() -> Recording:
    return stack("prod")


def told(alarm: dict[str, Any], prefix: str) -> str:
    """One alarm in a line."""
    parts, periods = [], set()
    for query in alarm.get("metricQueries") or [{"metric": {**alarm, "stat": alarm["statistic"]}}]:
        if "metric" in query:
            parts.append(f"{query['metric']['metricName']} {query['metric']['stat']}")
            periods.add(query["metric"]["period"])
        else:
            assert query["returnData"] is True
            parts.append(query["expression"])
    [period] = periods
    return (
        f"{alarm['name'].removeprefix(prefix)}: {alarm['tags']['Severity']}, {' '.join(parts)} "
        f"{COMPARED[alarm['comparisonOperator']]} {alarm['threshold']}, "
        f"{alarm['datapointsToAlarm']} of {alarm['evaluationPeriods']} x {period} s, "
        f"{alarm['treatMissingData']}"
    )


def alarms(prod: Recording) -> dict[str, dict[str, Any]]:
    """Those for people; tests/infra/machines has those that set off scaling."""
    found = prod.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")
    return {
        alarm.inputs["name"]: dict(alarm.inputs)
        for alarm in found
        if "Severity" in alarm.inputs["tags"]
    }


def lines(prod: Recording, prefix: str) -> set[str]:
    other = re.compile(rf"{prefix}(blue|green)-")
    return {
        told(alarm, prefix)
        for name, alarm in alarms(prod).items()
        if name.startswith(prefix) and not other.match(name)
    }


def test_each_colour_has_its_alarms_and_the_one_in_service_needs_its_machines(
    prod: Recording,
) -> None:
    assert lines(prod, "perch-prod-blue-") == COLOUR | {FEWEST}
    assert lines(prod, "perch-prod-green-") == COLOUR


def test_the_entrance_has_its_own(prod: Recording) -> None:
    assert lines(prod, "perch-prod-") == ENTRANCE


def test_a_stack_that_may_be_empty_is_refused_without_a_fault_until_a_machine_has_come() -> None:
    [errors] = [line for line in lines(stack("dev"), "perch-dev-") if "entrance-errors" in line]
    assert errors == (
        "entrance-errors: page, HTTPCode_ELB_5XX_Count Sum GroupInServiceInstances Minimum"
        " GroupInServiceInstances Minimum IF(blue + green > 0, FILL(errors, 0), 0) > 10,"
        " 3 of 5 x 60 s, notBreaching"
    )


def test_machines_are_missing_only_after_the_longest_start() -> None:
    for seconds in (3000, 3300, 7200):
        [alarm] = [one for one in colour_alarms(0, seconds) if one.slug == "machines-missing"]
        assert alarm.breaching == alarm.periods
        assert seconds <= (alarm.periods - 1) * alarm.period < seconds + alarm.period


def test_a_group_that_may_be_empty_is_no_fault_when_it_is() -> None:
    assert "too-few-machines" not in {alarm.slug for alarm in colour_alarms(0, 3300)}
    [fewest] = [one for one in colour_alarms(3, 3300) if one.slug == "too-few-machines"]
    assert fewest.threshold == 3


def test_a_ticket_is_sent_by_itself_and_a_page_once_for_all(prod: Recording) -> None:
    for name, alarm in alarms(prod).items():
        severity = alarm["tags"]["Severity"]
        assert alarm["alarmDescription"].startswith(f"{severity}: "), name
        assert alarm["alarmActions"] == ([TOPIC] if severity == "ticket" else []), name
    composites = {
        one.name: one.inputs for one in prod.of_type("aws:cloudwatch/compositeAlarm:CompositeAlarm")
    }
    pages = {name for name, alarm in alarms(prod).items() if alarm["tags"]["Severity"] == "page"}
    rule = composites["perch-prod-any"]["alarmRule"]
    assert set(rule.split(" OR ")) == {f'ALARM("{name}")' for name in pages}
    for name, composite in composites.items():
        actions = [TOPIC] if name == "perch-prod-any" else []
        assert (composite["alarmActions"], composite["okActions"]) == (actions, actions)


def test_a_notification_names_the_runbook_of_its_alarm_and_that_is_there(prod: Recording) -> None:
    runbooks = Path(__file__).resolve().parents[3] / "runbooks"
    found = alarms(prod)
    assert found
    for name, alarm in found.items():
        page = re.sub(r"perch-prod-((blue|green)-)?", "", name)
        assert alarm["alarmDescription"].endswith(f" What to do: runbooks/{page}.md"), name
        assert (runbooks / f"{page}.md").is_file(), name


def test_a_release_stops_at_any_alarm_of_its_colour(prod: Recording) -> None:
    for colour in ("blue", "green"):
        [any_of] = [
            one.inputs["alarmRule"]
            for one in prod.of_type("aws:cloudwatch/compositeAlarm:CompositeAlarm")
            if one.name == f"perch-prod-{colour}-any"
        ]
        wanted = {name for name in alarms(prod) if name.startswith(f"perch-prod-{colour}-")}
        assert set(any_of.split(" OR ")) == {f'ALARM("{name}")' for name in wanted}
