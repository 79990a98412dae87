"""Logs, alarms, topics, dashboards, budgets, the web firewall, the registry."""

from collections.abc import Mapping
from typing import Any

from ops.offline.provider.create_request import CreateRequest, CreateResult, handles, tag_list
from ops.offline.provider.rows import Row, Step, add

_LOG_GROUP_ARN = "arn:aws:logs:{region}:{account}:log-group:{name}"

FILTER_RENAMES = {
    "name": "filterName",
    "pattern": "filterPattern",
    "metricTransformation": "metricTransformations",
    "metricTransformation.name": "metricName",
    "metricTransformation.namespace": "metricNamespace",
    "metricTransformation.value": "metricValue",
}
ALARM_RENAMES = {
    "name": "AlarmName",
    "metricQueries": "Metrics",
    "metricQueries.metric": "MetricStat",
    "metricQueries.metric.metricName": "Metric.MetricName",
    "metricQueries.metric.namespace": "Metric.Namespace",
    "metricQueries.metric.dimensions": "Metric.Dimensions",
    "metricQueries.metric.stat": "Stat",
}

add(
    {
        "aws:cloudwatch/logGroup:LogGroup": Row(
            service="logs",
            operation="create_log_group",
            id="={name}",
            named="name",
            longest=512,
            renames={"name": "logGroupName", "kmsKeyId": "kmsKeyId"},
            ignored=("skipDestroy",),
            steps=(
                Step(
                    operation="put_retention_policy",
                    takes={"retentionInDays": "retentionInDays"},
                    on="logGroupName",
                ),
            ),
            outputs={"arn": _LOG_GROUP_ARN},
        ),
        "aws:cloudwatch/logMetricFilter:LogMetricFilter": Row(
            service="logs",
            operation="put_metric_filter",
            id="={name}",
            named="name",
            renames=FILTER_RENAMES,
        ),
        "aws:cloudwatch/metricAlarm:MetricAlarm": Row(
            service="cloudwatch",
            operation="put_metric_alarm",
            id="={name}",
            named="name",
            renames=ALARM_RENAMES,
            outputs={"arn": "arn:aws:cloudwatch:{region}:{account}:alarm:{name}"},
        ),
        "aws:cloudwatch/compositeAlarm:CompositeAlarm": Row(
            service="cloudwatch",
            operation="put_composite_alarm",
            id="={alarmName}",
            outputs={"arn": "arn:aws:cloudwatch:{region}:{account}:alarm:{alarmName}"},
        ),
        "aws:cloudwatch/dashboard:Dashboard": Row(
            service="cloudwatch",
            operation="put_dashboard",
            id="={dashboardName}",
            outputs={"dashboardArn": "arn:aws:cloudwatch::{account}:dashboard/{dashboardName}"},
        ),
        "aws:sns/topicPolicy:TopicPolicy": Row(
            service="sns",
            operation="set_topic_attributes",
            id="={arn}",
            renames={"arn": "TopicArn", "policy": "AttributeValue"},
            fixed={"AttributeName": "Policy"},
        ),
        "aws:sns/topicSubscription:TopicSubscription": Row(
            service="sns",
            operation="subscribe",
            id="SubscriptionArn",
            renames={"topic": "TopicArn"},
            fixed={"ReturnSubscriptionArn": True},
            ignored=("endpointAutoConfirms", "confirmationTimeoutInMinutes"),
            outputs={"arn": "{id}"},
        ),
        "aws:wafv2/webAcl:WebAcl": Row(
            service="wafv2",
            operation="create_web_acl",
            id="Summary.Id",
            named="name",
            longest=128,
        ),
        "aws:wafv2/webAclAssociation:WebAclAssociation": Row(
            service="wafv2",
            operation="associate_web_acl",
            id="={webAclArn},{resourceArn}",
            renames={"webAclArn": "WebACLArn"},
        ),
        "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": Row(
            service="wafv2",
            operation="put_logging_configuration",
            id="={resourceArn}",
            renames={
                "resourceArn": "LoggingConfiguration.ResourceArn",
                "logDestinationConfigs": "LoggingConfiguration.LogDestinationConfigs",
                "redactedFields": "LoggingConfiguration.RedactedFields",
                "loggingFilter": "LoggingConfiguration.LoggingFilter",
            },
        ),
        "aws:ecr/repository:Repository": Row(
            service="ecr",
            operation="create_repository",
            id="repository.repositoryName",
            named="name",
            longest=256,
            renames={
                "name": "repositoryName",
                "encryptionConfigurations": "encryptionConfiguration",
            },
            ignored=("forceDelete",),
            outputs={"repositoryUrl": "{repositoryUri}"},
        ),
        "aws:ecr/lifecyclePolicy:LifecyclePolicy": Row(
            service="ecr",
            operation="put_lifecycle_policy",
            id="={repository}",
            renames={"repository": "repositoryName", "policy": "lifecyclePolicyText"},
        ),
        "aws:ecr/repositoryPolicy:RepositoryPolicy": Row(
            service="ecr",
            operation="set_repository_policy",
            id="={repository}",
            renames={"repository": "repositoryName", "policy": "policyText"},
        ),
        "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": Row(
            service="logs", operation="put_resource_policy", id="={policyName}"
        ),
    }
)


