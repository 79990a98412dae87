"""What a listener's load balancer is told to do, read from the Elastic Load Balancing API.

The local listener asks the API the way a person would, so whoever moves weights with boto3, the AWS
CLI or `perch canary` moves what the listener does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3

from ops.local.access import CALLS
from ops.local.load_balancer.routing import (
    Action,
    Answer,
    Condition,
    Forward,
    HealthCheck,
    Routes,
    Rule,
    statuses,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client
    from mypy_boto3_elbv2.type_defs import (
        ActionOutputTypeDef,
        RuleConditionOutputTypeDef,
        TargetGroupTypeDef,
    )

IDLE_ATTRIBUTE = "idle_timeout.timeout_seconds"
IDLE_SECONDS = 60.0
"""Idle timeout of a load balancer that does not say one (AWS: load balancer attributes)."""
NOT_EMULATED = 501
_CONDITIONS = {
    "host-header": "HostHeaderConfig",
    "http-header": "HttpHeaderConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "path-pattern": "PathPatternConfig",
    "source-ip": "SourceIpConfig",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What changes seldom.

    Args:
        idle_seconds: A connection on which nothing moves for so long is closed.
        checks: Health check by the target group's ARN.
    """

    idle_seconds: float
    checks: Mapping[str, HealthCheck]


def client() -> ElasticLoadBalancingv2Client:
    """Return a client of the API that the environment names (AWS_ENDPOINT_URL and the rest)."""
    return boto3.client("elbv2", config=CALLS)


def read_action(actions: Sequence[ActionOutputTypeDef]) -> Action:
    """Return what a listener's or rule's actions come to; the last one decides."""
    action = actions[-1]
    match action["Type"]:
        case "forward":
            groups = action.get("ForwardConfig", {}).get("TargetGroups")
            if groups:
                weights = {str(g.get("TargetGroupArn")): int(g.get("Weight", 1)) for g in groups}
                return Forward(weights=weights)
            return Forward(weights={action["TargetGroupArn"]: 1})
        case "fixed-response":
            fixed = action["FixedResponseConfig"]
            return Answer(
                status=int(fixed["StatusCode"]),
                body=fixed.get("MessageBody", ""),
                content_type=fixed.get("ContentType", "text/plain"),
            )
        case other:
            return Answer(
                status=NOT_EMULATED, body=f"the local listener cannot do the action {other}\n"
            )


def read_condition(condition: RuleConditionOutputTypeDef) -> Condition:
    """Return one condition; its values stand in one of two places, by its age."""
    said: Mapping[str, Any] = condition
    config = said.get(_CONDITIONS.get(said.get("Field", ""), ""), {})
    return Condition(
        field=said.get("Field", ""),
        values=tuple(config.get("Values", said.get("Values", []))),
        header=config.get("HttpHeaderName", ""),
    )


def read_routes(api: ElasticLoadBalancingv2Client, listener_arn: str) -> Routes:
    """Ask where the listener sends requests now."""
    listener = api.describe_listeners(ListenerArns=[listener_arn])["Listeners"][0]
    rules = [
        Rule(
            priority=int(rule["Priority"]),
            conditions=tuple(read_condition(condition) for condition in rule["Conditions"]),
            action=read_action(rule["Actions"]),
        )
        for rule in api.describe_rules(ListenerArn=listener_arn)["Rules"]
        if rule["Priority"] != "default"
    ]
    return Routes(
        default=read_action(listener["DefaultActions"]),
        rules=tuple(sorted(rules, key=lambda rule: rule.priority)),
    )


def read_check(group: TargetGroupTypeDef) -> HealthCheck:
    """Return how a target group tests its targets."""
    return HealthCheck(
        path=group.get("HealthCheckPath", "/"),
        interval=float(group["HealthCheckIntervalSeconds"]),
        timeout=float(group["HealthCheckTimeoutSeconds"]),
        healthy_threshold=group["HealthyThresholdCount"],
        unhealthy_threshold=group["UnhealthyThresholdCount"],
        statuses=statuses(group.get("Matcher", {}).get("HttpCode", "200")),
    )


def read_settings(
    api: ElasticLoadBalancingv2Client, *, load_balancer_arn: str, groups: Sequence[str]
) -> Settings:
    """Ask for the load balancer's attributes and the health checks of these target groups."""
    attributes = api.describe_load_balancer_attributes(LoadBalancerArn=load_balancer_arn)
    idle = {item.get("Key"): item.get("Value") for item in attributes["Attributes"]}
    described = api.describe_target_groups(TargetGroupArns=list(groups))["TargetGroups"]
    return Settings(
        idle_seconds=float(idle.get(IDLE_ATTRIBUTE) or IDLE_SECONDS),
        checks={group["TargetGroupArn"]: read_check(group) for group in described},
    )
