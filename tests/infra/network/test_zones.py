"""Which zones a stack spreads over, with the look-up answered by a made-up account."""

from collections.abc import Mapping
from typing import Any

import pytest

from ops.offline import placeholders
from ops.offline.errors import OfflineError
from tests.infra.building import changed_stack

pytestmark = pytest.mark.xdist_group("infra-program")

LOOK_UP = "aws:index/getAvailabilityZones:getAvailabilityZones"
SUBNET = "aws:ec2/subnet:Subnet"


def account(monkeypatch: pytest.MonkeyPatch, zones: Mapping[str, str]) -> None:
    """Answer with these zones, name -> zone type, as the filters ask."""

    def answer(arguments: Mapping[str, Any], region: str) -> dict[str, Any]:
        wanted = {item["name"]: item["values"] for item in arguments.get("filters", ())}
        assert set(wanted) <= {"zone-type"}
        kinds = wanted.get("zone-type", sorted(set(zones.values())))
        names = [name for name, kind in zones.items() if kind in kinds]
        return {**arguments, "id": region, "names": names, "zoneIds": names, "groupNames": [region]}

    monkeypatch.setitem(placeholders.FIXTURES, LOOK_UP, answer)


def spread(stack: str, changes: dict[str, object]) -> set[str]:
    return {one.inputs["availabilityZone"] for one in changed_stack(stack, changes).of_type(SUBNET)}


def test_local_and_wavelength_zones_are_none_of_a_stacks(monkeypatch: pytest.MonkeyPatch) -> None:
    account(
        monkeypatch,
        {
            "us-east-2-wl1-1": "wavelength-zone",
            "us-east-2-lax-1a": "local-zone",
            "us-east-2a": "availability-zone",
            "us-east-2b": "availability-zone",
            "us-east-2c": "availability-zone",
        },
    )
    assert spread("dev", {}) == {"us-east-2a", "us-east-2b"}
    assert spread("prod", {}) == {"us-east-2a", "us-east-2b", "us-east-2c"}


def test_a_region_with_too_few_zones_is_an_error_of_the_configuration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account(monkeypatch, {"us-west-1a": "availability-zone", "us-west-1c": "availability-zone"})
    two: dict[str, object] = {"aws:region": "us-west-1", "network": {"zones": 2}}
    assert spread("prod", two) == {"us-west-1a", "us-west-1c"}
    with pytest.raises(OfflineError) as refused:
        changed_stack("prod", {"aws:region": "us-west-1"})
    said = str(refused.value)
    assert "network.zones is 3; accepted: at most 2" in said
    assert "us-west-1a, us-west-1c in us-west-1" in said
    assert "IndexError" not in said
