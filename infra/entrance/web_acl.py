"""A web ACL before the entrance: known attacks, bad addresses, too many requests."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws


@dataclass(frozen=True, slots=True)
class ManagedGroup:
    """One of AWS's managed rule groups.

    Attributes:
        name: Its name.
        only_count: Rules of it that count instead of blocking.
    """

    name: str
    only_count: Sequence[str] = ()


MANAGED_GROUPS: Final = (
    ManagedGroup("AWSManagedRulesAmazonIpReputationList"),
    # Log4j is in this one.
    ManagedGroup("AWSManagedRulesKnownBadInputsRuleSet"),
    # A recording sent to /transcribe/file is a body above the 8 kB this rule allows.
    ManagedGroup("AWSManagedRulesCommonRuleSet", only_count=("SizeRestrictions_BODY",)),
)

LOG_GROUP_PREFIX: Final = "aws-waf-logs-"
"""WAF writes only to log groups whose names begin so."""


@dataclass(frozen=True, kw_only=True)
class WebAclArgs:
    """What is protected.

    Attributes:
        load_balancer_arn: The entrance.
        requests_per_5_minutes: Of one address, before it is blocked.
        retention_days: How long the log of decisions is kept.
        key_arn: KMS key of that log.
    """

    load_balancer_arn: pulumi.Input[str]
    requests_per_5_minutes: int
    retention_days: int
    key_arn: pulumi.Input[str]


class WebAcl(pulumi.ComponentResource):
    """A regional web ACL, joined to the load balancer, with its log.

    Attributes:
        arn: ARN of the ACL.
    """

    arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: WebAclArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        if args.requests_per_5_minutes < 100:  # noqa: PLR2004 - raised to WAF's own former floor
            raise ValueError(
                f"requests_per_5_minutes is {args.requests_per_5_minutes}; accepted: 100 or more"
            )
        super().__init__("perch:infra:WebAcl", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        acl = aws.wafv2.WebAcl(
            name,
            scope="REGIONAL",
            description=f"Before the entrance of {name}",
            default_action=aws.wafv2.WebAclDefaultActionArgs(
                allow=aws.wafv2.WebAclDefaultActionAllowArgs()
            ),
            visibility_config=aws.wafv2.WebAclVisibilityConfigArgs(
                cloudwatch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=True
            ),
            rules=[
                _limit(name, args.requests_per_5_minutes),
                *(_managed(name, place + 1, group) for place, group in enumerate(MANAGED_GROUPS)),
            ],
            tags={"Name": name},
            opts=child,
        )
        aws.wafv2.WebAclAssociation(
            name, resource_arn=args.load_balancer_arn, web_acl_arn=acl.arn, opts=child
        )
        log = aws.cloudwatch.LogGroup(
            f"{name}-waf",
            name=f"{LOG_GROUP_PREFIX}{name}",
            retention_in_days=args.retention_days,
            kms_key_id=args.key_arn,
            tags={"Name": f"{name}-waf"},
            opts=child,
        )
        aws.wafv2.WebAclLoggingConfiguration(
            name,
            resource_arn=acl.arn,
            log_destination_configs=[log.arn],
            # A client's token travels here; it is nobody's business in a log.
            redacted_fields=[
                aws.wafv2.WebAclLoggingConfigurationRedactedFieldArgs(
                    single_header=aws.wafv2.WebAclLoggingConfigurationRedactedFieldSingleHeaderArgs(
                        name="authorization"
                    )
                )
            ],
            opts=child,
        )
        self.arn = acl.arn
        self.register_outputs({"arn": acl.arn})


def _visible(metric: str) -> aws.wafv2.WebAclRuleVisibilityConfigArgs:
    return aws.wafv2.WebAclRuleVisibilityConfigArgs(
        cloudwatch_metrics_enabled=True, metric_name=metric, sampled_requests_enabled=True
    )


def _limit(name: str, requests: int) -> aws.wafv2.WebAclRuleArgs:
    rate = aws.wafv2.WebAclRuleStatementRateBasedStatementArgs(
        limit=requests, aggregate_key_type="IP", evaluation_window_sec=300
    )
    return aws.wafv2.WebAclRuleArgs(
        name="rate",
        priority=0,
        action=aws.wafv2.WebAclRuleActionArgs(block=aws.wafv2.WebAclRuleActionBlockArgs()),
        statement=aws.wafv2.WebAclRuleStatementArgs(rate_based_statement=rate),
        visibility_config=_visible(f"{name}-rate"),
    )


def _managed(name: str, priority: int, group: ManagedGroup) -> aws.wafv2.WebAclRuleArgs:
    overrides = [
        aws.wafv2.WebAclRuleStatementManagedRuleGroupStatementRuleActionOverrideArgs(
            name=rule,
            action_to_use=aws.wafv2.WebAclRuleStatementManagedRuleGroupStatementRuleActionOverrideActionToUseArgs(
                count=aws.wafv2.WebAclRuleStatementManagedRuleGroupStatementRuleActionOverrideActionToUseCountArgs()
            ),
        )
        for rule in group.only_count
    ]
    statement = aws.wafv2.WebAclRuleStatementManagedRuleGroupStatementArgs(
        vendor_name="AWS", name=group.name, rule_action_overrides=overrides or None
    )
    return aws.wafv2.WebAclRuleArgs(
        name=group.name,
        priority=priority,
        override_action=aws.wafv2.WebAclRuleOverrideActionArgs(
            none=aws.wafv2.WebAclRuleOverrideActionNoneArgs()  # type: ignore[no-untyped-call] # the SDK left it untyped
        ),
        statement=aws.wafv2.WebAclRuleStatementArgs(managed_rule_group_statement=statement),
        visibility_config=_visible(f"{name}-{group.name}"),
    )
