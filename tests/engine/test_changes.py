"""What a change of one setting does to a stack that is up: planned, and not applied.

Does not prove that AWS makes each update in place; what it cannot is a table of ours after the
provider's schemas (`ops.offline.diff.rules`).
"""

from pathlib import Path

from tests.engine.conftest import NewWorld
from tests.engine.worlds import World

POLICIES = Path(__file__).resolve().parents[2] / "infra" / "policies"

_REPLACING = {"replace", "create-replacement", "delete-replaced", "delete"}


def test_a_gateway_tag_is_one_template_and_its_group(dev: World) -> None:
    plan = dev.preview({"blue": {"gateway_tag": "0.2.0"}})
    assert plan.changes == {"update": ["Group perch-dev-blue", "LaunchTemplate perch-dev-blue"]}
    assert plan.step("LaunchTemplate perch-dev-blue").diffs == ("userData",)
    assert plan.step("Group perch-dev-blue").diffs == (
        "mixedInstancesPolicy.launchTemplate.launchTemplateSpecification.version",
    )


def test_a_recogniser_of_the_idle_colour_touches_nothing_of_the_other(dev: World) -> None:
    plan = dev.preview({"green": {"selector": "mode=str-thr,vad=silero,type=default"}})
    assert plan.changes == {"update": ["Group perch-dev-green", "LaunchTemplate perch-dev-green"]}


def test_a_snapshot_with_image_and_models_is_one_volume_of_one_colour(dev: World) -> None:
    ec2 = dev.client("ec2")
    zones = ec2.describe_availability_zones()["AvailabilityZones"]

    def taken(*, encrypted: bool) -> str:
        made = {"Size": 60, "AvailabilityZone": zones[0]["ZoneName"], "Encrypted": encrypted}
        found: str = ec2.create_snapshot(VolumeId=ec2.create_volume(**made)["VolumeId"])[
            "SnapshotId"
        ]
        return found

    plan = dev.preview({"blue": {"snapshot_id": taken(encrypted=True)}})
    assert plan.changes == {"update": ["Group perch-dev-blue", "LaunchTemplate perch-dev-blue"]}
    changed = plan.step("LaunchTemplate perch-dev-blue").diffs
    assert {path.partition("[")[0].partition(".")[0] for path in changed} == {
        "blockDeviceMappings",
        "userData",
    }
    refused = dev.preview({"blue": {"snapshot_id": taken(encrypted=False)}})
    assert "which is not encrypted; accepted: a snapshot" in " ".join(refused.messages)


def test_a_new_domain_has_its_certificate_before_the_old_one_goes(dev: World) -> None:
    """The listener takes the new one in between: at no time is it without."""
    plan = dev.preview({"domain": {"name": "new.example.com"}})
    order = [(step.op, step.label) for step in plan.changing]
    made = order.index(("create-replacement", "Certificate perch-dev"))
    taken = order.index(("update", "Listener perch-dev-https"))
    gone = order.index(("delete-replaced", "Certificate perch-dev"))
    assert made < taken < gone
    assert plan.step("Listener perch-dev-https").diffs == ("certificateArn",)
    replaced = {step.type for step in plan.changing if step.op in _REPLACING}
    assert replaced == {
        "aws:acm/certificate:Certificate",
        "aws:acm/certificateValidation:CertificateValidation",
        "aws:route53/record:Record",
    }


def test_an_owner_is_a_tag_and_replaces_nothing(dev: World) -> None:
    plan = dev.preview({"owner": "another team"})
    assert not _REPLACING & set(plan.changes)
    assert plan.step("Vpc perch-dev-vpc").diffs == ("tagsAll.Owner",)


def test_a_plan_with_an_error_in_the_configuration_names_it_and_touches_nothing(
    dev: World,
) -> None:
    plan = dev.preview({"load_balancer": {"tls_policy": "ELBSecurityPolicy-2016-08"}})
    assert 'load_balancer.tls_policy is "ELBSecurityPolicy-2016-08"' in plan.failure
    assert not plan.changing


def test_an_existing_network_is_used_and_none_is_made(new_world: NewWorld) -> None:
    world = new_world("dev")
    ec2 = world.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    zones = [zone["ZoneName"] for zone in ec2.describe_availability_zones()["AvailabilityZones"]]
    subnets = [
        ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.1.{number}.0/24", AvailabilityZone=zones[number % 2]
        )["Subnet"]["SubnetId"]
        for number in range(4)
    ]
    adopted = {
        "vpc_id": vpc,
        "public_subnet_ids": subnets[:2],
        "private_subnet_ids": subnets[2:],
    }
    outcome = world.up({"network": {"adopt": adopted}})
    assert not outcome.failure, outcome.messages
    made = {step.type for step in outcome.changing}
    assert not made & {"aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet", "aws:ec2/natGateway:NatGateway"}
    assert world.outputs()["vpc_id"] == vpc
    [balancer] = world.client("elbv2").describe_load_balancers()["LoadBalancers"]
    assert {zone["SubnetId"] for zone in balancer["AvailabilityZones"]} == set(subnets[:2])


def test_the_policies_judge_the_engines_own_plan(dev: World) -> None:
    """Here every value is known; of a stack that is not up yet a preview judges what it knows."""
    plan = dev.preview(policy_pack=POLICIES)
    assert plan.clean, plan.failure
    assert not plan.policies
    refused = dev.preview({"network": {"flow_logs": False}}, policy_pack=POLICIES)
    assert refused.failure
    [found] = refused.policies
    assert "has no flow log of all traffic" in found
