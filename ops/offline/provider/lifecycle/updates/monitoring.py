"""Changes of logs, topics, budgets, the web firewall and the registry."""

from collections.abc import Mapping
from typing import Any

from ops.offline.provider.handlers.monitoring import TOPIC_ATTRIBUTES, budget_of
from ops.offline.provider.lifecycle.existing import Existing
from ops.offline.provider.lifecycle.updates.registry import EVERY, request_of, updates

_LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
_REPOSITORY = "aws:ecr/repository:Repository"
_SUBSCRIPTION_ATTRIBUTES = {
    "deliveryPolicy": "DeliveryPolicy",
    "filterPolicy": "FilterPolicy",
    "filterPolicyScope": "FilterPolicyScope",
    "rawMessageDelivery": "RawMessageDelivery",
    "redrivePolicy": "RedrivePolicy",
}


@updates(_LOG_GROUP, "retentionInDays")
def _retention(existing: Existing, inputs: Mapping[str, Any]) -> None:
    days = inputs.get("retentionInDays")
    if days:
        existing.call(
            "logs", "put_retention_policy", logGroupName=existing.id, retentionInDays=int(days)
        )
    else:
        existing.call("logs", "delete_retention_policy", logGroupName=existing.id)


@updates(_LOG_GROUP, "kmsKeyId")
def _log_key(existing: Existing, inputs: Mapping[str, Any]) -> None:
    key = inputs.get("kmsKeyId")
    if key:
        existing.call("logs", "associate_kms_key", logGroupName=existing.id, kmsKeyId=key)
    else:
        existing.call("logs", "disassociate_kms_key", logGroupName=existing.id)


@updates("aws:sns/topic:Topic", *TOPIC_ATTRIBUTES)
def _topic(existing: Existing, inputs: Mapping[str, Any]) -> None:
    for key, attribute in TOPIC_ATTRIBUTES.items():
        if inputs.get(key) != existing.inputs.get(key):
            existing.call(
                "sns",
                "set_topic_attributes",
                TopicArn=existing.id,
                AttributeName=attribute,
                AttributeValue=str(inputs.get(key, "")),
            )


@updates("aws:sns/topicSubscription:TopicSubscription", *_SUBSCRIPTION_ATTRIBUTES)
def _subscription(existing: Existing, inputs: Mapping[str, Any]) -> None:
    for key, attribute in _SUBSCRIPTION_ATTRIBUTES.items():
        if inputs.get(key) != existing.inputs.get(key):
            value = inputs.get(key, "")
            text = str(value).lower() if isinstance(value, bool) else str(value)
            existing.call(
                "sns",
                "set_subscription_attributes",
                SubscriptionArn=existing.id,
                AttributeName=attribute,
                AttributeValue=text,
            )


@updates("aws:wafv2/webAcl:WebAcl", EVERY)
def _web_acl(existing: Existing, inputs: Mapping[str, Any]) -> None:
    named = {"Name": inputs["name"], "Scope": inputs["scope"], "Id": existing.id}
    lock = existing.call("wafv2", "get_web_acl", **named)["LockToken"]
    request = request_of(existing, inputs)
    parameters = request.parameters("wafv2", "update_web_acl")
    existing.call("wafv2", "update_web_acl", **{**parameters, **named, "LockToken": lock})


@updates(_REPOSITORY, "imageTagMutability")
def _mutability(existing: Existing, inputs: Mapping[str, Any]) -> None:
    existing.call(
        "ecr",
        "put_image_tag_mutability",
        repositoryName=existing.id,
        imageTagMutability=inputs.get("imageTagMutability", "MUTABLE"),
    )


@updates(_REPOSITORY, "imageScanningConfiguration")
def _scanning(existing: Existing, inputs: Mapping[str, Any]) -> None:
    block = inputs.get("imageScanningConfiguration") or {"scanOnPush": False}
    existing.call(
        "ecr",
        "put_image_scanning_configuration",
        repositoryName=existing.id,
        imageScanningConfiguration={"scanOnPush": bool(block["scanOnPush"])},
    )


@updates("aws:budgets/budget:Budget", EVERY)
def _budget(existing: Existing, inputs: Mapping[str, Any]) -> None:
    """Put the new budget in the old one's place; its notifications are made anew."""
    account = {"AccountId": existing.account}
    budget, notifications = budget_of(request_of(existing, inputs))
    existing.call("budgets", "update_budget", NewBudget=budget, **account)
    named = {**account, "BudgetName": budget["BudgetName"]}
    held = existing.call("budgets", "describe_notifications_for_budget", **named)
    for notification in held.get("Notifications", ()):
        asked = {key: notification[key] for key in notification if key != "NotificationState"}
        existing.call("budgets", "delete_notification", Notification=asked, **named)
    for entry in notifications:
        existing.call("budgets", "create_notification", **named, **entry)
