"""What `pulumi destroy` refuses, waits for and leaves, found in what each stack registers.

It reads inputs and options; it deletes nothing. That AWS keeps to what is said here of each type,
only a real account shows: docs/unverified.md has the command.
"""

import pytest

from ops.offline.engine.recording import Recording, Resource
from tests.infra.building import STACKS, changed_stack, stack
from tests.infra.deploy_page import PAGE, render
from tests.infra.destroy_order import goes_after, waves
from tests.infra.destroying import GONE, RULES, Finding, leftovers, made_at_run_time, table

pytestmark = pytest.mark.xdist_group("infra-program")

LOAD_BALANCING = Finding(
    "stays", "Account role for load balancing", "AWS made it, once for the account"
)


def refused(recording: Recording) -> list[Finding]:
    return [finding for finding in leftovers(recording) if finding.kind == "refuses"]


def one(kind: str, name: str, inputs: dict[str, object], **options: object) -> Recording:
    """A recording of a single resource."""
    resource = Resource(
        urn=f"urn::{name}",
        type=kind,
        name=name,
        parent="",
        custom=True,
        inputs=inputs,
        options=options,
    )
    return Recording(project="perch", stack="test", preview=False, resources={"urn": resource})


def test_dev_refuses_nothing_and_leaves_two_keys_for_a_week() -> None:
    assert leftovers(stack("dev")) == [
        Finding(
            "loosens", "Record perch-dev-proof-0", "another certificate of the name may need it"
        ),
        Finding(
            "stays",
            "Account role for Instance Connect endpoints",
            "AWS made it, once for the account",
        ),
        LOAD_BALANCING,
        Finding("waits", "Group perch-dev-blue", "its machines, in 21m at most"),
        Finding("waits", "Group perch-dev-green", "its machines, in 21m at most"),
        Finding("waits", "Key perch-dev-data", "7 days"),
        Finding("waits", "Key perch-dev-telemetry", "7 days"),
    ]


@pytest.mark.parametrize("name", ["staging", "prod"])
def test_an_environment_that_is_not_disposable_refuses_wherever_something_would_be_lost(
    name: str,
) -> None:
    assert [f"{finding.what}: {finding.why}" for finding in refused(stack(name))] == [
        f"Bucket perch-{name}-access-logs: objects in it",
        f"Bucket perch-{name}-artefacts: objects in it",
        f"Bucket perch-{name}-models: objects in it",
        f"DeletionGuard perch-{name}: protected",
        f"Group perch-{name}-blue: protected",
        f"Group perch-{name}-green: protected",
        f"Key perch-{name}-data: protected",
        f"Key perch-{name}-telemetry: protected",
        f"Listener perch-{name}-https: protected",
        f"LoadBalancer perch-{name}: deletion protection",
        f"LoadBalancer perch-{name}: protected",
        f"Record perch-{name}-name: protected",
        f"Repository perch-{name}-gateway: images in it",
        f"Secret perch-{name}-access-list: protected",
        f"Secret perch-{name}-gateway-bearer-tokens: protected",
        f"Secret perch-{name}-gateway-resume-keys: protected",
        f"Secret perch-{name}-gateway-tls: protected",
        f"Secret perch-{name}-ngc-api-key: protected",
        f"Secret perch-{name}-tls-authority: protected",
        f"TargetGroup perch-{name}-blue: protected",
        f"TargetGroup perch-{name}-green: protected",
        f"Vpc perch-{name}-vpc: protected",
    ]


def test_the_two_keys_of_the_page_let_prod_go() -> None:
    turned = changed_stack(
        "prod", {"disposable": "true", "load_balancer": {"deletion_protection": False}}
    )
    assert refused(turned) == []
    assert {finding.what for finding in leftovers(turned) if finding.kind == "waits"} == {
        "Group perch-prod-blue",
        "Group perch-prod-green",
        "Key perch-prod-data",
        "Key perch-prod-telemetry",
    }


