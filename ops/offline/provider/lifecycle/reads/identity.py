"""Reads roles, policies, keys, secrets and parameters."""

import json
from collections.abc import Mapping
from typing import Any

from ops.offline.provider.lifecycle.alignment import ANY
from ops.offline.provider.lifecycle.existing import Existing
from ops.offline.provider.lifecycle.live import Live, Reading
from ops.offline.provider.lifecycle.reads.registry import add
from ops.offline.provider.lifecycle.steering import STEERING


def _document(value: object) -> str:
    """Return a policy as text; boto3 has parsed those of IAM."""
    return value if isinstance(value, str) else json.dumps(value)


def _role(_existing: Existing, found: Mapping[str, Any]) -> dict[str, Any]:
    return {"assumeRolePolicy": _document(found["AssumeRolePolicyDocument"])}


def _role_policy(_existing: Existing, found: Mapping[str, Any]) -> dict[str, Any]:
    return {"policy": _document(found["PolicyDocument"])}


def _policy(existing: Existing, found: Mapping[str, Any]) -> dict[str, Any]:
    version = existing.call(
        "iam",
        "get_policy_version",
        PolicyArn=existing.id,
        VersionId=found["DefaultVersionId"],
    )["PolicyVersion"]
    return {"policy": _document(version["Document"])}


def _attachment(existing: Existing, answer: Mapping[str, Any]) -> dict[str, Any] | None:
    for policy in answer["AttachedPolicies"]:
        if policy["PolicyArn"] == existing.get("policyArn"):
            return {"Role": existing.get("role"), "PolicyArn": policy["PolicyArn"]}
    return None


def _service_linked_role(_existing: Existing, found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "awsServiceName": found["Path"].strip("/").rpartition("/")[2],
        "customSuffix": found["RoleName"].partition("_")[2] or None,
    }


def _key(existing: Existing, found: Mapping[str, Any]) -> dict[str, Any] | None:
    if found["KeyState"] == "PendingDeletion":
        return None
    on = existing.call("kms", "get_key_rotation_status", KeyId=existing.id)
    policy = existing.call("kms", "get_key_policy", KeyId=existing.id, PolicyName="default")
    return {
        "enableKeyRotation": on["KeyRotationEnabled"],
        "isEnabled": found["Enabled"],
        "policy": policy["Policy"],
        "rotationPeriodInDays": on.get("RotationPeriodInDays"),
    }


def _alias(existing: Existing, answer: Mapping[str, Any]) -> dict[str, Any] | None:
    for alias in answer["Aliases"]:
        if alias["AliasName"] == existing.id:
            return {"Name": alias["AliasName"], "TargetKeyId": alias["TargetKeyId"]}
    return None


def _secret(existing: Existing, found: Mapping[str, Any]) -> dict[str, Any] | None:
    if found.get("DeletedDate"):
        return None
    if "policy" not in existing.inputs:
        return {}
    answer = existing.call("secretsmanager", "get_resource_policy", SecretId=existing.id)
    return {"policy": answer.get("ResourcePolicy")}


def _secret_version(existing: Existing) -> Live | None:
    """Read the very version; whether it is the current one is said by its labels."""
    secret, _, version = existing.id.rpartition("|")
    described = existing.ask("secretsmanager", "describe_secret", SecretId=secret)
    if described is None or described.get("DeletedDate"):
        return None
    answer = existing.ask("secretsmanager", "get_secret_value", SecretId=secret, VersionId=version)
    if answer is None:
        return None
    told = {
        "secretId": existing.get("secretId"),
        "secretString": answer.get("SecretString"),
        "versionStages": answer.get("VersionStages"),
    }
    return _SECRET_VERSION.live(existing, told, {"versionStages": answer["VersionStages"]})


_SECRET_VERSION = Reading(
    service="secretsmanager",
    operation="get_secret_value",
    parameters={},
    defaults={"versionStages": ANY},
    untold=("secretBinary", "secretStringWo", "secretStringWoVersion"),
)


def _secret_policy(existing: Existing, answer: Mapping[str, Any]) -> dict[str, Any] | None:
    if not answer.get("ResourcePolicy"):
        return None
    return {"SecretArn": existing.id, "Policy": answer["ResourcePolicy"]}


def _rotation(existing: Existing, answer: Mapping[str, Any]) -> dict[str, Any] | None:
    if not answer.get("RotationEnabled"):
        return None
    return {**answer, "SecretId": existing.get("secretId")}


