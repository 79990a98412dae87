"""What `pulumi destroy` takes away, in which order, and where it stops.

Does not prove AWS's own waiting times, nor refusals that neither moto nor we know of.
"""

from typing import Any

from ops.offline.engine.urns import Urn
from tests.engine.conftest import NewWorld
from tests.engine.worlds import World


def left(world: World) -> dict[str, list[Any]]:
    """What a person would find in the account: everything that costs or blocks."""
    ec2, elbv2, scaling = (world.client(name) for name in ("ec2", "elbv2", "autoscaling"))
    mine = [{"Name": "tag:Project", "Values": ["perch"]}]
    return {
        "vpcs": ec2.describe_vpcs(Filters=mine)["Vpcs"],
        "instances": [
            instance
            for reservation in ec2.describe_instances()["Reservations"]
            for instance in reservation["Instances"]
            if instance["State"]["Name"] != "terminated"
        ],
        "gateways": [
            gateway
            for gateway in ec2.describe_nat_gateways()["NatGateways"]
            if gateway["State"] != "deleted"
        ],
        "addresses": ec2.describe_addresses()["Addresses"],
        "templates": ec2.describe_launch_templates()["LaunchTemplates"],
        "groups": scaling.describe_auto_scaling_groups()["AutoScalingGroups"],
        "balancers": elbv2.describe_load_balancers()["LoadBalancers"],
        "target groups": elbv2.describe_target_groups()["TargetGroups"],
        "buckets": world.client("s3").list_buckets()["Buckets"],
        "alarms": world.client("cloudwatch").describe_alarms()["MetricAlarms"],
        "log groups": world.client("logs").describe_log_groups()["logGroups"],
        "repositories": world.client("ecr").describe_repositories()["repositories"],
        "roles": [
            role
            for role in world.client("iam").list_roles()["Roles"]
            if role["RoleName"].startswith("perch-")
        ],
        "parameters": [
            parameter
            for parameter in world.client("ssm").describe_parameters()["Parameters"]
            if not parameter["Name"].startswith("/aws/")
        ],
        "certificates": world.client("acm").list_certificates()["CertificateSummaryList"],
        "topics": world.client("sns").list_topics()["Topics"],
    }


def test_a_disposable_stack_leaves_nothing_but_keys_in_their_last_days(
    new_world: NewWorld,
) -> None:
    world = new_world("dev")
    assert not world.up().failure
    bucket = world.outputs()["model_cache_bucket"]
    # Its policy takes nothing that came without TLS, and nothing here has TLS.
    world.client("s3").delete_bucket_policy(Bucket=bucket)
    world.client("s3").put_object(Bucket=bucket, Key="models/one", Body=b"weights")
    assert all(left(world).values()), "each kind was there to be taken away"

    outcome = world.destroy()
    assert not outcome.failure, outcome.messages
    assert world.resources() == {}
    assert {kind: found for kind, found in left(world).items() if found} == {}
    kms = world.client("kms")
    keys = [kms.describe_key(KeyId=key["KeyId"]) for key in kms.list_keys()["Keys"]]
    assert {
        key["KeyMetadata"]["KeyState"]
        for key in keys
        if key["KeyMetadata"]["KeyManager"] == "CUSTOMER"
    } == {"PendingDeletion"}


def test_machines_drain_before_what_they_drain_through_goes(new_world: NewWorld) -> None:
    """In the plan's own order: a group ends its machines while listener, ways and rights stand.

    Its hooks are let go by the engine alone, and leave AWS with their group.
    """
    world = new_world("dev")
    assert not world.up().failure
    outcome = world.destroy(parallel=1)
    assert not outcome.failure, outcome.messages
    order = [step.label for step in outcome.steps if step.op == "delete"]
    for colour in ("blue", "green"):
        group = order.index(f"Group perch-dev-{colour}")
        for later in (
            f"TargetGroup perch-dev-{colour}",
            f"RolePolicy perch-dev-{colour}",
            "Listener perch-dev-https",
            "LoadBalancer perch-dev",
            "NatGateway perch-dev-nat-0",
        ):
            assert group < order.index(later), later


def test_a_stack_that_is_no_trial_is_refused_and_loses_nothing(new_world: NewWorld) -> None:
    world = new_world("prod")
    assert not world.up().failure
    before, found = _in_aws(world), left(world)
    outcome = world.destroy()
    assert outcome.failure
    assert any("cannot be deleted" in message for message in outcome.messages), outcome.messages
    gone = [step.label for step in outcome.steps if step.op == "delete" and _is_aws(step.urn)]
    assert gone == []
    assert _in_aws(world) == before
    assert left(world) == found


def _is_aws(urn: str) -> bool:
    return Urn.parse(urn).type.startswith("aws:")


def _in_aws(world: World) -> set[str]:
    return {urn for urn in world.resources() if _is_aws(urn)}
