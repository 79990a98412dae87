"""Changes that would once have ended a service: in place now, refused in words, or pinned.

Does not prove that AWS makes each update in place. What a destroy does stands in test_destroy.py.
"""

import pytest

from tests.engine.conftest import NewWorld
from tests.engine.worlds import World

COLOURS = ("blue", "green")


def test_another_drain_updates_eight_resources_and_replaces_none(dev: World) -> None:
    plan = dev.preview({"gateway": {"drain_seconds": 120}})
    labels = [
        f"{kind} perch-dev-{colour}{suffix}"
        for kind, suffix in (
            ("Group", ""),
            ("LaunchTemplate", ""),
            ("LifecycleHook", "-drained"),
            ("TargetGroup", ""),
        )
        for colour in COLOURS
    ]
    assert plan.changes == {"update": labels}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"blue": {"gateway_port": 8081}}, "blue.gateway_port is 8081; accepted: 8080, which"),
        ({"network": {"cidr": "10.70.0.0/16"}}, 'network.cidr is "10.70.0.0/16"; accepted: "10.64'),
        ({"load_balancer": {"internal": True}}, "load_balancer.internal is true; accepted: false"),
    ],
    ids=["port", "range", "scheme"],
)
def test_what_the_stack_was_made_with_is_refused_before_anything_is_planned(
    dev: World, change: dict[str, object], said: str
) -> None:
    """The program asks the engine what the stack exported last; a disposable stack, too."""
    plan = dev.preview(change)
    assert said in " ".join(" ".join((plan.failure, *plan.messages)).split())
    assert not plan.changing


def test_a_name_that_is_protected_is_not_replaced(prod: World) -> None:
    plan = prod.preview({"domain": {"name": "new.example.com"}})
    assert plan.failure
    assert "currently marked for protection" in " ".join(" ".join(plan.messages).split())


def test_a_new_machine_image_rolls_what_is_not_pinned_alone(
    new_world: NewWorld, prod: World
) -> None:
    ours = {"blue": {"ami_parameter": "/perch/test/image"}}
    world = new_world("dev", ours)
    ssm, ec2 = world.client("ssm"), world.client("ec2")
    images = [one["ImageId"] for one in ec2.describe_images(Owners=["amazon"])["Images"][:2]]
    ssm.put_parameter(Name="/perch/test/image", Value=images[0], Type="String")
    assert not world.up().failure
    assert world.outputs()["colours"]["blue"]["ami_id"] == images[0]
    assert "colours" not in world.stack.secret_outputs()
    ssm.put_parameter(Name="/perch/test/image", Value=images[1], Type="String", Overwrite=True)
    plan = world.preview()
    assert plan.changes == {"update": ["Group perch-dev-blue", "LaunchTemplate perch-dev-blue"]}
    assert plan.step("LaunchTemplate perch-dev-blue").diffs == ("imageId",)

    # Where a colour is pinned, no parameter is asked: not even one that is not there.
    assert prod.preview({"blue": {"ami_parameter": "/nobody/has/this"}}).clean
