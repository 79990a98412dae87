"""The roles may do what the program needs, each action as far as it must reach, and nothing else.

Actions, the resources they know and the keys that can narrow them are compared with a copy of AWS's
Service Authorization Reference. Not proven here: that the provider calls nothing but what the
tables say; docs/unverified.md has the command that would show it.
"""

import functools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from ci.rights.calls import IMAGE_CALLS, LOOKUPS, TYPES, everything, lookups, reads
from ci.rights.scope import Environment
from ci.rights.scopes import SCOPES, WITHOUT_RESOURCES
from ci.rights.statements import statements
from ops.offline.engine.program import run_program
from ops.offline.placeholders import PlaceholderProvider
from tests.ci.building import ACCOUNT, ENVIRONMENTS, policies, recording, reference, resource_type
from tests.ci.evaluate import Document, statements_of
from tests.support.stacks import REGION, sample, stack

pytestmark = pytest.mark.xdist_group("infra-program")

STACKS = ("dev", "staging", "prod")
LARGEST_POLICY = 6144
"""Characters without white space that a managed policy may have, and policies a role:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
MOST_POLICIES = 10
ROLES = ("perch-ci-preview", "perch-ci-drift", *(f"perch-ci-deploy-{one}" for one in ENVIRONMENTS))


def test_every_type_that_the_program_makes_has_its_calls_in_the_tables() -> None:
    used = {
        resource.type
        for name in STACKS
        for resource in stack(name).resources.values()
        if resource.type.startswith("aws:")
    }
    assert used == set(TYPES), "ci/rights/account_types.py and network_types.py"


def test_every_look_up_of_the_program_has_its_calls_in_the_table() -> None:
    project = sample("dev", {"blue": {"snapshot_id": "snap-0123456789abcdef0"}})
    brought = run_program(project, PlaceholderProvider(region=REGION))
    programs = [brought, *map(stack, STACKS)]
    assert {one.token for program in programs for one in program.invokes} == set(LOOKUPS)


def test_every_action_exists_and_is_spelled_as_aws_spells_it() -> None:
    for action in everything():
        assert reference(action)["name"] == action.partition(":")[2]


def test_what_is_allowed_on_everything_knows_no_resources() -> None:
    without = {action for action in everything() if not reference(action)["resourceTypes"]}
    assert without == WITHOUT_RESOURCES


def test_a_read_changes_nothing() -> None:
    changing = {one for one in reads() if reference(one)["accessLevel"] not in {"Read", "List"}}
    # AWS files it under writing, although it writes nothing.
    assert changing == {"kms:Decrypt"}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_its_calls_and_no_other(role: str) -> None:
    own = {"s3:ListBucket", "s3:GetObject", "kms:Decrypt"}
    needed = {"preview": lookups(), "drift": reads()}.get(role.rpartition("-")[2])
    if needed is None:
        own |= {"s3:PutObject", "s3:DeleteObject", "kms:GenerateDataKey"}
        needed = everything()
    granted = {
        action for statement in statements_of(policies(role)) for action in statement["Action"]
    }
    assert granted == needed | own


def test_no_policy_has_an_action_with_a_star_or_everything_with_a_write() -> None:
    for role in ROLES:
        for statement in statements_of(policies(role)):
            assert not any("*" in action for action in statement["Action"]), statement["Sid"]
            if statement["Resource"] == ["*"]:
                writes = {
                    action
                    for action in statement["Action"]
                    if reference(action)["accessLevel"] not in {"Read", "List"}
                }
                assert not writes or statement.get("Condition"), (statement["Sid"], writes)


def test_an_action_without_a_scope_is_refused_by_name() -> None:
    environment = Environment(name="dev", region="us-east-2", account_id=ACCOUNT)
    with pytest.raises(ValueError, match="no scope for lambda:Invoke, x:y;"):
        statements({"lambda:Invoke", "x:y", "ec2:CreateVpc"}, environment)


@pytest.mark.parametrize("role", ROLES)
def test_policies_are_as_small_and_as_few_as_aws_takes(role: str) -> None:
    found = policies(role)
    assert len(found) <= MOST_POLICIES
    for document in found:
        assert len(json.dumps(document, separators=(",", ":"))) <= LARGEST_POLICY
        sids = [statement["Sid"] for statement in document["Statement"]]
        assert len(sids) == len(set(sids))


def test_an_environment_without_a_hosted_zone_changes_no_name() -> None:
    environment = Environment(name="dev", region="us-east-2", account_id=ACCOUNT)
    granted = {
        action
        for group in statements(everything(), environment).values()
        for statement in group
        for action in statement.actions
    }
    assert granted == everything() - {
        *("route53:ChangeResourceRecordSets", "route53:GetChange"),
        *("route53:GetHostedZone", "route53:ListResourceRecordSets"),
    }


def _type(action: str, name: str) -> Any:  # noqa: ANN401 - JSON
    return resource_type(action.partition(":")[0], name)


def _kinds(action: str) -> Iterator[tuple[Any, str]]:
    """Yield the resource types of an action with their ARNs as patterns."""
    for kind in reference(action)["resourceTypes"]:
        yield kind, re.sub(r"\$\{\w+\}", "*", _type(action, kind["name"])["arn"])


def _meet(one: str, other: str) -> bool:
    """Say whether two ARN patterns can name the same resource."""

    @functools.cache
    def meets(left: int, right: int) -> bool:
        rest, others = one[left:], other[right:]
        if not rest or not others:
            return not (rest + others).strip("*")
        if rest[0] == "*":
            return meets(left + 1, right) or meets(left, right + 1)
        if others[0] == "*":
            return meets(left, right + 1) or meets(left + 1, right)
        return rest[0] == others[0] and meets(left + 1, right + 1)

    return meets(0, 0)


def _keys(statement: Document) -> set[str]:
    return {key for keys in statement.get("Condition", {}).values() for key in keys}


def test_every_resource_that_an_action_must_have_is_allowed() -> None:
    missing = [
        (action, kind["name"])
        for action, granting in GRANTING.items()
        for kind, arn in _kinds(action)
        if kind["required"] and kind["name"] not in NEVER_ASKED
        if not any(_meet(own, arn) for one in granting for own in one["Resource"])
    ]
    assert missing == []


def test_every_statement_is_of_resources_that_its_actions_know() -> None:
    """It would allow nothing otherwise."""
    idle = [
        (action, statement["Sid"])
        for action, granting in GRANTING.items()
        for statement in granting
        if action not in WITHOUT_RESOURCES and statement["Sid"] not in OF_THE_STATE
        if not any(_meet(own, arn) for own in statement["Resource"] for _, arn in _kinds(action))
    ]
    assert idle == []


GRANTING: Mapping[str, list[Document]] = {
    action: [
        statement
        for statement in statements_of(policies("perch-ci-deploy-dev"))
        if action in statement["Action"]
    ]
    for action in sorted(everything())
}
"""What allows each action to a role that deploys."""

OF_THE_STATE = {"ListState", "OpenState", "ReadState", "SealState", "WriteState"}
"""Their ARNs are placeholders in a recording; test_applied.py has them from AWS's simulator."""

