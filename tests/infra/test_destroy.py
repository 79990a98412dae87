"""What `pulumi destroy` refuses, waits for and leaves, found in what each stack registers.

It reads inputs and options; it deletes nothing. That AWS keeps to what is said here of each type,
only a real account shows: docs/unverified.md has the command.
"""

import pytest

from infra.catalogue.models import FIRST_START_SECONDS
from ops.offline.engine.recording import Recording, Resource
from tests.infra.building import STACKS, changed_stack, stack
from tests.infra.deploy_page import PAGE, render
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
        f"Key perch-{name}-data: protected",
        f"Key perch-{name}-telemetry: protected",
        f"LoadBalancer perch-{name}: deletion protection",
        f"Repository perch-{name}-gateway: images in it",
        f"Secret perch-{name}-gateway-resume-keys: protected",
        f"Secret perch-{name}-gateway-signing-key: protected",
        f"Secret perch-{name}-ngc-api-key: protected",
        f"Secret perch-{name}-riva-tls-material: protected",
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
    """Objects and log streams go with their bucket and group; metrics age."""
    assert set(made_at_run_time(stack(name))) == {
        "autoscaling:CompleteLifecycleAction",
        "autoscaling:RecordLifecycleActionHeartbeat",
        "autoscaling:SetInstanceHealth",
        "cloudwatch:PutMetricData",
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "s3:AbortMultipartUpload",
        "s3:PutObject",
    }


@pytest.mark.parametrize("name", STACKS)
def test_every_log_group_that_something_writes_to_is_the_programs(name: str) -> None:
    """Nobody may create one, so none comes back after it was destroyed."""
    recording = stack(name)
    assert "logs:CreateLogGroup" not in made_at_run_time(recording)
    groups = {
        group.inputs["name"] for group in recording.of_type("aws:cloudwatch/logGroup:LogGroup")
    }
    assert set(recording.outputs["log_group_names"].values()) <= groups


@pytest.mark.parametrize("name", STACKS)
def test_nothing_is_retained_on_purpose(name: str) -> None:
    held = {"retainOnDelete", "deletedWith"}
    assert not [one.urn for one in stack(name).resources.values() if held & set(one.options)]


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


def test_the_page_gives_a_first_start_the_time_it_takes() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert f"up to {FIRST_START_SECONDS // 60} minutes" in page
    group = stack("dev").one("aws:autoscaling/group:Group", "perch-dev-blue")
    [ready] = [
        hook
        for hook in group.inputs["initialLifecycleHooks"]
        if "LAUNCHING" in hook["lifecycleTransition"]
    ]
    assert f"after {ready['heartbeatTimeout'] // 60} minutes gives up" in page.replace("\n", " ")
