"""Who may write to logs and alarms, and with which keys: each service, each condition.

Proves the documents, not how AWS reads them.
"""

import json
from typing import Any

import pytest

from tests.infra.building import stack

pytestmark = pytest.mark.xdist_group("infra-program")

ACCOUNT = "123456789012"
USE = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
LOG_GROUPS = f"arn:aws:logs:us-east-2:{ACCOUNT}:log-group"
OWN = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
ROOT = ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, ["kms:*"], None)


def statements(kind: str, name: str) -> dict[str, tuple[Any, Any, Any]]:
    """Principal, actions and condition of each statement of a resource's policy, by its id."""
    [found] = [one for one in stack("prod").of_type(kind) if one.name == name]
    document = json.loads(found.inputs["policy"])
    assert {one["Effect"] for one in document["Statement"]} == {"Allow"}
    return {
        one["Sid"]: (one["Principal"], one["Action"], one.get("Condition"))
        for one in document["Statement"]
    }


def test_the_key_of_telemetry_serves_this_stacks_logs_and_this_accounts_alarms() -> None:
    own_logs = [f"{LOG_GROUPS}:/perch/prod/*", f"{LOG_GROUPS}:aws-waf-logs-perch-prod*"]
    assert statements("aws:kms/key:Key", "perch-prod-telemetry") == {
        "Account": ROOT,
        "Logs": (
            {"Service": "logs.us-east-2.amazonaws.com"},
            USE,
            {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": own_logs}},
        ),
        "Alarms": (
            {"Service": ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]},
            ["kms:Decrypt", "kms:GenerateDataKey*"],
            OWN,
        ),
    }


def test_the_key_of_data_is_granted_by_the_role_that_starts_machines_for_aws_itself_alone() -> None:
    found = statements("aws:kms/key:Key", "perch-prod-data")
    assert found.pop("Account") == ROOT
    use, grant = found.pop("AutoScalingUse"), found.pop("AutoScalingGrant")
    assert found == {}
    assert use[1:] == (USE, None)
    assert grant[1:] == (["kms:CreateGrant"], {"Bool": {"kms:GrantIsForAWSResource": "true"}})
    assert use[0] == grant[0]
    assert "autoscaling" in use[0]["AWS"]


def test_the_topic_takes_alarms_and_budgets_of_this_account() -> None:
    assert statements("aws:sns/topicPolicy:TopicPolicy", "perch-prod-alarms") == {
        "Publish": (
            {"Service": ["budgets.amazonaws.com", "cloudwatch.amazonaws.com"]},
            ["sns:Publish"],
            OWN,
        )
    }


@pytest.mark.parametrize(("name", "days"), [("dev", 30), ("staging", 365), ("prod", 365)])
def test_logs_are_kept_as_long_as_the_environment_says(name: str, days: int) -> None:
    groups = stack(name).of_type("aws:cloudwatch/logGroup:LogGroup")
    kept = {group.inputs["name"]: group.inputs["retentionInDays"] for group in groups}
    assert kept
    assert set(kept.values()) == {days}, kept