TOPIC_ATTRIBUTES: Mapping[str, str] = {
    "displayName": "DisplayName",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "policy": "Policy",
    "deliveryPolicy": "DeliveryPolicy",
    "signatureVersion": "SignatureVersion",
    "tracingConfig": "TracingConfig",
}
"""Input -> attribute (SNS API reference, SetTopicAttributes)."""


@handles("aws:sns/topic:Topic")
def _topic(request: CreateRequest) -> CreateResult:
    """Create a topic; everything but its name and tags is an attribute."""
    name = request.physical_name(longest=256)
    tags = request.take("tags", {})
    request.take("name")
    attributes = {
        attribute: str(request.take(key))
        for key, attribute in TOPIC_ATTRIBUTES.items()
        if key in request.inputs
    }
    arn = request.call(
        "sns", "create_topic", Name=name, Attributes=attributes, Tags=tag_list(tags)
    )["TopicArn"]
    return CreateResult(id=arn, outputs={"arn": arn, "name": name, "owner": request.account})


@handles("aws:budgets/budget:Budget")
def _budget(request: CreateRequest) -> CreateResult:
    name = request.physical_name(longest=100)
    tags = request.take("tags", {})
    account = request.take("accountId", request.account)
    budget, notifications = budget_of(request)
    request.call(
        "budgets",
        "create_budget",
        AccountId=account,
        Budget=budget,
        NotificationsWithSubscribers=notifications,
        **({"ResourceTags": tag_list(tags)} if tags else {}),
    )
    return CreateResult(
        id=f"{request.account}:{name}",
        outputs={
            "name": name,
            "accountId": request.account,
            "arn": f"arn:aws:budgets::{request.account}:budget/{name}",
        },
    )


def budget_of(request: CreateRequest) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Use up a budget's inputs, and return it and its notifications as the API takes them."""
    amount = {"Amount": request.take("limitAmount"), "Unit": request.take("limitUnit")}
    filters = {entry["name"]: list(entry["values"]) for entry in request.take("costFilters", [])}
    budget = {
        "BudgetName": request.take("name"),
        "BudgetLimit": amount,
        "TimeUnit": request.take("timeUnit"),
        "BudgetType": request.take("budgetType"),
        **({"CostFilters": filters} if filters else {}),
    }
    notifications = [
        {
            "Notification": {
                "NotificationType": entry["notificationType"],
                "ComparisonOperator": entry["comparisonOperator"],
                "Threshold": float(entry["threshold"]),
                "ThresholdType": entry["thresholdType"],
            },
            "Subscribers": [
                *(
                    {"SubscriptionType": "EMAIL", "Address": address}
                    for address in entry.get("subscriberEmailAddresses", [])
                ),
                *(
                    {"SubscriptionType": "SNS", "Address": arn}
                    for arn in entry.get("subscriberSnsTopicArns", [])
                ),
            ],
        }
        for entry in request.take("notifications", [])
    ]
    return budget, notifications
