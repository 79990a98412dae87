"""A stack's first deployment in the order of `up.yml`, then changes of it that are really applied.

Does not prove that AWS knows a role as soon as it is made, nor that it makes each update in place.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi.automation import PulumiCommand

from ops.offline.pulumi_cli.outcomes import Outcome
from tests.engine.worlds import World, world

pytestmark = pytest.mark.xdist_group("pulumi-first-deployment")

WORKFLOW = Path(__file__).resolve().parents[2] / ".github" / "workflows" / "up.yml"

OTHER_RANGE = "198.51.100.0/24"
IN_PLACE: dict[str, Any] = {
    "access": {"allowed_cidrs": [OTHER_RANGE]},
    "load_balancer": {"idle_timeout_seconds": 400},
    "blue": {"max_machines": 3},
    "scaling": {"streams_per_machine": 30, "idle_minutes": 90},
    "observability": {"log_retention_days": 90, "monthly_budget_usd": 500},
}
"""A rule of the firewall, a balancer's attribute, numbers of scaling and alarms, logs, a budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """One stack through its deployments, in order.

    Attributes:
        world: The stack.
        first: What `up` with the workflow's targets did.
        repositories: Names of the repositories after it.
        whole: What the whole `up` after it did.
        changed: What `up` with another configuration did then.
        after: A preview with the same configuration.
    """

    world: World
    first: Outcome
    repositories: list[str]
    whole: Outcome
    changed: Outcome
    after: Outcome


def targets() -> list[str]:
    """The patterns that the workflow gives `pulumi up`."""
    steps = yaml.safe_load(WORKFLOW.read_text())["jobs"]["up"]["steps"]
    [given] = [step["with"]["target"] for step in steps if "target" in step.get("with", {})]
    return str(given).split()


@pytest.fixture(scope="module")
def deployed(
    tmp_path_factory: pytest.TempPathFactory, pulumi_command: PulumiCommand
) -> Iterator[Deployed]:
    """Stack `dev` from nothing to its first change."""
    with world("dev", tmp_path_factory.mktemp("first"), pulumi_command) as made:
        first = made.up(targets=targets())
        found = made.client("ecr").describe_repositories()["repositories"]
        yield Deployed(
            world=made,
            first=first,
            repositories=[one["repositoryName"] for one in found],
            whole=made.up(),
            changed=made.up(IN_PLACE),
            after=made.preview(IN_PLACE),
        )


def test_the_workflows_targets_make_the_repository_its_keys_and_nothing_else(
    deployed: Deployed,
) -> None:
    assert not deployed.first.failure, deployed.first.messages
    assert len(targets()) == 4
    assert deployed.repositories == ["perch-dev-gateway"]
    made = [step.label for step in deployed.first.changing if step.type.startswith("aws:")]
    assert sorted(made) == [
        "Alias perch-dev-data",
        "Alias perch-dev-telemetry",
        "Key perch-dev-data",
        "Key perch-dev-telemetry",
        "LifecyclePolicy perch-dev-gateway",
        "Repository perch-dev-gateway",
        "ServiceLinkedRole perch-dev-autoscaling",
    ]
    assert set(deployed.first.changes) == {"create"}


def test_the_whole_deployment_goes_on_from_there(deployed: Deployed) -> None:
    assert not deployed.whole.failure, deployed.whole.messages
    assert set(deployed.whole.changes) <= {"create", "update"}
    assert not [label for label in deployed.whole.changes.get("update", ()) if "perch:" in label]
    made = deployed.whole.changes["create"]
    assert "Group perch-dev-blue" in made
    assert "Repository perch-dev-gateway" not in made


def test_a_change_in_place_reaches_aws_and_leaves_nothing_to_do(deployed: Deployed) -> None:
    changed, aws = deployed.changed, deployed.world.client
    assert not changed.failure, changed.messages
    assert deployed.after.clean, deployed.after.changes or deployed.after.failure
    # Only the rules, one a port, are other resources: each is named after its range.
    assert set(changed.changes) == {"create", "delete", "update"}
    for label in (*changed.changes["create"], *changed.changes["delete"]):
        assert label.startswith("SecurityGroupIngressRule perch-dev-balancer-in-"), label

    rules = aws("ec2").describe_security_group_rules()["SecurityGroupRules"]
    entrances = {one["CidrIpv4"] for one in rules if not one["IsEgress"] and one["FromPort"] == 443}
    assert entrances == {OTHER_RANGE}
    [balancer] = aws("elbv2").describe_load_balancers()["LoadBalancers"]
    attributes = aws("elbv2").describe_load_balancer_attributes(
        LoadBalancerArn=balancer["LoadBalancerArn"]
    )["Attributes"]
    assert {"Key": "idle_timeout.timeout_seconds", "Value": "400"} in attributes
    groups = aws("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    assert {one["AutoScalingGroupName"]: one["MaxSize"] for one in groups} == {
        "perch-dev-blue": 3,
        "perch-dev-green": 1,
    }
    kept = {one["retentionInDays"] for one in aws("logs").describe_log_groups()["logGroups"]}
    assert kept == {90}
