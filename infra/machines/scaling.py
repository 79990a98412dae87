"""How many machines of a colour run: by sessions, by idleness, by refusals, by the clock.

Which colour has the sessions is a matter of the listener's weights, which are turned by hand
(docs/adr/0502). So nothing here knows it: what takes machines away looks at sessions, and the
clock only holds some and takes none.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from infra.boot.settings import METRICS_NAMESPACE
from infra.config.sections import OfficeHours

UNCHANGED: Final = -1
"""What the provider takes for a number that a scheduled action leaves alone."""

FULLEST: Final = 0.8
"""Of streams_per_machine: what the machines that stay may carry, so that no other is started."""

_MINUTE: Final = 60
_FIVE_MINUTES: Final = 300
_CALM_MINUTES: Final = 15
"""So long a machine must be too many: as long as target tracking waits with its own (EC2 Auto
Scaling User Guide, target tracking)."""


@dataclass(frozen=True, kw_only=True)
class ScalingArgs:
    """What decides.

    Attributes:
        auto_scaling_group_name: The colour's group.
        balancer_suffix: How CloudWatch names the load balancer, whose refusals start a machine.
        streams_per_machine: Active sessions a machine is meant to carry.
        min_machines: Fewest while running.
        max_machines: Most.
        start_machines: How many the clock holds.
        idle_minutes: Without a session for so long, down to none; None for never.
        office_hours: When the clock holds machines; None for never.
    """

    auto_scaling_group_name: pulumi.Input[str]
    balancer_suffix: pulumi.Input[str]
    streams_per_machine: int
    min_machines: int
    max_machines: int
    start_machines: int
    idle_minutes: int | None
    office_hours: OfficeHours | None


def held_by_clock(min_machines: int, start_machines: int, hours: OfficeHours | None) -> bool:
    """Say whether the clock moves a group's minimum."""
    return hours is not None and start_machines > min_machines


@dataclass(frozen=True, kw_only=True)
class _Step:
    """One step policy, and the alarm that sets it off.

    Attributes:
        slug: The name of both.
        why: What happens, a sentence for people.
        metrics: Id -> series.
        expression: Metric math over those ids.
        above: It is set off above this.
        periods: How many periods in a row it must be.
        adjustment: Type and number of the policy.
        takes: Whether it takes machines, and a release may have to hold them.
    """

    slug: str
    why: str
    metrics: Mapping[str, aws.cloudwatch.MetricAlarmMetricQueryMetricArgs]
    expression: str
    above: float
    periods: int
    adjustment: tuple[str, int]
    takes: bool


