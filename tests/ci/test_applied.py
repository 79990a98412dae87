"""The CI project in AWS's simulator; and what the simulator is asked to make the main stacks.

Shows that every policy is taken as a policy, that roles get the ARNs of what was made, and that
each call with which a stack is created here is one that the deployment role has. It does not show
that AWS would allow the calls, nor that the real provider makes no others.
"""

import json
from typing import Any, Final

import boto3
import pytest
from botocore.session import get_session

from ci.rights.calls import everything
from ops.offline.applier import IN_PROCESS, AppliedStack, apply
from ops.offline.provider.api import AwsApi
from tests.ci.building import ACCOUNT, ENVIRONMENTS, PROJECT, STACK
from tests.ci.evaluate import allowed, documents
from tests.support.stacks import SAMPLES, sample

pytestmark = [pytest.mark.xdist_group("moto"), pytest.mark.usefixtures("aws_in_process")]

STATE: Final = ".pulumi/stacks/perch"
LOCKS: Final = ".pulumi/locks/organization/perch"


@pytest.fixture(scope="module")
def applied() -> AppliedStack:
    return apply(STACK, endpoint_url=IN_PROCESS, root=PROJECT)


def client(service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    return boto3.client(service, region_name="us-east-2")  # type: ignore[call-overload]


def attached(role: str) -> list[Any]:
    """The policies of a role as IAM has them."""
    iam = client("iam")
    listed = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    texts = []
    for one in listed:
        version = iam.get_policy_version(PolicyArn=one["PolicyArn"], VersionId="v1")
        texts.append(json.dumps(version["PolicyVersion"]["Document"]))
    return documents(texts)


def test_nothing_exists_on_paper_only(applied: AppliedStack) -> None:
    assert applied.unsupported == {}


def test_roles_trust_the_identity_provider_that_was_made(applied: AppliedStack) -> None:
    [provider] = client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
    for name in ("perch-ci-preview", "perch-ci-drift", "perch-ci-deploy-prod"):
        role = client("iam").get_role(RoleName=name)["Role"]
        [statement] = role["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Federated": provider["Arn"]}
        assert role["Arn"] in applied.outputs.values()


def test_the_boundary_of_the_policies_is_the_one_that_was_made(applied: AppliedStack) -> None:
    for name in ENVIRONMENTS:
        context = {"iam:PermissionsBoundary": applied.outputs[f"permissions_boundary_arn_{name}"]}
        role = f"arn:aws:iam::{ACCOUNT}:role/perch-{name}-blue"
        policies = attached(f"perch-ci-deploy-{name}")
        assert allowed(policies, "iam:CreateRole", role, context)


def state(applied: AppliedStack, key: str) -> str:
    bucket = applied.outputs["pulumi_backend_url"].removeprefix("s3://").partition("?")[0]
    return f"arn:aws:s3:::{bucket}/{key}"


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_deployment_writes_the_state_of_its_stack_alone(applied: AppliedStack, name: str) -> None:
    policies = attached(f"perch-ci-deploy-{name}")
    for stack in ENVIRONMENTS:
        for key in (
            *(f"{STATE}/{stack}.json", f"{STATE}/{stack}.json.bak"),
            *(f"{LOCKS}/{stack}/1234.json", f".pulumi/history/perch/{stack}/{stack}-1.json"),
        ):
            for action in ("s3:GetObject", "s3:PutObject"):
                assert allowed(policies, action, state(applied, key)) == (stack == name)
    assert allowed(policies, "s3:GetObject", state(applied, ".pulumi/meta.yaml"))
    assert not allowed(policies, "s3:PutObject", state(applied, ".pulumi/meta.yaml"))
    # The project of CI itself lies in the same bucket.
    assert not allowed(
        policies, "s3:GetObject", state(applied, ".pulumi/stacks/perch-ci/account.json")
    )


@pytest.mark.parametrize("role", ["perch-ci-preview", "perch-ci-drift"])
def test_who_only_looks_reads_states_and_locks_nothing(applied: AppliedStack, role: str) -> None:
    policies = attached(role)
    assert allowed(policies, "s3:GetObject", state(applied, f"{STATE}/prod.json"))
    for action in ("s3:PutObject", "s3:DeleteObject"):
        assert not allowed(policies, action, state(applied, f"{LOCKS}/prod/1234.json"))


def test_the_key_of_the_state_opens_for_every_role(applied: AppliedStack) -> None:
    alias = applied.outputs["secrets_provider"].removeprefix("awskms://").partition("?")[0]
    key = client("kms").describe_key(KeyId=alias)["KeyMetadata"]["Arn"]
    for role in ("perch-ci-preview", "perch-ci-drift", "perch-ci-deploy-dev"):
        assert allowed(attached(role), "kms:Decrypt", key)
        assert allowed(attached(role), "kms:GenerateDataKey", key) == ("deploy" in role)


PREFIXES: Final = {"elbv2": "elasticloadbalancing"}
"""boto3's name of a service -> IAM's, where they differ."""

OTHER_NAMES: Final = {
    # One action stands for several calls, or bears another name than its call.
    "budgets:CreateBudget": "budgets:ModifyBudget",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
}


@pytest.mark.slow
@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_what_makes_a_stack_here_is_allowed_to_a_deployment(
    stack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: set[tuple[str, str]] = set()
    call = AwsApi.call

    def noted(self: AwsApi, service: str, operation: str, *rest: Any) -> Any:  # noqa: ANN401
        called.add((service, operation))
        return call(self, service, operation, *rest)

    monkeypatch.setattr(AwsApi, "call", noted)
    zone = client("route53").create_hosted_zone(Name="example.com", CallerReference=stack)
    zone_id = zone["HostedZone"]["Id"].rpartition("/")[2]
    assert "zone_id" in sample(stack).config["perch:domain"]
    apply(
        stack,
        endpoint_url=IN_PROCESS,
        overrides={"domain": {"zone_id": zone_id}},
        root=SAMPLES,
    )
    actions = {_action(service, operation) for service, operation in called}
    assert len(actions) > 50
    # Everybody may ask who he is; and S3's prefix list is found here by another call than there.
    assert actions - everything() == {"sts:GetCallerIdentity", "ec2:DescribeManagedPrefixLists"}


def _action(service: str, operation: str) -> str:
    model = get_session().get_service_model(service)
    words = operation.replace("_", "").lower()
    [name] = [one for one in model.operation_names if one.lower() == words]
    action = f"{PREFIXES.get(service, service)}:{name}"
    return OTHER_NAMES.get(action, action)
