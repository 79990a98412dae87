"""What is turned by hand in AWS: no drift where the product turns it, drift where nobody should.

Asked as the nightly check does (`.github/workflows/drift.yml`): a preview that refreshes first.
Does not prove that the real provider reads each of these as our reads do.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.engine.conftest import NewWorld
from tests.engine.worlds import World


@pytest.fixture(
    params=[
        pytest.param(name, marks=pytest.mark.xdist_group(f"pulumi-{name}"))
        for name in ("dev", "prod")
    ]
)
def stack(request: pytest.FixtureRequest) -> World:
    """A trial stack and one that is none: protected, pinned, with a web ACL and three zones."""
    found: World = request.getfixturevalue(request.param)
    return found


def test_nothing_turned_is_no_drift(stack: World) -> None:
    plan = stack.preview(refresh=True)
    assert plan.clean, plan.changes or plan.failure


@contextmanager
def _weights(world: World, **weights: int) -> Iterator[None]:
    elbv2, outputs = world.client("elbv2"), world.outputs()
    before = elbv2.describe_listeners(ListenerArns=[outputs["listener_arn"]])["Listeners"][0]
    [action] = before["DefaultActions"]
    groups = [
        {"TargetGroupArn": outputs["colours"][colour]["target_group_arn"], "Weight": weight}
        for colour, weight in weights.items()
    ]
    turned = {**action, "ForwardConfig": {**action["ForwardConfig"], "TargetGroups": groups}}
    turned.pop("TargetGroupArn", None)
    action.pop("TargetGroupArn", None)
    elbv2.modify_listener(ListenerArn=before["ListenerArn"], DefaultActions=[turned])
    try:
        yield
    finally:
        elbv2.modify_listener(ListenerArn=before["ListenerArn"], DefaultActions=[action])


def test_weights_turned_by_a_release_are_no_drift(stack: World) -> None:
    with _weights(stack, blue=90, green=10):
        plan = stack.preview(refresh=True)
        planned = stack.preview()
    assert plan.clean, plan.changes or plan.failure
    assert planned.clean


def test_a_group_that_scaling_has_moved_is_no_drift(stack: World) -> None:
    scaling = stack.client("autoscaling")
    name = stack.outputs()["colours"]["blue"]["auto_scaling_group_name"]
    [before] = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])[
        "AutoScalingGroups"
    ]
    moved = (
        before["MaxSize"] if before["DesiredCapacity"] == before["MinSize"] else before["MinSize"]
    )
    scaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=moved)
    try:
        plan = stack.preview(refresh=True)
    finally:
        scaling.set_desired_capacity(
            AutoScalingGroupName=name, DesiredCapacity=before["DesiredCapacity"]
        )
    assert plan.clean, plan.changes or plan.failure


def test_recognition_switched_off_is_no_drift(dev: World) -> None:
    ssm, name = dev.client("ssm"), dev.outputs()["recognition_parameter_name"]
    ssm.put_parameter(Name=name, Value="off", Overwrite=True)
    try:
        plan = dev.preview(refresh=True)
    finally:
        ssm.put_parameter(Name=name, Value="on", Overwrite=True)
    assert plan.clean, plan.changes or plan.failure


def test_another_colour_in_service_is_no_drift(dev: World) -> None:
    """Neither for a refresh nor for the next `pulumi up`, which leaves the record as it is."""
    ssm, name = dev.client("ssm"), dev.outputs()["in_service_parameter_name"]
    ssm.put_parameter(Name=name, Value="green", Overwrite=True)
    try:
        plan = dev.preview(refresh=True)
    finally:
        ssm.put_parameter(Name=name, Value="blue", Overwrite=True)
    assert plan.clean, plan.changes or plan.failure


def test_a_key_that_was_changed_by_hand_is_no_drift(dev: World) -> None:
    store, arns = dev.client("secretsmanager"), dev.outputs()["secret_arns"]
    before = store.get_secret_value(SecretId=arns["gateway_resume_keys"])["SecretString"]
    store.put_secret_value(SecretId=arns["gateway_resume_keys"], SecretString="b" * 64)
    try:
        plan = dev.preview(refresh=True)
    finally:
        store.put_secret_value(SecretId=arns["gateway_resume_keys"], SecretString=before)
    assert plan.clean, plan.changes or plan.failure


def _rule(world: World, ports: tuple[int, int]) -> dict[str, Any]:
    [rule] = [
        rule
        for rule in world.client("ec2").describe_security_group_rules()["SecurityGroupRules"]
        if not rule["IsEgress"] and (rule["FromPort"], rule["ToPort"]) == ports
    ]
    found: dict[str, Any] = rule
    return found


def test_a_minimum_lowered_by_hand_in_production_is_drift_and_named(prod: World) -> None:
    scaling = prod.client("autoscaling")
    name = prod.outputs()["colours"]["blue"]["auto_scaling_group_name"]
    scaling.update_auto_scaling_group(AutoScalingGroupName=name, MinSize=1)
    try:
        plan = prod.preview(refresh=True)
    finally:
        scaling.update_auto_scaling_group(AutoScalingGroupName=name, MinSize=2)
    assert not plan.failure, plan.messages
    [step] = [step for step in plan.changing if step.op == "update"]
    assert (step.label, step.diffs) == (f"Group {name}", ("minSize",))


def test_a_firewall_rule_changed_by_hand_is_drift_and_named(dev: World) -> None:
    rule = _rule(dev, (443, 443))
    request = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}

    def modify(cidr: str) -> None:
        dev.client("ec2").modify_security_group_rules(
            GroupId=rule["GroupId"],
            SecurityGroupRules=[
                {
                    "SecurityGroupRuleId": rule["SecurityGroupRuleId"],
                    "SecurityGroupRule": {
                        **request,
                        "CidrIpv4": cidr,
                        "Description": rule["Description"],
                    },
                }
            ],
        )

    modify("0.0.0.0/0")
    try:
        plan = dev.preview(refresh=True)
    finally:
        modify(rule["CidrIpv4"])
    assert not plan.clean
    [step] = [step for step in plan.changing if step.op == "update"]
    assert step.label == "SecurityGroupIngressRule perch-dev-balancer-in-443-203-0-113-0-24"
    assert step.diffs == ("cidrIpv4",)


def test_what_was_deleted_by_hand_is_made_again(dev: World) -> None:
    cloudwatch, name = dev.client("cloudwatch"), dev.outputs()["dashboard_name"]
    before = cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"]
    cloudwatch.delete_dashboards(DashboardNames=[name])
    try:
        plan = dev.preview(refresh=True)
    finally:
        cloudwatch.put_dashboard(DashboardName=name, DashboardBody=before)
    assert plan.changes["create"] == ["Dashboard perch-dev"]


def test_an_image_behind_the_parameter_moves_a_trial_stack_and_no_pinned_one(
    new_world: NewWorld,
) -> None:
    """Nobody may publish under AWS's own names, so the parameter is one of the account's."""
    name = "/images/gpu"
    read = {"ami_parameter": name}
    world = new_world("dev", {"blue": read, "green": read})
    ec2, ssm = world.client("ec2"), world.client("ssm")

    def publish(image: str) -> str:
        found: str = ec2.register_image(Name=image)["ImageId"]
        ssm.put_parameter(Name=name, Value=found, Type="String", Overwrite=True)
        return found

    first = publish("first")
    assert not world.up().failure
    publish("second")
    floating = world.preview()
    assert floating.changes == {
        "update": [
            "Group perch-dev-blue",
            "Group perch-dev-green",
            "LaunchTemplate perch-dev-blue",
            "LaunchTemplate perch-dev-green",
        ]
    }
    assert floating.step("LaunchTemplate perch-dev-blue").diffs == ("imageId",)
    pin = {"ami_id": first}
    pinned = world.preview({"blue": pin, "green": pin})
    assert pinned.clean, pinned.changes or pinned.failure