class Scaling(pulumi.ComponentResource):
    """Policies, their alarms and scheduled actions of one auto scaling group."""

    def __init__(
        self, name: str, args: ScalingArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        _check(args)
        super().__init__("perch:infra:Scaling", name, None, opts)
        self._more(name, args)
        self._fewer(name, args)
        if args.idle_minutes is not None:
            self._none(name, args, args.idle_minutes)
            self._first(name, args)
        if args.office_hours is not None and held_by_clock(
            args.min_machines, args.start_machines, args.office_hours
        ):
            self._hold(name, args, args.office_hours)
        self.register_outputs({})

    def _more(self, name: str, args: ScalingArgs) -> None:
        """Add machines where sessions are more than they are meant to carry."""
        # The average of what each machine reports is sessions per machine, the very thing to hold.
        metric = aws.autoscaling.PolicyTargetTrackingConfigurationCustomizedMetricSpecificationArgs(
            namespace=METRICS_NAMESPACE,
            metric_name="ActiveSessions",
            statistic="Average",
            metric_dimensions=[
                aws.autoscaling.PolicyTargetTrackingConfigurationCustomizedMetricSpecificationMetricDimensionArgs(
                    name="AutoScalingGroupName", value=args.auto_scaling_group_name
                )
            ],
        )
        aws.autoscaling.Policy(
            f"{name}-sessions",
            autoscaling_group_name=args.auto_scaling_group_name,
            policy_type="TargetTrackingScaling",
            estimated_instance_warmup=300,
            target_tracking_configuration=aws.autoscaling.PolicyTargetTrackingConfigurationArgs(
                customized_metric_specification=metric,
                target_value=float(args.streams_per_machine),
                # It would take the last machine of a group whose minimum is 0, whatever
                # idle_minutes says, and nobody could keep it from taking what waits for a release.
                disable_scale_in=True,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _fewer(self, name: str, args: ScalingArgs) -> None:
        """Take one machine of those whose sessions the others could carry; never the last."""
        room = f"{args.streams_per_machine * FULLEST:g} * (machines - 1) - sessions * machines"
        # While a machine that is asked for has not come, none is too many.
        fewest = max(args.min_machines, 1)
        self._step(
            _Step(
                slug=f"{name}-surplus",
                why=f"A machine of {name} is too many: the others could carry its sessions",
                metrics={
                    "sessions": _sessions(args, "Average"),
                    "machines": _group(args, "GroupInServiceInstances"),
                    "desired": _group(args, "GroupDesiredCapacity"),
                },
                expression=f"IF(machines > {fewest} AND machines >= desired, {room}, -1)",
                above=0,
                periods=_CALM_MINUTES,
                adjustment=("ChangeInCapacity", -1),
                takes=True,
            ),
            args,
        )

    def _none(self, name: str, args: ScalingArgs, minutes: int) -> None:
        """Take the last machines where nobody spoke for so long."""
        self._step(
            _Step(
                slug=f"{name}-idle",
                why=f"No session for {minutes} minutes: {name} is stopped",
                metrics={
                    "sessions": _sessions(args, "Maximum", _FIVE_MINUTES),
                    "machines": _group(args, "GroupInServiceInstances", _FIVE_MINUTES),
                },
                # A machine that starts has no session either, for longer than idle_minutes may be.
                expression="IF(machines > 0, 0 - sessions, -1)",
                above=-1,
                periods=math.ceil(minutes * _MINUTE / _FIVE_MINUTES),
                adjustment=("ExactCapacity", 0),
                takes=True,
            ),
            args,
        )

    def _first(self, name: str, args: ScalingArgs) -> None:
        """Start a machine where there is none and the load balancer had to refuse somebody.

        The load balancer does not say for which colour: its own refusals are counted as a whole,
        and requests of a target group only once a target was chosen (ELB User Guide, CloudWatch
        metrics). So each colour without a machine starts one; idleness takes the other again.
        """
        refused = aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
            namespace="AWS/ApplicationELB",
            metric_name="HTTPCode_ELB_503_Count",
            dimensions={"LoadBalancer": args.balancer_suffix},
            stat="Sum",
            period=_MINUTE,
        )
        self._step(
            _Step(
                slug=f"{name}-wake",
                why=f"Somebody was refused while {name} has no machine: one is started",
                metrics={"refused": refused, "desired": _group(args, "GroupDesiredCapacity")},
                # Once a machine is asked for, it is waited for; an exact number would lower theirs.
                expression="IF(desired < 1, FILL(refused, 0), 0)",
                above=0,
                periods=1,
                adjustment=("ExactCapacity", 1),
                takes=False,
            ),
            args,
        )

    def _step(self, step: _Step, args: ScalingArgs) -> None:
        """Make a step policy, and the alarm over a metric math expression that sets it off."""
        kind, number = step.adjustment
        policy = aws.autoscaling.Policy(
            step.slug,
            autoscaling_group_name=args.auto_scaling_group_name,
            policy_type="StepScaling",
            adjustment_type=kind,
            step_adjustments=[
                aws.autoscaling.PolicyStepAdjustmentArgs(
                    scaling_adjustment=number, metric_interval_lower_bound="0"
                )
            ],
            opts=pulumi.ResourceOptions(parent=self),
        )
        aws.cloudwatch.MetricAlarm(
            step.slug,
            # Chosen, because people who hold machines for a release name it.
            name=step.slug,
            alarm_description=step.why,
            metric_queries=_queries(step.metrics, step.expression),
            comparison_operator="GreaterThanThreshold",
            threshold=step.above,
            evaluation_periods=step.periods,
            datapoints_to_alarm=step.periods,
            # No machine, no data: nothing to take, and nobody to be sure of.
            treat_missing_data="notBreaching",
            alarm_actions=[policy.arn],
            tags={"Name": step.slug},
            opts=pulumi.ResourceOptions(
                parent=self,
                # A release holds what it has started; `pulumi up` meanwhile must not let it go.
                ignore_changes=["actionsEnabled"] if step.takes else None,
            ),
        )

    def _hold(self, name: str, args: ScalingArgs, hours: OfficeHours) -> None:
        """Keep so many machines from start to stop; what runs beyond them is left alone.

        A number that is set by the clock would take machines from sessions. A minimum that rises
        starts what is missing, and one that falls stops nothing.
        """
        turns: Sequence[tuple[str, str, int]] = (
            ("start", hours.start, args.start_machines),
            ("stop", hours.stop, args.min_machines),
        )
        for turn, recurrence, fewest in turns:
            aws.autoscaling.Schedule(
                f"{name}-{turn}",
                scheduled_action_name=turn,
                autoscaling_group_name=args.auto_scaling_group_name,
                recurrence=recurrence,
                time_zone=hours.time_zone,
                min_size=fewest,
                max_size=UNCHANGED,
                desired_capacity=UNCHANGED,
                opts=pulumi.ResourceOptions(parent=self),
            )


def _sessions(
    args: ScalingArgs, statistic: str, period: int = _MINUTE
) -> aws.cloudwatch.MetricAlarmMetricQueryMetricArgs:
    return aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
        namespace=METRICS_NAMESPACE,
        metric_name="ActiveSessions",
        dimensions={"AutoScalingGroupName": args.auto_scaling_group_name},
        stat=statistic,
        period=period,
    )


def _group(
    args: ScalingArgs, metric: str, period: int = _MINUTE
) -> aws.cloudwatch.MetricAlarmMetricQueryMetricArgs:
    return aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
        namespace="AWS/AutoScaling",
        metric_name=metric,
        dimensions={"AutoScalingGroupName": args.auto_scaling_group_name},
        stat="Minimum",
        period=period,
    )


def _queries(
    metrics: Mapping[str, aws.cloudwatch.MetricAlarmMetricQueryMetricArgs], expression: str
) -> list[aws.cloudwatch.MetricAlarmMetricQueryArgs]:
    series = [
        aws.cloudwatch.MetricAlarmMetricQueryArgs(id=key, metric=metric)
        for key, metric in metrics.items()
    ]
    result = aws.cloudwatch.MetricAlarmMetricQueryArgs(
        id="result", expression=expression, label="result", return_data=True
    )
    return [*series, result]


def _check(args: ScalingArgs) -> None:
    if args.idle_minutes is not None and args.min_machines > 0:
        raise ValueError(
            f"min_machines is {args.min_machines};"
            " accepted: 0, as idle_minutes takes all machines away"
        )
    if args.start_machines > args.max_machines:
        raise ValueError(
            f"start_machines is {args.start_machines};"
            f" accepted: at most max_machines ({args.max_machines})"
        )
    if (
        args.idle_minutes is None
        and args.min_machines == 0
        and held_by_clock(args.min_machines, args.start_machines, args.office_hours)
    ):
        raise ValueError(
            "idle_minutes is None; accepted: a number, as office_hours take no machine away"
        )
