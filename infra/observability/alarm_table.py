"""Which alarms there are: data, decided without AWS. `infra.observability.alarms` makes them."""

import math
from collections.abc import Iterator
from typing import Final

from infra.boot.environment import EXPORTER_SECONDS
from infra.boot.settings import METRICS_NAMESPACE
from infra.catalogue.limits import DISK_FREE_GB, FULL_SHARE, GPU_MEMORY_SHARE
from infra.catalogue.objectives import BURNS, MIN_EVENTS, OBJECTIVES, Objective, Series
from infra.observability.alarm import FIVE_MINUTES, Alarm, Metric, machine, single
from infra.observability.expiry_alarms import expiry_alarms

_ALB: Final = "AWS/ApplicationELB"


def _target(name: str, statistic: str) -> Metric:
    return Metric(
        namespace=_ALB,
        name=name,
        statistic=statistic,
        dimensions={"LoadBalancer": "balancer", "TargetGroup": "target_group"},
    )


def _boot(name: str) -> Metric:
    return Metric(
        namespace=METRICS_NAMESPACE,
        name=name,
        statistic="Sum",
        dimensions={"Environment": "environment", "Colour": "colour"},
    )


def _group(name: str, source: str = "group") -> Metric:
    return Metric(
        namespace="AWS/AutoScaling",
        name=name,
        statistic="Minimum",
        dimensions={"AutoScalingGroupName": source},
    )


def bad_percent(objective: Objective, prefix: str = "") -> tuple[dict[str, Series], str]:
    """Return the counters of an objective by id, and metric math for its bad events in percent.

    Below the fewest events that say something it is 0.

    Args:
        objective: The objective.
        prefix: Of the ids, in lower case.
    """
    one_of = objective.good or objective.bad
    if one_of is None:
        raise ValueError(f"objective {objective.slug} counts neither good nor bad events")
    series = dict(
        zip((f"{prefix}all", f"{prefix}further"), objective.all, strict=False),
        **{f"{prefix}part": one_of},
    )
    total = " + ".join(f"FILL({key}, 0)" for key in series if not key.endswith("part"))
    part = f"FILL({prefix}part, 0)"
    bad = part if objective.good is None else f"({total} - {part})"
    return series, f"IF({total} >= {MIN_EVENTS}, 100 * {bad} / ({total}), 0)"


def _objective(objective: Objective) -> Alarm:
    """Return the alarm of an objective whose budget burns fast.

    CloudWatch takes no windows of two lengths in one alarm: two of three periods of five minutes
    stand for both, and for the hour of `BURNS` the rate that is asked for.
    """
    burn = BURNS[0]
    series, expression = bad_percent(objective)
    return Alarm(
        slug=objective.slug,
        why=f"{objective.meaning} Promised: {objective.promise}.",
        severity=burn.severity,
        metrics={key: machine(one.cloudwatch, "Sum") for key, one in series.items()},
        expression=expression,
        threshold=round(100 * burn.share(objective), 4),
        period=FIVE_MINUTES,
        periods=3,
        breaching=2,
    )