NEVER_ASKED = {
    # The program makes application load balancers alone.
    *("listener/net", "listener-rule/net", "loadbalancer/gwy/", "loadbalancer/net/"),
}


def test_a_condition_is_on_a_key_that_the_action_knows() -> None:
    """AWS sends no other with a request of it, so the statement would never apply."""
    unknown = []
    for action, granting in GRANTING.items():
        known = set(reference(action)["conditionKeys"])
        for kind, _ in _kinds(action):
            known |= set(kind["conditionKeys"])
            known |= set(_type(action, kind["name"]).get("conditionKeys", ()))
        names = {key.partition("/")[0] for key in known} | GLOBAL_KEYS
        unknown += [
            (action, statement["Sid"], key)
            for statement in granting
            for key in _keys(statement)
            if key.partition("/")[0] not in names
        ]
    assert unknown == []


GLOBAL_KEYS = {"aws:RequestedRegion"}
"""Sent with every request:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html"""


def test_every_scope_is_used() -> None:
    deploy = {one["Sid"] for one in statements_of(policies("perch-ci-deploy-prod"))}
    assert {scope.sid for scope in SCOPES} <= deploy


def test_images_are_pushed_by_calls_that_no_resource_needs() -> None:
    assert not IMAGE_CALLS & frozenset[str]().union(*(row.all for row in TYPES.values()))


def test_the_tables_have_no_type_that_the_ci_project_alone_uses() -> None:
    """The roles cannot change themselves: nothing of identity providers or managed policies."""
    own = {one.type for one in recording().resources.values() if one.type.startswith("aws:")}
    assert own - set(TYPES) == {
        "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
        "aws:iam/policy:Policy",
    }
