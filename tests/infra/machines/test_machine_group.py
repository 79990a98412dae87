"""A group of machines alone: how its machines are replaced.

Proves what is asked of AWS. That it replaces them so, only an account shows (docs/unverified.md).
"""

import pytest

from ops.offline.engine.recording import Recording
from tests.infra.building import STACKS, changed_stack, stack

pytestmark = pytest.mark.xdist_group("infra-program")


@pytest.mark.parametrize("name", STACKS)
def test_no_machine_is_replaced_before_its_successor_can_serve(name: str) -> None:
    """Also where nobody gives preferences: a refresh by hand, an unfit machine, a zone."""
    for group in stack(name).of_type("aws:autoscaling/group:Group"):
        policy = group.inputs["instanceMaintenancePolicy"]
        assert policy == {"minHealthyPercentage": 100, "maxHealthyPercentage": 200}
        of_a_deployment = group.inputs["instanceRefresh"]["preferences"]
        assert {key: of_a_deployment[key] for key in policy} == policy


def shares(recording: Recording, name: str) -> dict[str, object]:
    group = recording.one("aws:autoscaling/group:Group", name)
    found: dict[str, object] = group.inputs["mixedInstancesPolicy"]["instancesDistribution"]
    return found


def test_a_colour_has_the_spot_machines_that_it_asks_for_and_the_other_none() -> None:
    recording = changed_stack("prod", {"green": {"spot_percent": 60, "on_demand_base": 2}})
    assert shares(recording, "perch-prod-green") == {
        "onDemandAllocationStrategy": "prioritized",
        "onDemandBaseCapacity": 2,
        "onDemandPercentageAboveBaseCapacity": 40,
        "spotAllocationStrategy": "capacity-optimized-prioritized",
    }
    assert shares(recording, "perch-prod-blue")["onDemandPercentageAboveBaseCapacity"] == 100
    # What is about to be taken back gets its successor first.
    for group in recording.of_type("aws:autoscaling/group:Group"):
        assert group.inputs["capacityRebalance"] is True
