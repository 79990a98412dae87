"""Changes of roles, policies, keys, secrets and parameters."""

from collections.abc import Mapping
from typing import Any

from ops.offline.provider.lifecycle.existing import Existing
from ops.offline.provider.lifecycle.updates.registry import EVERY, request_of, updates

_ROLE = "aws:iam/role:Role"
_KEY = "aws:kms/key:Key"
_SECRET = "aws:secretsmanager/secret:Secret"  # noqa: S105 - a type  # pragma: allowlist secret

_MOST_VERSIONS = 5
"""Versions that AWS keeps of a policy (IAM quotas)."""


@updates(_ROLE, "assumeRolePolicy")
def _trust(existing: Existing, inputs: Mapping[str, Any]) -> None:
    existing.call(
        "iam",
        "update_assume_role_policy",
        RoleName=existing.id,
        PolicyDocument=inputs["assumeRolePolicy"],
    )


@updates(_ROLE, "description", "maxSessionDuration")
def _role(existing: Existing, inputs: Mapping[str, Any]) -> None:
    existing.call(
        "iam",
        "update_role",
        RoleName=existing.id,
        Description=inputs.get("description", ""),
        MaxSessionDuration=int(inputs.get("maxSessionDuration", 3600)),
    )


@updates(_ROLE, "permissionsBoundary")
def _boundary(existing: Existing, inputs: Mapping[str, Any]) -> None:
    boundary = inputs.get("permissionsBoundary")
    if boundary:
        existing.call(
            "iam",
            "put_role_permissions_boundary",
            RoleName=existing.id,
            PermissionsBoundary=boundary,
        )
    else:
        existing.call("iam", "delete_role_permissions_boundary", RoleName=existing.id)


@updates("aws:iam/serviceLinkedRole:ServiceLinkedRole", "description")
def _service_linked_role(existing: Existing, inputs: Mapping[str, Any]) -> None:
    existing.call(
        "iam",
        "update_role",
        RoleName=existing.id.rpartition("/")[2],
        Description=inputs.get("description", ""),
    )


@updates("aws:iam/policy:Policy", "policy")
def _policy(existing: Existing, inputs: Mapping[str, Any]) -> None:
    """Make a new default version; the oldest one goes where AWS keeps no more."""
    versions = existing.call("iam", "list_policy_versions", PolicyArn=existing.id)["Versions"]
    if len(versions) >= _MOST_VERSIONS:
        oldest = min(
            (version for version in versions if not version["IsDefaultVersion"]),
            key=lambda version: int(version["VersionId"].lstrip("v")),
        )
        existing.call(
            "iam",
            "delete_policy_version",
            PolicyArn=existing.id,
            VersionId=oldest["VersionId"],
        )
    existing.call(
        "iam",
        "create_policy_version",
        PolicyArn=existing.id,
        PolicyDocument=inputs["policy"],
        SetAsDefault=True,
    )


@updates("aws:iam/openIdConnectProvider:OpenIdConnectProvider", "thumbprintLists")
def _thumbprints(existing: Existing, inputs: Mapping[str, Any]) -> None:
    existing.call(
        "iam",
        "update_open_id_connect_provider_thumbprint",
        OpenIDConnectProviderArn=existing.id,
        ThumbprintList=inputs["thumbprintLists"],
    )


@updates("aws:iam/instanceProfile:InstanceProfile", "role")
def _instance_profile(existing: Existing, inputs: Mapping[str, Any]) -> None:
    for role, operation in (
        (existing.inputs.get("role"), "remove_role_from_instance_profile"),
        (inputs.get("role"), "add_role_to_instance_profile"),
    ):
        if role:
            existing.call("iam", operation, InstanceProfileName=existing.id, RoleName=role)


@updates("aws:kms/alias:Alias", "targetKeyId")
def _alias(existing: Existing, inputs: Mapping[str, Any]) -> None:
    existing.call("kms", "update_alias", AliasName=existing.id, TargetKeyId=inputs["targetKeyId"])


@updates(_KEY, "description")
def _key_description(existing: Existing, inputs: Mapping[str, Any]) -> None:
    existing.call(
        "kms",
        "update_key_description",
        KeyId=existing.id,
        Description=inputs.get("description", ""),
    )


@updates(_KEY, "policy")
def _key_policy(existing: Existing, inputs: Mapping[str, Any]) -> None:
    existing.call(
        "kms",
        "put_key_policy",
        KeyId=existing.id,
        PolicyName="default",
        Policy=inputs["policy"],
    )


@updates(_KEY, "enableKeyRotation", "rotationPeriodInDays")
def _rotation(existing: Existing, inputs: Mapping[str, Any]) -> None:
    if not inputs.get("enableKeyRotation"):
        existing.call("kms", "disable_key_rotation", KeyId=existing.id)
        return
    days = inputs.get("rotationPeriodInDays")
    period = {} if days is None else {"RotationPeriodInDays": int(days)}
    existing.call("kms", "enable_key_rotation", KeyId=existing.id, **period)


@updates(_KEY, "isEnabled")
def _enabled(existing: Existing, inputs: Mapping[str, Any]) -> None:
    operation = "enable_key" if inputs.get("isEnabled", True) else "disable_key"
    existing.call("kms", operation, KeyId=existing.id)


@updates(_SECRET, "description", "kmsKeyId")
def _secret(existing: Existing, inputs: Mapping[str, Any]) -> None:
    key = {"KmsKeyId": inputs["kmsKeyId"]} if inputs.get("kmsKeyId") else {}
    existing.call(
        "secretsmanager",
        "update_secret",
        SecretId=existing.id,
        Description=inputs.get("description", ""),
        **key,
    )


@updates(_SECRET, "policy")
def _secret_policy(existing: Existing, inputs: Mapping[str, Any]) -> None:
    if inputs.get("policy"):
        existing.call(
            "secretsmanager",
            "put_resource_policy",
            SecretId=existing.id,
            ResourcePolicy=inputs["policy"],
        )
    else:
        existing.call("secretsmanager", "delete_resource_policy", SecretId=existing.id)


@updates("aws:ssm/parameter:Parameter", EVERY)
def _parameter(existing: Existing, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Write a new version in the old one's place; its tags are changed apart."""
    request = request_of(existing, inputs)
    request.ignore("insecureValue", "overwrite")
    parameters = request.parameters("ssm", "put_parameter")
    answer = existing.call("ssm", "put_parameter", Overwrite=True, **parameters)
    return {"version": answer["Version"]}
