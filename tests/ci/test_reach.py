"""How far the roles reach: all of their own environment, and nothing of another.

The requests are those of every committed stack. AWS evaluates policies by more rules than
tests/ci/evaluate.py knows (session policies, service control policies); an account's own come on
top, and docs/unverified.md has the command with which AWS itself judges these.
"""

import json
from collections.abc import Iterator

import pytest

from ops.offline.engine.recording import Recording
from ops.offline.recorder import record
from tests.ci.building import ACCOUNT, ENVIRONMENTS, REGION, boundary, policies
from tests.ci.evaluate import allowed, statements_of
from tests.ci.requests import Request, requests
from tests.support.stacks import stack

pytestmark = pytest.mark.xdist_group("infra-program")

OTHER_REGION = "eu-west-1"
OTHER_ACCOUNT = "999999999999"


def boundary_arn(environment: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:policy/perch-ci-boundary-{environment}"


def made(environment: str) -> list[Request]:
    return list(requests(stack(environment), boundary_arn(environment)))


def refused(role: str, found: list[Request]) -> list[Request]:
    return [
        one for one in found if not allowed(policies(role), one.action, one.resource, one.context)
    ]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_deployment_may_make_and_change_everything_of_its_environment(environment: str) -> None:
    found = made(environment)
    assert len(found) > 150
    assert refused(f"perch-ci-deploy-{environment}", found) == []


@pytest.mark.parametrize("other", [one for one in ENVIRONMENTS if one != "prod"])
def test_a_deployment_may_touch_nothing_of_another_environment(other: str) -> None:
    found = made("prod")
    assert refused(f"perch-ci-deploy-{other}", found) == found


def test_a_deployment_may_touch_nothing_in_another_region_or_account() -> None:
    regional = [one for one in made("prod") if REGION in one.resource]
    assert regional
    for old, new in ((REGION, OTHER_REGION), (ACCOUNT, OTHER_ACCOUNT)):
        moved = [
            Request(action=one.action, resource=one.resource.replace(old, new), context=one.context)
            for one in regional
        ]
        # A bucket's name is all there is of its ARN.
        moved = [one for one in moved if not one.resource.startswith("arn:aws:s3:::")]
        assert refused("perch-ci-deploy-prod", moved) == moved


@pytest.mark.parametrize("role", ["perch-ci-preview", "perch-ci-drift"])
def test_who_only_looks_makes_and_changes_nothing(role: str) -> None:
    found = made("prod")
    assert refused(role, found) == found


def test_a_role_is_made_within_its_boundary_or_not_at_all() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/perch-dev-blue-1234567"
    deploy = policies("perch-ci-deploy-dev")
    for action in ("iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"):
        assert allowed(deploy, action, role, {"iam:PermissionsBoundary": boundary_arn("dev")})
        assert not allowed(deploy, action, role)
        assert not allowed(deploy, action, role, {"iam:PermissionsBoundary": boundary_arn("prod")})
    assert not allowed(deploy, "iam:DeleteRolePermissionsBoundary", role)


def test_a_role_is_handed_to_the_services_of_the_program_alone() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/perch-dev-blue-1234567"
    deploy = policies("perch-ci-deploy-dev")
    assert allowed(deploy, "iam:PassRole", role, {"iam:PassedToService": "ec2.amazonaws.com"})
    assert not allowed(
        deploy, "iam:PassRole", role, {"iam:PassedToService": "lambda.amazonaws.com"}
    )


def test_a_deployment_cannot_change_what_bounds_it() -> None:
    deploy = policies("perch-ci-deploy-dev")
    own = f"arn:aws:iam::{ACCOUNT}:role/perch-ci-deploy-dev"
    bounded = {"iam:PermissionsBoundary": boundary_arn("dev")}
    for action in ("iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:UpdateAssumeRolePolicy"):
        assert not allowed(deploy, action, own, bounded)
    granted = {action for one in statements_of(deploy) for action in one["Action"]}
    assert not {one for one in granted if one.startswith("iam:") and one.endswith("Policy")} - {
        *("iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:DetachRolePolicy"),
        *("iam:DeleteRolePolicy", "iam:GetRolePolicy", "iam:UpdateAssumeRolePolicy"),
    }


def test_what_another_environment_tagged_cannot_be_claimed() -> None:
    deploy = policies("perch-ci-deploy-dev")
    group = f"arn:aws:ec2:{REGION}:{ACCOUNT}:security-group/sg-0123456789abcdef0"
    ours = {"aws:RequestTag/Project": "perch", "aws:RequestTag/Environment": "dev"}
    theirs = {"aws:ResourceTag/Project": "perch", "aws:ResourceTag/Environment": "prod"}
    assert allowed(deploy, "ec2:CreateTags", group, ours)
    assert not allowed(deploy, "ec2:CreateTags", group, {**ours, **theirs})
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/01234567-89ab-cdef-0123-456789abcdef"
    assert allowed(deploy, "kms:TagResource", key, ours)
    assert not allowed(deploy, "kms:TagResource", key, {**ours, **theirs})


def test_a_key_is_used_through_the_services_that_it_is_for() -> None:
    deploy = policies("perch-ci-deploy-dev")
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/01234567-89ab-cdef-0123-456789abcdef"
    own = {"aws:ResourceTag/Project": "perch", "aws:ResourceTag/Environment": "dev"}
    via = {**own, "kms:ViaService": f"ecr.{REGION}.amazonaws.com"}
    assert allowed(deploy, "kms:CreateGrant", key, via)
    assert not allowed(deploy, "kms:CreateGrant", key, own)


def _of_roles(recording: Recording) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield action, resource and context of all that the roles of a stack may do."""
    environment = recording.stack
    for one in recording.of_type("aws:iam/rolePolicy:RolePolicy"):
        for statement in json.loads(one.inputs["policy"])["Statement"]:
            context = {
                key: wanted if isinstance(wanted, str) else wanted[0]
                for keys in statement.get("Condition", {}).values()
                for key, wanted in keys.items()
            }
            tags = {"Project": "perch", "Environment": environment}
            context |= {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
            for action in statement["Action"]:
                for resource in statement["Resource"]:
                    yield action, _real(action, resource, environment), context


def _real(action: str, resource: str, environment: str) -> str:
    """An ARN as AWS has it, for a placeholder's."""
    name = resource.rpartition(":")[2]
    service = action.partition(":")[0]
    if resource == "*" or service in {"ssm", "autoscaling"}:
        return resource
    if service == "s3":
        return f"arn:aws:s3:::{name}"
    if service == "logs":
        source = resource.rpartition(f"perch-{environment}-")[2]
        return f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/perch/{environment}/{source}"
    # pragma: allowlist nextline secret
    middle = {"kms": "key/", "secretsmanager": "secret:", "ecr": "repository/", "ec2": ""}[service]
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{middle}{name}"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_boundary_lets_every_role_of_the_program_do_its_work(environment: str) -> None:
    found = list(_of_roles(stack(environment)))
    assert {action.partition(":")[0] for action, _, _ in found} >= {"s3", "kms", "logs", "ecr"}
    outside = [one for one in found if not allowed([boundary(environment)], *one)]
    assert outside == []


def test_the_boundary_keeps_roles_from_everything_else() -> None:
    least = [boundary("dev")]
    for action, resource in (
        ("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/somebody"),
        ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/anything"),
        ("s3:GetObject", "arn:aws:s3:::perch-prod-models-1/x"),
        ("s3:GetObject", f"arn:aws:s3:::perch-ci-state-{ACCOUNT}-{REGION}/.pulumi/meta.yaml"),
        (
            "secretsmanager:GetSecretValue",
            f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:perch-prod-ngc-api-key-AbCdEf",
        ),
        ("ec2:RunInstances", f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/*"),
    ):
        assert not allowed(least, action, resource)


def test_a_stack_that_is_given_its_boundary_puts_it_on_every_role() -> None:
    changes = {"permissions_boundary_arn": boundary_arn("prod")}
    bounded = record("prod", overrides=changes).of_type("aws:iam/role:Role")
    assert {role.inputs["permissionsBoundary"] for role in bounded} == {boundary_arn("prod")}
    unbounded = stack("prod").of_type("aws:iam/role:Role")
    assert len(bounded) == len(unbounded) >= 3
    assert not any("permissionsBoundary" in role.inputs for role in unbounded)
