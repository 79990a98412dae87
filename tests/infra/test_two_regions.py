"""One stack in two regions of one account: what belongs to the account bears the region's name."""

import json
from typing import Final

import pytest

from infra.config.name_rules import LONGEST_STACK_NAME
from tests.infra.building import changed_stack, stack

pytestmark = pytest.mark.xdist_group("infra-program")

ACCOUNTS: Final = {
    # Names that are one a world, or one an account; each by its service's own user guide.
    "aws:s3/bucket:Bucket": "bucket",
    "aws:iam/serviceLinkedRole:ServiceLinkedRole": "customSuffix",
    "aws:iam/role:Role": "name",
    "aws:iam/instanceProfile:InstanceProfile": "name",
    "aws:budgets/budget:Budget": "name",
    "aws:cloudwatch/dashboard:Dashboard": "dashboardName",
}
LONGEST_REGION: Final = "ap-southeast-1"


def names(region: str) -> set[tuple[str, str]]:
    """Every chosen name that another region's would clash with; Pulumi makes up the others."""
    recording = changed_stack("prod", {"aws:region": region})
    return {
        (kind, one.inputs[key])
        for kind, key in ACCOUNTS.items()
        for one in recording.of_type(kind)
        if key in one.inputs
    }


def test_no_name_of_the_account_is_taken_twice() -> None:
    ohio, oregon = names("us-east-2"), names("us-west-2")
    assert len(ohio) == len(oregon) == 5
    assert not ohio & oregon


def test_the_longest_names_of_buckets_and_roles_are_short_enough() -> None:
    for kind, name in names(LONGEST_REGION):
        longest = name.replace("prod", "x" * LONGEST_STACK_NAME)
        most = {"aws:s3/bucket:Bucket": 63, "aws:iam/serviceLinkedRole:ServiceLinkedRole": 35}
        assert len(longest) <= most.get(kind, 255), longest


def test_the_flow_logs_role_may_do_what_its_service_needs_and_for_this_region_alone() -> None:
    recording = stack("prod")
    rights = recording.one("aws:iam/rolePolicy:RolePolicy", "perch-prod-flow-logs")
    statements = json.loads(rights.inputs["policy"])["Statement"]
    # VPC User Guide, IAM role for publishing flow logs to CloudWatch Logs: at least these.
    assert {action for one in statements for action in one["Action"]} == {
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:DescribeLogGroups",
        "logs:DescribeLogStreams",
        "logs:PutLogEvents",
    }
    role = recording.one("aws:iam/role:Role", "perch-prod-flow-logs")
    [trust] = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnLike": {"aws:SourceArn": "arn:aws:ec2:us-east-2:123456789012:vpc-flow-log/*"},
    }
    [log] = recording.of_type("aws:ec2/flowLog:FlowLog")
    assert rights.urn in log.dependencies
