"""Which alarms there are: data, decided without AWS. `infra.observability.alarms` makes them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from infra.boot.settings import METRICS_NAMESPACE

Severity = Literal["page", "ticket"]
Missing = Literal["notBreaching", "breaching", "missing"]

_ALB: Final = "AWS/ApplicationELB"
_MINUTE: Final = 60
_DAY: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One series.

    Attributes:
        namespace: CloudWatch namespace.
        name: Metric name.
        statistic: How a period's values become one.
        dimensions: Dimension -> the name of a value `infra.observability.alarms` knows: balancer,
            target_group, group, environment, colour, certificate.
    """

    namespace: str
    name: str
    statistic: str
    dimensions: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alarm.

    Attributes:
        slug: Its name after the stack's (and the colour's).
        why: What it means to a person, one sentence.
        severity: page: somebody gets up; ticket: somebody looks in working hours.
        metrics: Id -> series; more than one are joined by `expression`.
        expression: Metric math over those ids; None for a single series.
        above: Whether it alarms above the threshold, or below.
        threshold: In the metric's unit.
        period: Seconds.
        periods: How many periods are looked at.
        breaching: How many of them must breach.
        missing: What a period without data means.
    """

    slug: str
    why: str
    severity: Severity
    metrics: Mapping[str, Metric]
    expression: str | None = None
    above: bool = True
    threshold: float
    period: int = _MINUTE
    periods: int = 5
    breaching: int = 5
    missing: Missing = "notBreaching"
    tags: Mapping[str, str] = field(default_factory=dict)


def _one(metric: Metric) -> dict[str, Metric]:
    return {"m": metric}


def _target(name: str, statistic: str) -> Metric:
    return Metric(
        namespace=_ALB,
        name=name,
        statistic=statistic,
        dimensions={"LoadBalancer": "balancer", "TargetGroup": "target_group"},
    )


def _machine(name: str, statistic: str) -> Metric:
    return Metric(
        namespace=METRICS_NAMESPACE,
        name=name,
        statistic=statistic,
        dimensions={"AutoScalingGroupName": "group"},
    )


def _boot(name: str) -> Metric:
    return Metric(
        namespace=METRICS_NAMESPACE,
        name=name,
        statistic="Sum",
        dimensions={"Environment": "environment", "Colour": "colour"},
    )


def colour_alarms(min_machines: int) -> Iterator[Alarm]:
    """Yield alarms of one colour; `perch canary` stops at any of them.

    Args:
        min_machines: Fewest machines the colour should have; 0 makes it no fault to have none.
    """
    yield Alarm(
        slug="targets-unhealthy",
        why="A machine in service cannot take a session: its recogniser is gone, or it is full.",
        severity="page",
        metrics=_one(_target("UnHealthyHostCount", "Maximum")),
        threshold=0,
    )
    yield Alarm(
        slug="target-errors",
        why="More than 5 % of requests are answered with a 5xx by the gateways.",
        severity="page",
        metrics={
            "errors": _target("HTTPCode_Target_5XX_Count", "Sum"),
            "requests": _target("RequestCount", "Sum"),
        },
        # Below 20 requests a period, one error would already be 5 %.
        expression="IF(requests >= 20, 100 * FILL(errors, 0) / requests, 0)",
        threshold=5,
        breaching=3,
    )
    yield Alarm(
        slug="targets-unreachable",
        why="The load balancer cannot open connections to the gateways.",
        severity="page",
        metrics=_one(_target("TargetConnectionErrorCount", "Sum")),
        threshold=5,
        breaching=3,
    )
    yield Alarm(
        slug="boot-failures",
        why="A machine gave up starting; the end of its log is in the model-cache bucket.",
        severity="ticket",
        metrics=_one(_boot("BootFailures")),
        threshold=0,
        period=300,
        periods=1,
        breaching=1,
    )
    yield Alarm(
        slug="nearly-full",
        why="More than 90 % of the session slots are taken, and new sessions will soon be refused.",
        severity="page",
        metrics={
            "active": _machine("ActiveSessions", "Average"),
            "slots": _machine("SessionSlots", "Average"),
        },
        expression="IF(slots > 0, 100 * active / slots, 0)",
        threshold=90,
        breaching=3,
    )
    yield Alarm(
        slug="gpu-memory",
        why="GPU memory is nearly used up; the recogniser's next allocation may fail.",
        severity="ticket",
        metrics={
            "used": _machine("GpuMemoryUsed", "Maximum"),
            "total": _machine("GpuMemoryTotal", "Minimum"),
        },
        expression="IF(total > 0, 100 * used / total, 0)",
        threshold=97,
        periods=15,
        breaching=15,
    )
    yield Alarm(
        slug="disk-space",
        why="Less than 20 GB are free on a machine's disk; a pull or a model build needs more.",
        severity="ticket",
        metrics=_one(_machine("DiskFree", "Minimum")),
        above=False,
        threshold=20,
    )
    if min_machines > 0:
        yield Alarm(
            slug="too-few-machines",
            why="Fewer machines are in service than the stack asks for.",
            severity="page",
            metrics=_one(
                Metric(
                    namespace="AWS/AutoScaling",
                    name="GroupInServiceInstances",
                    statistic="Minimum",
                    dimensions={"AutoScalingGroupName": "group"},
                )
            ),
            above=False,
            threshold=min_machines,
            periods=15,
            breaching=15,
            missing="breaching",
        )


def entrance_alarms() -> Iterator[Alarm]:
    """Yield alarms of what both colours share."""

    def balancer(name: str) -> dict[str, Metric]:
        return _one(
            Metric(
                namespace=_ALB, name=name, statistic="Sum", dimensions={"LoadBalancer": "balancer"}
            )
        )

    yield Alarm(
        slug="entrance-errors",
        why="The load balancer itself answers with 5xx: no machine could take the request.",
        severity="page",
        metrics=balancer("HTTPCode_ELB_5XX_Count"),
        threshold=10,
        breaching=3,
    )
    yield Alarm(
        slug="connections-rejected",
        why="The load balancer is at its limit of connections.",
        severity="page",
        metrics=balancer("RejectedConnectionCount"),
        threshold=0,
        breaching=3,
    )
    yield Alarm(
        slug="certificate-expires",
        why="The certificate ends in less than 30 days and has not renewed itself.",
        severity="ticket",
        metrics=_one(
            Metric(
                namespace="AWS/CertificateManager",
                name="DaysToExpiry",
                statistic="Minimum",
                dimensions={"CertificateArn": "certificate"},
            )
        ),
        above=False,
        threshold=30,
        period=_DAY,
        periods=1,
        breaching=1,
    )
