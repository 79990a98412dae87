"""A fault on a machine raises exactly the CloudWatch alarm that is meant for it, and it clears.

Evaluated by tests/infra/observability/metric_math.py, which reads the alarms' own expressions. Not
proved: that CloudWatch evaluates them alike, and that metrics arrive; only an account shows that.
"""

from dataclasses import dataclass, field
from typing import Final

import pytest

from infra.observability.alarm import Alarm, Metric
from infra.observability.alarm_table import colour_alarms, entrance_alarms
from tests.infra.observability.metric_math import is_in_alarm

ALARMS: Final = (*colour_alarms(1, 2700), *entrance_alarms(may_be_empty=False))
PERIODS: Final = 20
SAMPLES_A_MINUTE: Final = 4

HEALTHY: Final[dict[str, float | None]] = {
    "ActiveSessions": 20,
    "BootFailures": None,
    "DaysToExpiry": 200,
    "DiskFree": 80,
    "Finals": 1000,
    "FinalsInTime": 990,
    "FirstInterims": 1000,
    "FirstInterimsInTime": 990,
    "GatewayCertificateDays": 390,
    "GpuMemoryTotal": 24_000,
    "GpuMemoryUsed": 9_000,
    "GroupDesiredCapacity": 2,
    "GroupInServiceInstances": 2,
    "HTTPCode_ELB_5XX_Count": None,
    "HTTPCode_Target_5XX_Count": None,
    "LogAgentFailures": None,
    "ModelCacheSaveFailures": None,
    "RejectedConnectionCount": None,
    "RequestCount": 100,
    "SecretDays": 100,
    "SessionSlots": 50,
    "SessionsEnded": 200,
    "SessionsFailed": 0,
    "SessionsStarted": 200,
    "SessionsTurnedAway": 0,
    "TargetConnectionErrorCount": None,
    "UnHealthyHostCount": 0,
}


@dataclass(frozen=True)
class Fault:
    """What metrics are meanwhile, and of how many of the two machines samples come."""

    alarm: str
    values: dict[str, float | None] = field(default_factory=dict)
    sending: dict[str, int] = field(default_factory=dict)


FAULTS: Final = (
    Fault("first-interim-late", {"FirstInterimsInTime": 100}),
    Fault("final-late", {"FinalsInTime": 100}),
    Fault("sessions-failing", {"SessionsFailed": 40}),
    Fault("sessions-turned-away", {"SessionsTurnedAway": 40}),
    Fault("nearly-full", {"ActiveSessions": 48}),
    Fault("certificate-expires", {"DaysToExpiry": 20}),
    Fault("gateway-certificate", {"GatewayCertificateDays": 29.9}),
    Fault("secret-age", {"SecretDays": 365.5}),
    # One agent of two: nothing at all comes through it.
    Fault("metrics-missing", sending={"DiskFree": 1, "GpuMemoryTotal": 1}),
    # One GPU of two: the exporter leaves its values out and goes on.
    Fault("gpu-lost", sending={"GpuMemoryTotal": 1}),
    Fault("gpu-memory", {"GpuMemoryUsed": 23_900}),
    Fault("disk-space", {"DiskFree": 12}),
    Fault("targets-unhealthy", {"UnHealthyHostCount": 1}),
    Fault(
        "too-few-machines",
        {"GroupInServiceInstances": 0, "GroupDesiredCapacity": 0},
        {
            "DiskFree": 0,
            "GpuMemoryTotal": 0,
        },
    ),
)


def of(alarm: Alarm, metric: Metric, fault: Fault) -> float | None:
    """What a metric is in one period."""
    if metric.statistic == "SampleCount":
        machines = fault.sending.get(metric.name, 2)
        return machines * SAMPLES_A_MINUTE * alarm.period / 60 or None
    return fault.values.get(metric.name, HEALTHY[metric.name])


def raised(*phases: tuple[Fault, int]) -> set[str]:
    """The alarms that are in ALARM after phases of so many periods."""
    return {
        alarm.slug
        for alarm in ALARMS
        if is_in_alarm(
            alarm,
            {
                key: [of(alarm, metric, fault) for fault, periods in phases for _ in range(periods)]
                for key, metric in alarm.metrics.items()
            },
        )
    }


CALM: Final = Fault("")


def test_where_nothing_is_wrong_no_alarm_is_raised() -> None:
    assert raised((CALM, PERIODS)) == set()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.alarm)
def test_a_fault_raises_its_alarm_alone_and_its_end_clears_it(fault: Fault) -> None:
    assert raised((CALM, PERIODS), (fault, PERIODS)) == {fault.alarm}
    assert raised((CALM, PERIODS), (fault, PERIODS), (CALM, PERIODS)) == set()


def test_one_bad_period_of_five_minutes_and_few_events_wake_nobody() -> None:
    late = Fault("final-late", {"FinalsInTime": 0})
    assert "final-late" not in raised((CALM, PERIODS), (late, 1))
    few = Fault("final-late", {"Finals": 5, "FinalsInTime": 0})
    assert raised((few, PERIODS)) == set()
