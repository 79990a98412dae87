"""Who may do what in every stack: roles, keys, secrets; the ids are those of public rule sets."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.authority import is_signed_by, parse
from ops.offline.engine.recording import Recording
from tests.infra.building import STACKS, changed_stack, stack

pytestmark = pytest.mark.xdist_group("infra-program")


@pytest.fixture(params=STACKS)
def recording(request: pytest.FixtureRequest) -> Recording:
    return stack(request.param)


def statements(recording: Recording, *kinds: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for kind in kinds:
        for resource in recording.of_type(kind):
            document = json.loads(resource.inputs["policy"])
            for statement in document["Statement"]:
                yield resource.name, statement


def test_secrets_are_encrypted_with_the_stacks_key_and_described(recording: Recording) -> None:
    """CKV_AWS_149. Exception from CKV2_AWS_57: docs/security.md says why none rotates by itself."""
    secrets = recording.of_type("aws:secretsmanager/secret:Secret")
    # Stack local pulls nothing from NVIDIA; no stack's fallback has a certificate.
    assert len(secrets) == (5 if recording.stack == "local" else 6)
    for secret in secrets:
        assert secret.inputs["kmsKeyId"] == recording.outputs["kms_key_arn"]
        assert len(secret.inputs["description"]) > 10
        assert "policy" not in secret.inputs


def test_only_the_keys_that_no_person_issues_are_made_up_and_those_in_secret(
    recording: Recording,
) -> None:
    versions = recording.of_type("aws:secretsmanager/secretVersion:SecretVersion")
    name = f"perch-{recording.stack}"
    assert {one.name for one in versions} == {
        f"{name}-access-list", f"{name}-gateway-tls", f"{name}-gateway-resume-keys"
    }  # fmt: skip
    for version in versions:
        assert version.input_is_secret("secretString")
        # Else the next `pulumi up` would undo a rotation.
        assert version.options["ignoreChanges"] == ["secretString"]


def test_gateways_begin_with_a_certificate_whose_authority_signs_nothing_more(
    recording: Recording,
) -> None:
    version = recording.one(
        "aws:secretsmanager/secretVersion:SecretVersion", f"perch-{recording.stack}-gateway-tls"
    )
    identity = parse(version.inputs["secretString"])
    [own, authority] = identity.certificates
    assert is_signed_by(own, authority)
    # Of the authority there is a certificate, and nowhere a key.
    assert identity.key.public_key() != authority.public_key()


def test_no_machine_may_read_the_key_of_the_authority(recording: Recording) -> None:
    arns = recording.outputs["secret_arns"]
    for _, statement in statements(recording, "aws:iam/rolePolicy:RolePolicy"):
        if "secretsmanager:GetSecretValue" in statement["Action"]:
            assert arns["tls_authority"] not in statement["Resource"]
            assert arns["gateway_tls"] in statement["Resource"]


def test_machines_may_read_what_they_follow_and_change_nothing_of_it(recording: Recording) -> None:
    name = recording.outputs["recognition_parameter_name"]
    parameter = recording.one("aws:ssm/parameter:Parameter", f"perch-{recording.stack}-recognition")
    assert parameter.inputs["name"] == name == f"/perch/{recording.stack}/recognition"
    allowed = [
        (statement["Action"], statement["Resource"])
        for _, statement in statements(recording, "aws:iam/rolePolicy:RolePolicy")
        if any(action.startswith("ssm:") for action in statement["Action"])
    ]
    followed = (name, recording.outputs["secrets_version_parameter_name"])
    arns = [f"arn:aws:ssm:us-east-2:123456789012:parameter{one}" for one in followed]
    assert allowed == [(["ssm:GetParameter"], arns)] * 2


def test_keys_rotate_and_no_key_is_everybodys(recording: Recording) -> None:
    """CKV_AWS_7, CKV_AWS_33, CKV2_AWS_64, KMS.4, KMS.5."""
    for key in recording.of_type("aws:kms/key:Key"):
        assert key.inputs["enableKeyRotation"] is True
        assert key.inputs["deletionWindowInDays"] >= 7
        for statement in json.loads(key.inputs["policy"])["Statement"]:
            assert "*" not in json.dumps(statement["Principal"])


WITHOUT_RESOURCES = {
    "PutMetrics": ["cloudwatch:PutMetricData"],
    "OwnGroupName": ["ec2:DescribeTags"],
    "RegistryLogin": ["ecr:GetAuthorizationToken"],
}


"""Actions that know no resources; whatever else says "*" is a mistake (CKV_AWS_355)."""


def test_roles_may_do_only_what_is_named_on_what_is_named(recording: Recording) -> None:
    """CKV_AWS_62, 63, 286 to 290, 355, KMS.1, KMS.2."""
    for _, statement in statements(recording, "aws:iam/rolePolicy:RolePolicy"):
        assert all("*" not in action for action in statement["Action"])
        if statement["Resource"] == ["*"]:
            assert statement["Action"] == WITHOUT_RESOURCES[statement["Sid"]]
        else:
            assert all(resource.startswith("arn:aws:") for resource in statement["Resource"])


def test_metrics_go_into_one_namespace_only(recording: Recording) -> None:
    found = [one for _, one in statements(recording, "aws:iam/rolePolicy:RolePolicy")]
    conditions = [one["Condition"] for one in found if one["Sid"] == "PutMetrics"]
    assert conditions == [{"StringEquals": {"cloudwatch:namespace": "Perch"}}] * 2


def test_a_machine_tags_itself_alone_and_with_its_host_key_alone(recording: Recording) -> None:
    """Else one machine could stand in for another before `perch host`: ADR 1120."""
    found = [one for _, one in statements(recording, "aws:iam/rolePolicy:RolePolicy")]
    [blue, green] = [one for one in found if "ec2:CreateTags" in one["Action"]]
    assert blue == green
    assert blue["Condition"] == {
        "StringLike": {"aws:userid": "*:${ec2:InstanceID}"},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["perch:host-key"]},
    }
    assert blue["Resource"][0].endswith(":instance/*")


def test_only_services_take_roles(recording: Recording) -> None:
    """CKV_AWS_60, CKV_AWS_61."""
    for role in recording.of_type("aws:iam/role:Role"):
        for statement in json.loads(role.inputs["assumeRolePolicy"])["Statement"]:
            assert list(statement["Principal"]) == ["Service"]


def test_alarm_messages_are_encrypted_and_only_this_accounts_services_send_them(
    recording: Recording,
) -> None:
    topic = recording.one("aws:sns/topic:Topic")
    assert topic.inputs["kmsMasterKeyId"]
    [statement] = [one for _, one in statements(recording, "aws:sns/topicPolicy:TopicPolicy")]
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_an_account_that_is_named_is_the_only_one_that_is_touched() -> None:
    def allowed(recording: Recording) -> object:
        [provider] = recording.of_type("pulumi:providers:aws")
        return json.loads(provider.inputs.get("allowedAccountIds", "null"))

    account = "210987654321"
    assert allowed(changed_stack("dev", {"account_id": account})) == [account]
    assert allowed(stack("dev")) is None


def test_every_role_is_bounded_where_the_stack_names_a_boundary() -> None:
    """Else a deployment from CI, which may make none without it, is refused half-way."""
    boundary = "arn:aws:iam::123456789012:policy/perch-ci-boundary-prod"
    bounded = changed_stack("prod", {"permissions_boundary_arn": boundary})
    roles = bounded.of_type("aws:iam/role:Role")
    assert {role.inputs.get("permissionsBoundary") for role in roles} == {boundary}
    free = stack("prod").of_type("aws:iam/role:Role")
    assert [role.name for role in free] == [role.name for role in roles]
    assert all("permissionsBoundary" not in role.inputs for role in free)
