"""How many machines of a colour run: by sessions, by idleness, by the clock."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.boot.settings import METRICS_NAMESPACE
from infra.config.sections import OfficeHours


@dataclass(frozen=True, kw_only=True)
class ScalingArgs:
    """What decides.

    Attributes:
        auto_scaling_group_name: The colour's group.
        streams_per_machine: Active sessions a machine is meant to carry.
        min_machines: Fewest while running.
        max_machines: Most.
        start_machines: How many the clock starts.
        idle_minutes: Without a session for so long, down to none; None for never.
        office_hours: When to run at all; None for always.
    """

    auto_scaling_group_name: pulumi.Input[str]
    streams_per_machine: int
    min_machines: int
    max_machines: int
    start_machines: int
    idle_minutes: int | None
    office_hours: OfficeHours | None


class Scaling(pulumi.ComponentResource):
    """Policies and scheduled actions of one auto scaling group."""

    def __init__(
        self, name: str, args: ScalingArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
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
        super().__init__("perch:infra:Scaling", name, None, opts)
        self._by_sessions(name, args)
        if args.idle_minutes is not None:
            self._by_idleness(name, args, args.idle_minutes)
        if args.office_hours is not None:
            self._by_clock(name, args, args.office_hours)
        self.register_outputs({})

    def _by_sessions(self, name: str, args: ScalingArgs) -> None:
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
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _by_idleness(self, name: str, args: ScalingArgs, minutes: int) -> None:
        child = pulumi.ResourceOptions(parent=self)
        none = aws.autoscaling.Policy(
            f"{name}-idle",
            autoscaling_group_name=args.auto_scaling_group_name,
            policy_type="StepScaling",
            adjustment_type="ExactCapacity",
            step_adjustments=[
                aws.autoscaling.PolicyStepAdjustmentArgs(
                    scaling_adjustment=0, metric_interval_upper_bound="0"
                )
            ],
            opts=child,
        )
        aws.cloudwatch.MetricAlarm(
            f"{name}-idle",
            alarm_description=f"No session for {minutes} minutes: {name} is stopped",
            namespace=METRICS_NAMESPACE,
            metric_name="ActiveSessions",
            dimensions={"AutoScalingGroupName": args.auto_scaling_group_name},
            statistic="Maximum",
            comparison_operator="LessThanOrEqualToThreshold",
            threshold=0,
            period=300,
            evaluation_periods=minutes // 5,
            # No machine, no data: nothing to stop.
            treat_missing_data="notBreaching",
            alarm_actions=[none.arn],
            tags={"Name": f"{name}-idle"},
            opts=child,
        )

    def _by_clock(self, name: str, args: ScalingArgs, hours: OfficeHours) -> None:
        child = pulumi.ResourceOptions(parent=self)
        aws.autoscaling.Schedule(
            f"{name}-start",
            scheduled_action_name="start",
            autoscaling_group_name=args.auto_scaling_group_name,
            recurrence=hours.start,
            time_zone=hours.time_zone,
            min_size=args.min_machines,
            max_size=args.max_machines,
            desired_capacity=max(args.min_machines, args.start_machines),
            opts=child,
        )
        aws.autoscaling.Schedule(
            f"{name}-stop",
            scheduled_action_name="stop",
            autoscaling_group_name=args.auto_scaling_group_name,
            recurrence=hours.stop,
            time_zone=hours.time_zone,
            min_size=0,
            max_size=args.max_machines,
            desired_capacity=0,
            opts=child,
        )
