"""A budget for the environment, for the same people as its alarms."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws


@dataclass(frozen=True, kw_only=True)
class BudgetArgs:
    """What may be spent.

    Attributes:
        environment: The stack's name; its costs are found by the tag Environment, which must be
            active as a cost allocation tag in the account's billing settings.
        monthly_usd: US dollars a month.
        topic_arn: SNS topic it publishes to.
    """

    environment: str
    monthly_usd: int
    topic_arn: pulumi.Input[str]


class Budget(pulumi.ComponentResource):
    """A monthly cost budget that notifies at 80 % spent and when 100 % is foreseen."""

    def __init__(
        self, name: str, args: BudgetArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        if args.monthly_usd < 1:
            raise ValueError(f"monthly_usd is {args.monthly_usd}; accepted: 1 or more")
        super().__init__("perch:infra:Budget", name, None, opts)
        aws.budgets.Budget(
            f"{name}-monthly",
            budget_type="COST",
            limit_amount=str(args.monthly_usd),
            limit_unit="USD",
            time_unit="MONTHLY",
            cost_filters=[
                aws.budgets.BudgetCostFilterArgs(
                    name="TagKeyValue", values=[f"user:Environment${args.environment}"]
                )
            ],
            notifications=[
                aws.budgets.BudgetNotificationArgs(
                    comparison_operator="GREATER_THAN",
                    notification_type=kind,
                    threshold=threshold,
                    threshold_type="PERCENTAGE",
                    subscriber_sns_topic_arns=[args.topic_arn],
                )
                for kind, threshold in (("ACTUAL", 80), ("FORECASTED", 100))
            ],
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
