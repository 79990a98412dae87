"""Reads logs, alarms, topics, dashboards, budgets, the web firewall and the registry."""

from collections.abc import Mapping
from typing import Any

from ops.offline.provider.handlers.monitoring import ALARM_RENAMES, FILTER_RENAMES
from ops.offline.provider.lifecycle.alignment import ANY, same
from ops.offline.provider.lifecycle.existing import Existing
from ops.offline.provider.lifecycle.live import Find, Reading
from ops.offline.provider.lifecycle.reads.registry import add
from ops.offline.provider.lifecycle.steering import STEERING

_LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
_REPOSITORY = "aws:ecr/repository:Repository"
_SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"


def _named(listed: str, name: str) -> Find:
    """Find the one that bears the id among those that a prefix found."""

    def find(existing: Existing, answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return next((one for one in answer[listed] if one[name] == existing.id), None)

    return find


def _topic(existing: Existing, found: Mapping[str, Any]) -> dict[str, Any]:
    # A topic's policy is a resource of its own unless the program gave it here.
    policy = found.get("Policy") if "policy" in existing.inputs else None
    return {"name": existing.id.rpartition(":")[2], "policy": policy}


def _topic_policy(existing: Existing, answer: Mapping[str, Any]) -> dict[str, Any]:
    return {"Arn": existing.get("arn"), "Policy": answer["Attributes"].get("Policy")}


def _web_acl_of(existing: Existing, found: Mapping[str, Any]) -> dict[str, Any] | None:
    return {
        "webAclArn": found["ARN"],
        "resourceArn": existing.get("resourceArn"),
    }


def _budget(existing: Existing, found: Mapping[str, Any]) -> dict[str, Any]:
    named = {"AccountId": existing.account, "BudgetName": found["BudgetName"]}
    notifications = []
    answer = existing.call("budgets", "describe_notifications_for_budget", **named)
    for notification in answer.get("Notifications", ()):
        told = {
            "notificationType": notification["NotificationType"],
            "comparisonOperator": notification["ComparisonOperator"],
            "threshold": notification["Threshold"],
            "thresholdType": notification["ThresholdType"],
        }
        # moto does not tell whom it tells.
        given = existing.inputs.get("notifications", ())
        asked: Mapping[str, Any] = next((one for one in given if same({**one, **told}, one)), {})
        told.update({key: asked[key] for key in asked if key.startswith("subscriber")})
        notifications.append(told)
    return {
        "limitAmount": found["BudgetLimit"]["Amount"],
        "limitUnit": found["BudgetLimit"]["Unit"],
        "costFilters": [
            {"name": name, "values": values}
            for name, values in (found.get("CostFilters") or {}).items()
        ],
        "notifications": notifications,
    }


add(
    {
        _LOG_GROUP: Reading(
            service="logs",
            operation="describe_log_groups",
            parameters={"logGroupNamePrefix": "{id}"},
            find=_named("logGroups", "logGroupName"),
            renames={"name": "logGroupName"},
            untold=STEERING[_LOG_GROUP],
            defaults={"logGroupClass": "STANDARD", "retentionInDays": 0},
        ),
        "aws:cloudwatch/logMetricFilter:LogMetricFilter": Reading(
            service="logs",
            operation="describe_metric_filters",
            parameters={"logGroupName": "{logGroupName}", "filterNamePrefix": "{id}"},
            find=_named("metricFilters", "filterName"),
            renames=FILTER_RENAMES,
            defaults={"metricTransformation.unit": "None"},
        ),
        "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": Reading(
            service="logs",
            operation="describe_resource_policies",
            parameters={},
            find=_named("resourcePolicies", "policyName"),
        ),
        "aws:cloudwatch/metricAlarm:MetricAlarm": Reading(
            service="cloudwatch",
            operation="describe_alarms",
            parameters={"AlarmNames": ["{id}"]},
            at="MetricAlarms.0",
            renames=ALARM_RENAMES,
            defaults={
                "actionsEnabled": True,
                "metricQueries.returnData": ANY,
                "treatMissingData": "missing",
            },
        ),
        "aws:cloudwatch/compositeAlarm:CompositeAlarm": Reading(
            service="cloudwatch",
            operation="describe_alarms",
            parameters={"AlarmNames": ["{id}"], "AlarmTypes": ["CompositeAlarm"]},
            at="CompositeAlarms.0",
            defaults={"actionsEnabled": True},
        ),
        "aws:cloudwatch/dashboard:Dashboard": Reading(
            service="cloudwatch",
            operation="get_dashboard",
            parameters={"DashboardName": "{id}"},
        ),
        "aws:sns/topic:Topic": Reading(
            service="sns",
            operation="get_topic_attributes",
            parameters={"TopicArn": "{id}"},
            at="Attributes",
            untold=("deliveryPolicy",),
            defaults={"signatureVersion": 1, "tracingConfig": "PassThrough"},
            more=_topic,
        ),
        "aws:sns/topicPolicy:TopicPolicy": Reading(
            service="sns",
            operation="get_topic_attributes",
            parameters={"TopicArn": "{arn}"},
            find=_topic_policy,
        ),
        _SUBSCRIPTION: Reading(
            service="sns",
            operation="get_subscription_attributes",
            parameters={"SubscriptionArn": "{id}"},
            at="Attributes",
            renames={"topic": "TopicArn"},
            untold=STEERING[_SUBSCRIPTION],
            defaults={"deliveryPolicy": ANY, "filterPolicyScope": ANY},
        ),
        "aws:wafv2/webAcl:WebAcl": Reading(
            service="wafv2",
            operation="get_web_acl",
            parameters={"Name": "{name}", "Scope": "{scope}", "Id": "{id}"},
            at="WebACL",
            untold=("ruleJson", "scope"),
        ),
        "aws:wafv2/webAclAssociation:WebAclAssociation": Reading(
            service="wafv2",
            operation="get_web_acl_for_resource",
            parameters={"ResourceArn": "{resourceArn}"},
            at="WebACL",
            more=_web_acl_of,
        ),
        "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": Reading(
            service="wafv2",
            operation="get_logging_configuration",
            parameters={"ResourceArn": "{id}"},
            at="LoggingConfiguration",
        ),
        _REPOSITORY: Reading(
            service="ecr",
            operation="describe_repositories",
            parameters={"repositoryNames": ["{id}"]},
            at="repositories.0",
            renames={
                "name": "repositoryName",
                "encryptionConfigurations": "encryptionConfiguration",
            },
            untold=STEERING[_REPOSITORY],
            defaults={
                "encryptionConfigurations": ANY,
                "imageScanningConfiguration": ANY,
                "imageTagMutability": "MUTABLE",
            },
        ),
        "aws:ecr/lifecyclePolicy:LifecyclePolicy": Reading(
            service="ecr",
            operation="get_lifecycle_policy",
            parameters={"repositoryName": "{id}"},
            renames={"repository": "repositoryName", "policy": "lifecyclePolicyText"},
        ),
        "aws:ecr/repositoryPolicy:RepositoryPolicy": Reading(
            service="ecr",
            operation="get_repository_policy",
            parameters={"repositoryName": "{id}"},
            renames={"repository": "repositoryName", "policy": "policyText"},
        ),
        "aws:budgets/budget:Budget": Reading(
            service="budgets",
            operation="describe_budget",
            parameters={"AccountId": "{account}", "BudgetName": "{name}"},
            at="Budget",
            renames={"name": "BudgetName"},
            # moto keeps no tags of budgets.
            untold=("costTypes", "tags"),
            defaults={"timePeriodEnd": ANY, "timePeriodStart": ANY, "metrics": ANY},
            more=_budget,
        ),
    }
)