def colour_alarms(min_machines: int, ready_seconds: int) -> Iterator[Alarm]:
    """Yield alarms of one colour; `perch canary` stops at any of them.

    Args:
        min_machines: Fewest machines the colour should have; 0 makes it no fault to have none.
        ready_seconds: How long its group waits for a machine.
    """
    yield Alarm(
        slug="targets-unhealthy",
        why="A machine in service cannot take a session: its recogniser is gone, or it is full.",
        severity="page",
        metrics=single(_target("UnHealthyHostCount", "Maximum")),
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
        metrics=single(_target("TargetConnectionErrorCount", "Sum")),
        threshold=5,
        breaching=3,
    )
    yield Alarm(
        slug="boot-failures",
        why="A machine gave up starting; the end of its log is in the model-cache bucket.",
        severity="ticket",
        metrics=single(_boot("BootFailures")),
        threshold=0,
        period=FIVE_MINUTES,
        periods=1,
        breaching=1,
    )
    yield Alarm(
        slug="log-agent-failures",
        why="A machine serves without its log agent: its logs and GPU metrics stay on it.",
        severity="ticket",
        metrics=single(_boot("LogAgentFailures")),
        threshold=0,
        period=FIVE_MINUTES,
        periods=1,
        breaching=1,
    )
    yield Alarm(
        slug="model-cache-failures",
        why="A machine could not store its models; every later one starts as slowly as the first.",
        severity="ticket",
        metrics=single(_boot("ModelCacheSaveFailures")),
        threshold=0,
        period=FIVE_MINUTES,
        periods=1,
        breaching=1,
    )
    late = math.ceil(ready_seconds / FIVE_MINUTES) + 1
    yield Alarm(
        slug="machines-missing",
        why="Machines that the group asks for have not come for longer than a start takes.",
        severity="ticket",
        # What a group asks for and not what the stack's file says: scaling and releases set it.
        metrics={
            "desired": _group("GroupDesiredCapacity"),
            "machines": _group("GroupInServiceInstances"),
        },
        expression="desired - machines",
        threshold=0,
        period=FIVE_MINUTES,
        periods=late,
        breaching=late,
    )
    yield Alarm(
        slug="nearly-full",
        why="More than 90 % of the session slots are taken, and new sessions will soon be refused.",
        severity="page",
        metrics={
            "active": machine("ActiveSessions", "Average"),
            "slots": machine("SessionSlots", "Average"),
        },
        expression="IF(slots > 0, 100 * active / slots, 0)",
        threshold=round(100 * FULL_SHARE),
        breaching=3,
    )
    yield Alarm(
        slug="gpu-memory",
        why="GPU memory is nearly used up; the recogniser's next allocation may fail.",
        severity="ticket",
        metrics={
            "used": machine("GpuMemoryUsed", "Maximum"),
            "total": machine("GpuMemoryTotal", "Minimum"),
        },
        expression="IF(total > 0, 100 * used / total, 0)",
        threshold=round(100 * GPU_MEMORY_SHARE),
        periods=15,
        breaching=15,
    )
    yield Alarm(
        slug="disk-space",
        why="Less than 20 GB are free on a machine's disk; a pull or a model build needs more.",
        severity="ticket",
        metrics=single(machine("DiskFree", "Minimum")),
        above=False,
        threshold=DISK_FREE_GB,
    )
    # Every machine's exporter sends a sample each 15 s through its CloudWatch agent.
    yield Alarm(
        slug="metrics-missing",
        why="A machine in service sends no metrics: its CloudWatch agent or exporter is dead, and "
        "the alarms on its words, GPU and disk see nothing.",
        severity="ticket",
        metrics={
            "machines": _group("GroupInServiceInstances"),
            "samples": machine("DiskFree", "SampleCount"),
        },
        expression=f"machines - FILL(samples, 0) / {FIVE_MINUTES // EXPORTER_SECONDS}",
        threshold=0.5,
        period=FIVE_MINUTES,
        periods=2,
        breaching=2,
    )
    yield Alarm(
        slug="gpu-lost",
        why="A machine's GPU does not answer nvidia-smi, and its recogniser with it.",
        severity="page",
        metrics={
            "host": machine("DiskFree", "SampleCount"),
            "gpu": machine("GpuMemoryTotal", "SampleCount"),
        },
        expression=f"(FILL(host, 0) - FILL(gpu, 0)) / {FIVE_MINUTES // EXPORTER_SECONDS}",
        threshold=0.5,
        period=FIVE_MINUTES,
        periods=2,
        breaching=2,
    )
    yield from map(_objective, OBJECTIVES)
    if min_machines > 0:
        yield Alarm(
            slug="too-few-machines",
            why="Fewer machines are in service than the stack asks for.",
            severity="page",
            metrics=single(_group("GroupInServiceInstances")),
            above=False,
            threshold=min_machines,
            periods=15,
            breaching=15,
            missing="breaching",
        )


def entrance_alarms(*, may_be_empty: bool) -> Iterator[Alarm]:
    """Yield alarms of what both colours share.

    Args:
        may_be_empty: Whether a stack without any machine is as it should be. Then refusals start
            one, and are no fault before it has come.
    """

    def balancer(name: str) -> Metric:
        return Metric(
            namespace=_ALB, name=name, statistic="Sum", dimensions={"LoadBalancer": "balancer"}
        )

    errors = balancer("HTTPCode_ELB_5XX_Count")
    groups = {
        colour: _group("GroupInServiceInstances", f"{colour}_group") for colour in ("blue", "green")
    }
    yield Alarm(
        slug="entrance-errors",
        why="The load balancer itself answers with 5xx: no machine could take the request.",
        severity="page",
        metrics={"errors": errors, **groups} if may_be_empty else single(errors),
        expression="IF(blue + green > 0, FILL(errors, 0), 0)" if may_be_empty else None,
        threshold=10,
        breaching=3,
    )
    yield Alarm(
        slug="connections-rejected",
        why="The load balancer is at its limit of connections.",
        severity="page",
        metrics=single(balancer("RejectedConnectionCount")),
        threshold=0,
        breaching=3,
    )
    yield from expiry_alarms()
