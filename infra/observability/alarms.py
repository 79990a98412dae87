"""Who is notified of what: metric alarms, composites a colour and for all, and a topic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.config.sections import COLOURS, Colour
from infra.iam import Statement, policy
from infra.observability.alarm import Alarm, Metric
from infra.observability.alarm_table import colour_alarms, entrance_alarms


@dataclass(frozen=True, kw_only=True)
class Watched:
    """One colour as its alarms see it.

    Attributes:
        target_group_suffix: How CloudWatch names the target group.
        auto_scaling_group_name: The group.
        min_machines: Fewest machines it should have.
        ready_seconds: How long the group waits for a machine.
    """

    target_group_suffix: pulumi.Input[str]
    auto_scaling_group_name: pulumi.Input[str]
    min_machines: int
    ready_seconds: int


@dataclass(frozen=True, kw_only=True)
class AlarmsArgs:
    """What is watched and who is notified.

    Attributes:
        environment: The stack's name.
        account_id: Only its services may publish.
        balancer_suffix: How CloudWatch names the load balancer.
        certificate_arn: The certificate in use.
        colours: Both colours.
        may_be_empty: Whether it is no fault of the stack to have no machine at all.
        emails: Who is notified; each must confirm once.
        key_arn: KMS key of the messages.
    """

    environment: str
    account_id: pulumi.Input[str]
    balancer_suffix: pulumi.Input[str]
    certificate_arn: pulumi.Input[str]
    colours: Mapping[Colour, Watched]
    may_be_empty: bool
    emails: Sequence[str]
    key_arn: pulumi.Input[str]


class Alarms(pulumi.ComponentResource):
    """Alarms of one environment.

    Attributes:
        topic_arn: SNS topic they publish to.
        colour_alarm_names: Colour -> composite alarm that is in ALARM when any of the colour's is.
    """

    topic_arn: pulumi.Output[str]
    colour_alarm_names: Mapping[Colour, pulumi.Output[str]]

    def __init__(
        self, name: str, args: AlarmsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        if set(args.colours) != set(COLOURS):
            raise ValueError(
                f"colours has {sorted(args.colours)}; accepted: {' and '.join(COLOURS)}"
            )
        super().__init__("perch:infra:Alarms", name, None, opts)
        topic = self._topic(name, args)
        shared: dict[str, pulumi.Input[str]] = {
            "balancer": args.balancer_suffix,
            "certificate": args.certificate_arn,
            "environment": args.environment,
            **{
                f"{colour}_group": args.colours[colour].auto_scaling_group_name
                for colour in COLOURS
            },
        }
        composites: dict[Colour, pulumi.Output[str]] = {}
        pages = []
        for colour in COLOURS:
            watched = args.colours[colour]
            values = {
                **shared,
                "colour": colour,
                "group": watched.auto_scaling_group_name,
                "target_group": watched.target_group_suffix,
            }
            made = [
                (alarm, self._alarm(f"{name}-{colour}", alarm, values, topic))
                for alarm in colour_alarms(watched.min_machines, watched.ready_seconds)
            ]
            composites[colour] = self._composite(
                f"{name}-{colour}",
                f"Something is wrong with {colour}; a release to it must stop.",
                [resource for _, resource in made],
                topic=None,
            )
            pages += [resource for alarm, resource in made if alarm.severity == "page"]
        for alarm in entrance_alarms(may_be_empty=args.may_be_empty):
            resource = self._alarm(name, alarm, shared, topic)
            if alarm.severity == "page":
                pages.append(resource)
        self._composite(name, f"Speech recognition in {args.environment} is at risk.", pages, topic)
        self.topic_arn = topic.arn
        self.colour_alarm_names = composites
        self.register_outputs({"topic_arn": topic.arn, "colour_alarm_names": composites})

    def _topic(self, name: str, args: AlarmsArgs) -> aws.sns.Topic:
        child = pulumi.ResourceOptions(parent=self)
        topic = aws.sns.Topic(
            f"{name}-alarms",
            kms_master_key_id=args.key_arn,
            tags={"Name": f"{name}-alarms"},
            opts=child,
        )
        publish = Statement(
            sid="Publish",
            actions=["sns:Publish"],
            resources=[topic.arn],
            principals={"Service": ["budgets.amazonaws.com", "cloudwatch.amazonaws.com"]},
            conditions={"StringEquals": {"aws:SourceAccount": args.account_id}},
        )
        aws.sns.TopicPolicy(f"{name}-alarms", arn=topic.arn, policy=policy(publish), opts=child)
        for email in args.emails:
            aws.sns.TopicSubscription(
                f"{name}-alarms-{email.replace('@', '-at-')}",
                topic=topic.arn,
                protocol="email",
                endpoint=email,
                opts=child,
            )
        return topic

    def _alarm(
        self,
        name: str,
        alarm: Alarm,
        values: Mapping[str, pulumi.Input[str]],
        topic: aws.sns.Topic,
    ) -> aws.cloudwatch.MetricAlarm:
        single = alarm.metrics["m"] if alarm.expression is None else None
        return aws.cloudwatch.MetricAlarm(
            f"{name}-{alarm.slug}",
            name=f"{name}-{alarm.slug}",
            alarm_description=alarm.description,
            comparison_operator="GreaterThanThreshold" if alarm.above else "LessThanThreshold",
            threshold=alarm.threshold,
            evaluation_periods=alarm.periods,
            datapoints_to_alarm=alarm.breaching,
            treat_missing_data=alarm.missing,
            period=alarm.period if single else None,
            namespace=single.namespace if single else None,
            metric_name=single.name if single else None,
            statistic=single.statistic if single else None,
            dimensions=_dimensions(single, values) if single else None,
            metric_queries=None if single else _queries(alarm, values),
            # A ticket notifies by itself; a page by the composite, once.
            alarm_actions=[topic.arn] if alarm.severity == "ticket" else [],
            tags={"Name": f"{name}-{alarm.slug}", "Severity": alarm.severity},
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _composite(
        self,
        name: str,
        why: str,
        alarms: Sequence[aws.cloudwatch.MetricAlarm],
        topic: aws.sns.Topic | None,
    ) -> pulumi.Output[str]:
        rule = pulumi.Output.all(*(alarm.name for alarm in alarms)).apply(
            lambda names: " OR ".join(f'ALARM("{found}")' for found in names)
        )
        actions = [topic.arn] if topic else []
        return aws.cloudwatch.CompositeAlarm(
            f"{name}-any",
            alarm_name=f"{name}-any",
            alarm_description=why,
            alarm_rule=rule,
            alarm_actions=actions,
            ok_actions=actions,
            tags={"Name": f"{name}-any"},
            opts=pulumi.ResourceOptions(parent=self),
        ).alarm_name


def _dimensions(
    metric: Metric, values: Mapping[str, pulumi.Input[str]]
) -> dict[str, pulumi.Input[str]]:
    return {dimension: values[source] for dimension, source in metric.dimensions.items()}


def _queries(
    alarm: Alarm, values: Mapping[str, pulumi.Input[str]]
) -> list[aws.cloudwatch.MetricAlarmMetricQueryArgs]:
    series = [
        aws.cloudwatch.MetricAlarmMetricQueryArgs(
            id=key,
            metric=aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
                namespace=metric.namespace,
                metric_name=metric.name,
                stat=metric.statistic,
                period=alarm.period,
                dimensions=_dimensions(metric, values),
            ),
        )
        for key, metric in alarm.metrics.items()
    ]
    result = aws.cloudwatch.MetricAlarmMetricQueryArgs(
        id="result", expression=alarm.expression, label=alarm.slug, return_data=True
    )
    return [*series, result]
