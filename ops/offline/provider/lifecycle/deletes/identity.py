"""Deletion of roles, policies, keys, secrets and the rights to a topic."""

import json

from ops.offline.errors import OfflineError
from ops.offline.provider.lifecycle.deletes.registry import deletes
from ops.offline.provider.lifecycle.existing import Existing

_DEFAULT_WINDOW = 30
"""Days that a deleted key or secret waits where the program says nothing (KMS and Secrets Manager
API references)."""

_CURRENT = "AWSCURRENT"


@deletes("aws:iam/role:Role")
def _role(existing: Existing) -> None:
    """Delete a role: out of its instance profiles first; policies only by `forceDetachPolicies`."""
    profiles = existing.ask("iam", "list_instance_profiles_for_role", RoleName=existing.id)
    if profiles is None:
        return
    for profile in profiles["InstanceProfiles"]:
        existing.call(
            "iam",
            "remove_role_from_instance_profile",
            InstanceProfileName=profile["InstanceProfileName"],
            RoleName=existing.id,
        )
    if existing.inputs.get("forceDetachPolicies"):
        _detach_policies(existing)
    existing.call("iam", "delete_role", RoleName=existing.id)


def _detach_policies(existing: Existing) -> None:
    attached = existing.call("iam", "list_attached_role_policies", RoleName=existing.id)
    for policy in attached["AttachedPolicies"]:
        existing.call(
            "iam", "detach_role_policy", RoleName=existing.id, PolicyArn=policy["PolicyArn"]
        )
    for name in existing.call("iam", "list_role_policies", RoleName=existing.id)["PolicyNames"]:
        existing.call("iam", "delete_role_policy", RoleName=existing.id, PolicyName=name)


@deletes("aws:iam/instanceProfile:InstanceProfile")
def _instance_profile(existing: Existing) -> None:
    found = existing.ask("iam", "get_instance_profile", InstanceProfileName=existing.id)
    if found is None:
        return
    for role in found["InstanceProfile"]["Roles"]:
        existing.call(
            "iam",
            "remove_role_from_instance_profile",
            InstanceProfileName=existing.id,
            RoleName=role["RoleName"],
        )
    existing.call("iam", "delete_instance_profile", InstanceProfileName=existing.id)


@deletes("aws:iam/policy:Policy")
def _policy(existing: Existing) -> None:
    """Delete a policy, its older versions first: AWS takes none away by itself."""
    versions = existing.ask("iam", "list_policy_versions", PolicyArn=existing.id)
    if versions is None:
        return
    for version in versions["Versions"]:
        if not version["IsDefaultVersion"]:
            existing.call(
                "iam",
                "delete_policy_version",
                PolicyArn=existing.id,
                VersionId=version["VersionId"],
            )
    existing.call("iam", "delete_policy", PolicyArn=existing.id)


@deletes("aws:iam/serviceLinkedRole:ServiceLinkedRole")
def _service_linked_role(existing: Existing) -> None:
    """Ask the service to let go of its role; it says later whether it has."""
    name = existing.id.rpartition("/")[2]
    begun = existing.ask("iam", "delete_service_linked_role", RoleName=name)
    if begun is None:
        return
    status = existing.call(
        "iam",
        "get_service_linked_role_deletion_status",
        DeletionTaskId=begun["DeletionTaskId"],
    )
    if status["Status"] == "FAILED":
        reason = status.get("Reason", {}).get("Reason", "no reason given")
        raise OfflineError(f"iam delete_service_linked_role: {name}: {reason}")


@deletes("aws:kms/key:Key")
def _key(existing: Existing) -> None:
    """Schedule a key's end: until then it can be brought back, and opens nothing."""
    found = existing.ask("kms", "describe_key", KeyId=existing.id)
    if found is None or found["KeyMetadata"]["KeyState"] == "PendingDeletion":
        return
    existing.call(
        "kms",
        "schedule_key_deletion",
        KeyId=existing.id,
        PendingWindowInDays=_days(existing, "deletionWindowInDays"),
    )


@deletes("aws:secretsmanager/secret:Secret")
def _secret(existing: Existing) -> None:
    """Delete a secret: at once where its window is 0, else to be brought back within it."""
    days = _days(existing, "recoveryWindowInDays")
    window = {"RecoveryWindowInDays": days} if days else {"ForceDeleteWithoutRecovery": True}
    existing.ask("secretsmanager", "delete_secret", SecretId=existing.id, **window)


def _days(existing: Existing, key: str) -> int:
    days = existing.inputs.get(key)
    return _DEFAULT_WINDOW if days is None else int(days)


@deletes("aws:secretsmanager/secretVersion:SecretVersion")
def _secret_version(existing: Existing) -> None:
    """Take the labels off a version; the current one keeps its own, and goes with the secret."""
    secret, _, version = existing.id.rpartition("|")
    if existing.ask("secretsmanager", "describe_secret", SecretId=secret) is None:
        return
    found = existing.call("secretsmanager", "list_secret_version_ids", SecretId=secret)
    for entry in found["Versions"]:
        if entry["VersionId"] != version:
            continue
        for stage in entry.get("VersionStages", ()):
            if stage != _CURRENT:
                existing.call(
                    "secretsmanager",
                    "update_secret_version_stage",
                    SecretId=secret,
                    VersionStage=stage,
                    RemoveFromVersionId=version,
                )


@deletes("aws:sns/topicPolicy:TopicPolicy")
def _topic_policy(existing: Existing) -> None:
    """Put back the policy that a topic begins with: its account may use it."""
    arn = existing.get("arn")
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [
            f"SNS:{action}"
            for action in (
                "GetTopicAttributes",
                "SetTopicAttributes",
                "AddPermission",
                "RemovePermission",
                "DeleteTopic",
                "Subscribe",
                "ListSubscriptionsByTopic",
                "Publish",
            )
        ],
        "Resource": arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": existing.account}},
    }
    policy = {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}
    existing.ask(
        "sns",
        "set_topic_attributes",
        TopicArn=arn,
        AttributeName="Policy",
        AttributeValue=json.dumps(policy),
    )
