"""How many vCPUs a stack takes of which quota; worked out by hand.

That AWS counts so is its documentation's word.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.catalogue.gpu import MACHINES
from infra.catalogue.quotas import (
    ON_DEMAND_G,
    ON_DEMAND_P,
    SPOT_G,
    SPOT_P,
    SPOT_P5,
    Quota,
    quota_of,
)
from ops.cost.quota import QuotaUse, quota_uses
from ops.cost.rules import GROUP


def group(
    *kinds: str, first: int = 0, most: int = 8, base: int = 0, percent: int = 100
) -> dict[str, Any]:
    return {
        "type": GROUP,
        "inputs": {
            "minSize": 0,
            "desiredCapacity": first,
            "maxSize": most,
            "mixedInstancesPolicy": {
                "launchTemplate": {"overrides": [{"instanceType": kind} for kind in kinds]},
                "instancesDistribution": {
                    "onDemandBaseCapacity": base,
                    "onDemandPercentageAboveBaseCapacity": percent,
                },
            },
        },
    }


def test_both_colours_are_counted_with_the_type_tried_first_and_with_the_largest() -> None:
    blue = group("g6.2xlarge", "g6.4xlarge", first=2)
    green = group("g6.2xlarge", "g6.xlarge", most=3)
    assert quota_uses([blue, green]) == (
        QuotaUse(quota=ON_DEMAND_G, first=2 * 8, most=8 * 16 + 3 * 8),
    )


def test_spot_machines_have_a_quota_of_their_own_and_a_rest_counts_for_both() -> None:
    [demanded, spot] = sorted(
        quota_uses([group("g6.xlarge", most=8, base=1, percent=50)]), key=lambda use: use.most
    )
    # Of seven above the base three and a half are either.
    assert {demanded.quota: demanded.most, spot.quota: spot.most} == {
        SPOT_G: 4 * 4,
        ON_DEMAND_G: (1 + 4) * 4,
    }


def test_what_is_not_known_yet_and_what_has_no_machine_is_left_out() -> None:
    unknown = group("g6.xlarge")
    unknown["inputs"]["maxSize"] = "[unknown]"
    assert quota_uses([unknown, group("g6.xlarge", most=0), group("t3.micro"), group()]) == ()


@pytest.mark.parametrize(
    ("kind", "on_demand", "spot"),
    [
        ("g5.xlarge", ON_DEMAND_G, SPOT_G),
        ("p4d.24xlarge", ON_DEMAND_P, SPOT_P),
        ("p5.4xlarge", ON_DEMAND_P, SPOT_P5),
    ],
)
def test_families_have_quotas(kind: str, on_demand: Quota, spot: Quota) -> None:
    assert (quota_of(kind, spot=False), quota_of(kind, spot=True)) == (on_demand, spot)


def test_every_type_that_a_stack_may_name_has_a_quota() -> None:
    assert all(quota_of(kind, spot=spot) for kind in MACHINES for spot in (False, True))
    with pytest.raises(ValueError, match=r"'t3\.micro' is of no family with GPUs"):
        quota_of("t3.micro", spot=False)


@given(most=st.integers(0, 100), base=st.integers(0, 100), percent=st.integers(0, 100))
def test_no_machine_is_forgotten_and_at_most_one_is_counted_twice(
    most: int, base: int, percent: int
) -> None:
    found = quota_uses([group("g6.xlarge", most=most, base=base, percent=percent)])
    assert most <= sum(use.most for use in found) // 4 <= most + 1