@pytest.mark.parametrize("name", STACKS)
def test_a_group_may_take_longer_to_empty_than_its_machines_to_drain(name: str) -> None:
    recording = stack(name)
    for target in recording.of_type("aws:lb/targetGroup:TargetGroup"):
        group = recording.one("aws:autoscaling/group:Group", target.name)
        hook = recording.one("aws:autoscaling/lifecycleHook:LifecycleHook", f"{group.name}-drained")
        drain = target.inputs["deregistrationDelay"] + hook.inputs["heartbeatTimeout"]
        deadline = group.options["customTimeouts"]["delete"]
        assert int(deadline.removesuffix("m")) * 60 >= drain + 600, (deadline, drain)


def test_the_longest_drain_still_fits() -> None:
    slow = changed_stack("dev", {"gateway": {"drain_seconds": 3300}})
    group = slow.one("aws:autoscaling/group:Group", "perch-dev-blue")
    assert group.options["customTimeouts"] == {"delete": "75m"}


@pytest.mark.parametrize("name", STACKS)
def test_machines_make_only_what_goes_with_the_stack_or_goes_by_itself(name: str) -> None:
    """Objects and log streams go with bucket and group, tags with the machine; metrics age."""
    made = made_at_run_time(stack(name))
    flow_logs = f"RolePolicy perch-{name}-flow-logs"
    assert {action for action, by in made.items() if by != flow_logs} | WRITES_LOGS == {
        "autoscaling:CompleteLifecycleAction",
        "autoscaling:RecordLifecycleActionHeartbeat",
        "autoscaling:SetInstanceHealth",
        "cloudwatch:PutMetricData",
        "ec2:CreateTags",
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "s3:AbortMultipartUpload",
        "s3:PutObject",
        *WRITES_LOGS,
    }


WRITES_LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}


@pytest.mark.parametrize("name", STACKS)
def test_every_log_group_that_something_writes_to_is_the_programs(name: str) -> None:
    """Flow logs alone may create one, which AWS asks for; they end before theirs is destroyed."""
    recording = stack(name)
    creator = made_at_run_time(recording).get("logs:CreateLogGroup")
    assert creator in {None, f"RolePolicy perch-{name}-flow-logs"}
    groups = {
        group.inputs["name"] for group in recording.of_type("aws:cloudwatch/logGroup:LogGroup")
    }
    assert set(recording.outputs["log_group_names"].values()) <= groups
    for flow_log in recording.of_type("aws:ec2/flowLog:FlowLog"):
        flow = recording.outputs["log_group_names"]["flow"]
        [group] = [
            one
            for one in recording.of_type("aws:cloudwatch/logGroup:LogGroup")
            if one.inputs["name"] == flow
        ]
        assert group.urn in goes_after(recording, flow_log.urn)


@pytest.mark.parametrize("name", STACKS)
def test_nothing_is_retained_but_hooks_that_go_with_their_group(name: str) -> None:
    recording = stack(name)
    for one in recording.resources.values():
        assert "retainOnDelete" not in one.options
        if one.type == "aws:autoscaling/lifecycleHook:LifecycleHook":
            group = recording.one("aws:autoscaling/group:Group", one.parent.rpartition("::")[2])
            assert one.options["deletedWith"] == group.urn
        else:
            assert "deletedWith" not in one.options


@pytest.mark.parametrize("name", STACKS)
def test_a_destroy_meets_the_guard_alone_before_anything_else(name: str) -> None:
    """What is refused there has deleted nothing: the engine ends with the wave."""
    first, *_ = waves(stack(name))
    [guard] = first.values()
    assert guard.type == "perch:infra:DeletionGuard"
    assert bool(guard.options.get("protect")) == (name != "dev")


