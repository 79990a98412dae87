"""All that watches one environment, from its settings: alarms, the dashboard, the budget."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from infra.config.sections import Colour, Settings
from infra.observability.alarms import Alarms, AlarmsArgs, Watched
from infra.observability.budget import Budget, BudgetArgs
from infra.observability.dashboard import Dashboard, DashboardArgs


@dataclass(frozen=True, kw_only=True)
class WatchArgs:
    """What is watched.

    Attributes:
        settings: The stack's.
        region: AWS region.
        environment: The stack's name.
        account_id: Only its services may publish alarms.
        key_arn: KMS key of the messages.
        balancer_suffix: How CloudWatch names the load balancer.
        certificate_arn: The certificate in use.
        target_group_suffixes: Colour -> how CloudWatch names its target group.
        auto_scaling_group_names: Colour -> its group.
    """

    settings: Settings
    region: str
    environment: str
    account_id: pulumi.Input[str]
    key_arn: pulumi.Input[str]
    balancer_suffix: pulumi.Input[str]
    certificate_arn: pulumi.Input[str]
    target_group_suffixes: Mapping[Colour, pulumi.Input[str]]
    auto_scaling_group_names: Mapping[Colour, pulumi.Input[str]]


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What watches, once made.

    Attributes:
        alarms: The alarms, and the topic that they publish to.
        dashboard: What is seen at a glance.
        budget: What the environment may cost; None where settings have none.
    """

    alarms: Alarms
    dashboard: Dashboard
    budget: Budget | None

    @property
    def resources(self) -> list[pulumi.Resource]:
        """Return all of it."""
        return [self.alarms, self.dashboard, *([self.budget] if self.budget else [])]


def watch(name: str, args: WatchArgs, opts: pulumi.ResourceOptions) -> Watch:
    """Make what watches an environment."""
    settings = args.settings
    alarms = Alarms(
        name,
        AlarmsArgs(
            environment=args.environment,
            account_id=args.account_id,
            balancer_suffix=args.balancer_suffix,
            certificate_arn=args.certificate_arn,
            colours={
                colour: Watched(
                    target_group_suffix=args.target_group_suffixes[colour],
                    auto_scaling_group_name=args.auto_scaling_group_names[colour],
                    min_machines=chosen.min_machines,
                    ready_seconds=settings.scaling.launch_seconds,
                )
                for colour, chosen in settings.colours()
            },
            may_be_empty=settings.scaling.idle_minutes is not None,
            emails=settings.observability.alarm_emails,
            key_arn=args.key_arn,
        ),
        opts,
    )
    dashboard = Dashboard(
        name,
        DashboardArgs(
            region=args.region,
            environment=args.environment,
            balancer_suffix=args.balancer_suffix,
            target_group_suffixes=args.target_group_suffixes,
            auto_scaling_group_names=args.auto_scaling_group_names,
        ),
        opts,
    )
    budget = None
    if settings.observability.monthly_budget_usd is not None:
        budget = Budget(
            name,
            BudgetArgs(
                environment=args.environment,
                monthly_usd=settings.observability.monthly_budget_usd,
                topic_arn=alarms.topic_arn,
            ),
            opts,
        )
    return Watch(alarms=alarms, dashboard=dashboard, budget=budget)
