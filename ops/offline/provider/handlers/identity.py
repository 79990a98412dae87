"""Roles, policies, keys and secrets."""

from ops.offline.provider.create_request import CreateRequest, CreateResult, handles, tag_list
from ops.offline.provider.rows import Row, Step, add

_IAM_NAME = 64
"""Longest role name (IAM and STS quotas)."""

add(
    {
        "aws:iam/role:Role": Row(
            service="iam",
            operation="create_role",
            id="Role.RoleName",
            named="name",
            longest=_IAM_NAME,
            renames={
                "name": "RoleName",
                "assumeRolePolicy": "AssumeRolePolicyDocument",
                "permissionsBoundary": "PermissionsBoundary",
            },
            ignored=("forceDetachPolicies",),
            outputs={"uniqueId": "{roleId}"},
        ),
        "aws:iam/rolePolicy:RolePolicy": Row(
            service="iam",
            operation="put_role_policy",
            id="={role}:{name}",
            named="name",
            longest=128,
            renames={"name": "PolicyName", "role": "RoleName", "policy": "PolicyDocument"},
        ),
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Row(
            service="iam",
            operation="attach_role_policy",
            id="={role}/{policyArn}",
            renames={"role": "RoleName"},
        ),
        "aws:iam/policy:Policy": Row(
            service="iam",
            operation="create_policy",
            id="Policy.Arn",
            named="name",
            longest=128,
            renames={"name": "PolicyName", "policy": "PolicyDocument"},
        ),
        "aws:iam/openIdConnectProvider:OpenIdConnectProvider": Row(
            service="iam",
            operation="create_open_id_connect_provider",
            id="OpenIDConnectProviderArn",
            renames={"clientIdLists": "ClientIDList", "thumbprintLists": "ThumbprintList"},
            outputs={"arn": "{id}"},
        ),
        "aws:iam/instanceProfile:InstanceProfile": Row(
            service="iam",
            operation="create_instance_profile",
            id="InstanceProfile.InstanceProfileName",
            named="name",
            longest=128,
            renames={"name": "InstanceProfileName"},
            steps=(
                Step(
                    operation="add_role_to_instance_profile",
                    takes={"role": "RoleName"},
                    on="InstanceProfileName",
                ),
            ),
            outputs={"uniqueId": "{instanceProfileId}"},
        ),
        "aws:iam/serviceLinkedRole:ServiceLinkedRole": Row(
            service="iam",
            operation="create_service_linked_role",
            id="Role.Arn",
            renames={"awsServiceName": "AWSServiceName"},
            steps=(
                Step(operation="tag_role", takes={"tags": "Tags"}, on="RoleName", by="{roleName}"),
            ),
            outputs={"name": "{roleName}", "uniqueId": "{roleId}"},
        ),
        "aws:kms/alias:Alias": Row(
            service="kms",
            operation="create_alias",
            id="={name}",
            named="name",
            renames={"name": "AliasName", "targetKeyId": "TargetKeyId"},
            outputs={"arn": "arn:aws:kms:{region}:{account}:{name}"},
        ),
        "aws:secretsmanager/secret:Secret": Row(
            service="secretsmanager",
            operation="create_secret",
            id="ARN",
            named="name",
            longest=512,
            # How long a deleted secret can be brought back is a parameter of its deletion.
            ignored=("recoveryWindowInDays",),
            renames={"replicas": "AddReplicaRegions"},
            steps=(
                Step(
                    operation="put_resource_policy",
                    takes={"policy": "ResourcePolicy"},
                    on="SecretId",
                ),
            ),
        ),
        "aws:secretsmanager/secretPolicy:SecretPolicy": Row(
            service="secretsmanager",
            operation="put_resource_policy",
            id="={secretArn}",
            renames={
                "secretArn": "SecretId",  # pragma: allowlist secret
                "policy": "ResourcePolicy",
            },
        ),
        "aws:secretsmanager/secretRotation:SecretRotation": Row(
            service="secretsmanager",
            operation="rotate_secret",
            id="={secretId}",
        ),
        "aws:ssm/parameter:Parameter": Row(
            service="ssm",
            operation="put_parameter",
            id="={name}",
            named="name",
            ignored=("insecureValue",),
            outputs={"arn": "arn:aws:ssm:{region}:{account}:parameter{name}"},
        ),
    }
)


@handles("aws:kms/key:Key")
def _key(request: CreateRequest) -> CreateResult:
    """Create a key; rotation is switched by a call of its own."""
    # How long a deleted key waits is a parameter of its deletion.
    request.ignore("deletionWindowInDays")
    rotate, days = request.take("enableKeyRotation"), request.take("rotationPeriodInDays")
    enabled = request.take("isEnabled", True)
    tags = request.take("tags", {})
    parameters = request.parameters(
        "kms",
        "create_key",
        {
            "customerMasterKeySpec": "KeySpec",
            "bypassPolicyLockoutSafetyCheck": "BypassPolicyLockoutSafetyCheck",
        },
    )
    if tags:
        parameters["Tags"] = [
            {"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in tag_list(tags)
        ]
    made = request.call("kms", "create_key", **parameters)["KeyMetadata"]
    key_id = made["KeyId"]
    if rotate:
        period = {"RotationPeriodInDays": days} if days is not None else {}
        request.call("kms", "enable_key_rotation", KeyId=key_id, **period)
    if not enabled:
        request.call("kms", "disable_key", KeyId=key_id)
    outputs = {"arn": made["Arn"], "keyId": key_id}
    if "policy" not in request.resource.inputs:
        outputs["policy"] = request.call(
            "kms", "get_key_policy", KeyId=key_id, PolicyName="default"
        )["Policy"]
    return CreateResult(id=key_id, outputs=outputs)


@handles("aws:secretsmanager/secretVersion:SecretVersion")
def _secret_version(request: CreateRequest) -> CreateResult:
    answer = request.call(
        "secretsmanager",
        "put_secret_value",
        **request.parameters("secretsmanager", "put_secret_value"),
    )
    version, arn = answer["VersionId"], answer["ARN"]
    return CreateResult(
        id=f"{arn}|{version}",
        outputs={
            "arn": arn,
            "versionId": version,
            "versionStages": list(answer.get("VersionStages", [])),
        },
    )