@pytest.mark.parametrize("name", STACKS)
def test_machines_drain_before_anything_goes_that_they_or_their_sessions_need(name: str) -> None:
    """All is deleted after both groups but what is made for a group, or tells of it."""
    recording = stack(name)
    groups = [one.urn for one in recording.of_type("aws:autoscaling/group:Group")]
    after = [goes_after(recording, urn) for urn in groups]
    before = {
        one.type
        for one in recording.resources.values()
        if one.custom and one.urn not in groups and not any(one.urn in gone for gone in after)
    }
    assert before <= {
        "aws:autoscaling/lifecycleHook:LifecycleHook",  # in the program alone: see above
        "aws:ssm/parameter:Parameter",  # of the colour in service, which `perch` alone reads
        "aws:autoscaling/policy:Policy",
        "aws:autoscaling/schedule:Schedule",
        "aws:budgets/budget:Budget",
        "aws:cloudwatch/compositeAlarm:CompositeAlarm",
        "aws:cloudwatch/dashboard:Dashboard",
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        "aws:sns/topic:Topic",
        "aws:sns/topicPolicy:TopicPolicy",
        "aws:sns/topicSubscription:TopicSubscription",
    }
    # Each colour's own role and template go after its own group alone.
    shared = set.intersection(*after)
    apart = {
        recording.resources[urn].type
        for gone in after
        for urn in gone - shared
        if recording.resources[urn].custom
    }
    assert apart == {
        "aws:ec2/launchTemplate:LaunchTemplate",
        "aws:iam/instanceProfile:InstanceProfile",
        "aws:iam/role:Role",
        "aws:iam/rolePolicy:RolePolicy",
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    }


def test_every_type_has_been_looked_at_once() -> None:
    assert not GONE & RULES.keys()
    used = {
        resource.type
        for name in STACKS
        for resource in stack(name).resources.values()
        if resource.type.startswith("aws:")
    }
    assert used <= GONE | RULES.keys()


@pytest.mark.parametrize(
    ("kind", "inputs", "options", "finding"),
    [
        ("aws:ec2/vpc:Vpc", {}, {"retainOnDelete": True}, Finding("stays", "Vpc it", "retained")),
        ("aws:ec2/vpc:Vpc", {}, {"protect": True}, Finding("refuses", "Vpc it", "protected")),
        ("aws:s3/bucket:Bucket", {}, {}, Finding("refuses", "Bucket it", "objects in it")),
        (
            "aws:cloudwatch/logGroup:LogGroup",
            {"skipDestroy": True},
            {},
            Finding("stays", "LogGroup it", "skipDestroy"),
        ),
        (
            "aws:ec2/launchTemplate:LaunchTemplate",
            {"blockDeviceMappings": [{"deviceName": "sda", "ebs": {"deleteOnTermination": "no"}}]},
            {},
            Finding("stays", "LaunchTemplate it", "volumes sda"),
        ),
        (
            "aws:autoscaling/group:Group",
            {},
            {},
            Finding("waits", "Group it", "its machines, in 10m at most"),
        ),
    ],
)
def test_what_would_be_left_is_found(
    kind: str, inputs: dict[str, object], options: dict[str, object], finding: Finding
) -> None:
    assert leftovers(one(kind, "it", inputs, **options)) == [finding]


def test_a_type_nobody_has_looked_at_is_an_error() -> None:
    with pytest.raises(KeyError, match="aws:rds/instance:Instance"):
        leftovers(one("aws:rds/instance:Instance", "db", {}))


def test_the_table_says_what_is_in_no_stack() -> None:
    shown = table({"dev": stack("dev"), "prod": stack("prod")}).splitlines()
    once = "stays: AWS made it, once for the account"
    assert f"| `Account`: policy for web ACL logs, role for web ACL logs | none | {once} |" in shown
    assert (
        "| `Bucket`: access-logs, artefacts, models | gone | **refused**: objects in it |" in shown
    )


def test_the_page_has_the_tables_of_today() -> None:
    """After a change that is meant: `python -m tests.infra.deploy_page`."""
    page = PAGE.read_text(encoding="utf-8")
    assert render(page) == page


def test_a_page_without_a_place_for_a_table_is_an_error() -> None:
    with pytest.raises(ValueError, match="0 places for cost"):
        render("# Nothing here\n")
