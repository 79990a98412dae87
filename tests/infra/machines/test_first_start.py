"""The order of a first deployment: nothing asks for a machine before what it needs is there.

Read from what the program registers, twice: as docs/deploy.md asks for it before the gateway's
image is pushed, and afterwards. That AWS raises a group to its new minimum is its API reference's
word (UpdateAutoScalingGroup).
"""

import re
from typing import Final

import pytest

from ops.offline.engine.recording import Recording, Resource
from tests.infra.building import ROOT, changed_stack, compared, stack
from tests.support.cases import few

pytestmark = pytest.mark.xdist_group("infra-program")

GROUP: Final = "aws:autoscaling/group:Group"
SCHEDULE: Final = "aws:autoscaling/schedule:Schedule"
BEFORE: Final[dict[str, dict[str, object]]] = {
    "dev": {"blue": {"start_machines": 0}},
    "staging": {"blue": {"min_machines": 0}},
    "prod": {"blue": {"min_machines": 0}},
}
"""What step 2 of docs/deploy.md sets, and step 7 sets back."""


def asked_for(recording: Recording) -> int:
    return sum(
        max(group.inputs["minSize"], group.inputs["desiredCapacity"])
        for group in recording.of_type(GROUP)
    )


@pytest.mark.parametrize("name", few(BEFORE, ("prod",)))
def test_no_machine_is_asked_for_before_there_is_an_image(name: str) -> None:
    first = changed_stack(name, BEFORE[name])
    assert asked_for(first) == 0
    assert first.of_type(SCHEDULE) == ()
    # The repository that the image is pushed to is made all the same, and so is all the rest.
    assert len(first.of_type("aws:ecr/repository:Repository")) == 1
    assert first.outputs["gateway_repository_url"]
    assert asked_for(stack(name)) > 0


@pytest.mark.parametrize("name", few(BEFORE, ("prod",)))
def test_the_second_deployment_starts_machines_and_touches_nothing_else(name: str) -> None:
    first, second = changed_stack(name, BEFORE[name]), stack(name)
    changed = {
        one.type.rpartition(":")[2]
        for urn, one in second.resources.items()
        if urn not in first.resources or compared(one) != compared(first.resources[urn])
    }
    # Alarms and policies with the number of machines in them, and the clock that holds some.
    assert changed <= {
        "CompositeAlarm", "Group", "MetricAlarm", "Policy", "Schedule", "Scaling",
    }  # fmt: skip
    assert set(first.resources) <= set(second.resources)
    blue = second.one(GROUP, f"perch-{name}-blue")
    if name != "dev":
        # A minimum that rises is what makes AWS start machines; the number itself is left alone.
        assert blue.inputs["minSize"] > 0
        assert "minSize" not in blue.options["ignoreChanges"]


def test_the_page_tells_it_in_this_order() -> None:
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    steps = [
        "In dev `blue.start_machines` is set to 0,\nin staging and prod `blue.min_machines`",
        "**5. Make it.**",
        "docker push",
        "In staging and prod set `blue.min_machines` back",
        "In dev set `blue.start_machines` back to 1",
    ]
    places = [page.index(step) for step in steps]
    assert places == sorted(places)
    assert re.search(r"perch:blue:\n +start_machines: 0\n", page)


NEEDED: Final = (
    "aws:cloudwatch/logGroup:LogGroup",
    "aws:ec2/natGateway:NatGateway",
    "aws:ec2/route:Route",
    "aws:ec2/routeTableAssociation:RouteTableAssociation",
    "aws:ec2/vpcEndpoint:VpcEndpoint",
    "aws:ecr/repository:Repository",
    "aws:iam/serviceLinkedRole:ServiceLinkedRole",
    "aws:kms/key:Key",
    "aws:lb/listener:Listener",
    "aws:s3/bucket:Bucket",
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:secretsmanager/secretVersion:SecretVersion",
    "aws:ssm/parameter:Parameter",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
)
"""What a machine meets in its first minutes: without any of these its start fails."""


def closure(recording: Recording, resource: Resource) -> set[str]:
    """Every resource that is made before this one."""
    seen: set[str] = set()
    ahead = [*resource.dependencies]
    while ahead:
        urn = ahead.pop()
        if urn not in seen:
            seen.add(urn)
            ahead += recording.resources[urn].dependencies
    return seen


@pytest.mark.parametrize("name", BEFORE)
def test_a_group_is_made_after_all_that_its_machines_need(name: str) -> None:
    recording = stack(name)
    # Which colour is in service no machine asks.
    unread = f"perch-{name}-in-service"
    needed = [one for kind in NEEDED for one in recording.of_type(kind) if one.name != unread]
    assert {one.type for one in needed} >= set(NEEDED) - {"aws:ec2/vpcEndpoint:VpcEndpoint"}
    for colour in ("blue", "green"):
        group = recording.one(GROUP, f"perch-{name}-{colour}")
        before = closure(recording, group)
        assert {one.label for one in needed if one.urn not in before} == set()
        # The rights of its own machines, and not of the other colour's.
        rights = recording.one("aws:iam/rolePolicy:RolePolicy", f"perch-{name}-{colour}")
        assert rights.urn in before
        assert f"perch-{name}-{colour}-session-manager" in {
            recording.resources[urn].name for urn in before
        }