def _parameter(existing: Existing, _found: Mapping[str, Any]) -> dict[str, Any] | None:
    named = [{"Key": "Name", "Values": [existing.id]}]
    described = existing.call("ssm", "describe_parameters", ParameterFilters=named)["Parameters"]
    if not described:
        return None
    return {
        "allowedPattern": described[0].get("AllowedPattern"),
        "description": described[0].get("Description"),
        "tier": described[0].get("Tier"),
        "keyId": described[0].get("KeyId"),
    }


_ROLE = "aws:iam/role:Role"
_KEY = "aws:kms/key:Key"
_SECRET = "aws:secretsmanager/secret:Secret"  # noqa: S105 - a type  # pragma: allowlist secret
_ROTATION = "aws:secretsmanager/secretRotation:SecretRotation"
_PARAMETER = "aws:ssm/parameter:Parameter"

add(
    {
        _ROLE: Reading(
            service="iam",
            operation="get_role",
            parameters={"RoleName": "{id}"},
            at="Role",
            renames={
                "name": "RoleName",
                "permissionsBoundary": "PermissionsBoundary.PermissionsBoundaryArn",
            },
            # Policies are resources of their own.
            untold=(*STEERING[_ROLE], "inlinePolicies", "managedPolicyArns"),
            defaults={"maxSessionDuration": 3600, "path": "/"},
            more=_role,
        ),
        "aws:iam/rolePolicy:RolePolicy": Reading(
            service="iam",
            operation="get_role_policy",
            parameters={"RoleName": "{role}", "PolicyName": "{name}"},
            renames={"name": "PolicyName", "role": "RoleName"},
            more=_role_policy,
        ),
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Reading(
            service="iam",
            operation="list_attached_role_policies",
            parameters={"RoleName": "{role}"},
            find=_attachment,
        ),
        "aws:iam/policy:Policy": Reading(
            service="iam",
            operation="get_policy",
            parameters={"PolicyArn": "{id}"},
            at="Policy",
            renames={"name": "PolicyName"},
            untold=("delayAfterPolicyCreationInMs",),
            defaults={"path": "/"},
            more=_policy,
        ),
        "aws:iam/openIdConnectProvider:OpenIdConnectProvider": Reading(
            service="iam",
            operation="get_open_id_connect_provider",
            parameters={"OpenIDConnectProviderArn": "{id}"},
            renames={"clientIdLists": "ClientIDList", "thumbprintLists": "ThumbprintList"},
            more=lambda existing, _found: {"url": existing.get("url")},
            defaults={"thumbprintLists": ANY},
        ),
        "aws:iam/instanceProfile:InstanceProfile": Reading(
            service="iam",
            operation="get_instance_profile",
            parameters={"InstanceProfileName": "{id}"},
            at="InstanceProfile",
            renames={"name": "InstanceProfileName", "role": "Roles.RoleName"},
            defaults={"path": "/"},
        ),
        "aws:iam/serviceLinkedRole:ServiceLinkedRole": Reading(
            service="iam",
            operation="get_role",
            parameters={"RoleName": "{name}"},
            at="Role",
            more=_service_linked_role,
        ),
        "aws:kms/alias:Alias": Reading(
            service="kms", operation="list_aliases", parameters={}, find=_alias
        ),
        _KEY: Reading(
            service="kms",
            operation="describe_key",
            parameters={"KeyId": "{id}"},
            at="KeyMetadata",
            untold=STEERING[_KEY],
            defaults={
                "customerMasterKeySpec": "SYMMETRIC_DEFAULT",
                "isEnabled": True,
                "keyUsage": "ENCRYPT_DECRYPT",
                "policy": ANY,
                "rotationPeriodInDays": 365,
            },
            more=_key,
        ),
        _SECRET: Reading(
            service="secretsmanager",
            operation="describe_secret",
            parameters={"SecretId": "{id}"},
            untold=(*STEERING[_SECRET], "replicas"),
            more=_secret,
        ),
        "aws:secretsmanager/secretVersion:SecretVersion": _secret_version,
        "aws:secretsmanager/secretPolicy:SecretPolicy": Reading(
            service="secretsmanager",
            operation="get_resource_policy",
            parameters={"SecretId": "{secretArn}"},
            find=_secret_policy,
            untold=("blockPublicPolicy",),
        ),
        _ROTATION: Reading(
            service="secretsmanager",
            operation="describe_secret",
            parameters={"SecretId": "{secretId}"},
            find=_rotation,
            untold=STEERING[_ROTATION],
        ),
        _PARAMETER: Reading(
            service="ssm",
            operation="get_parameter",
            parameters={"Name": "{id}", "WithDecryption": True},
            at="Parameter",
            untold=(*STEERING[_PARAMETER], "arn", "insecureValue", "valueWo", "valueWoVersion"),
            defaults={"dataType": "text", "tier": "Standard"},
            more=_parameter,
            outputs={"version": "Version"},
        ),
    }
)
