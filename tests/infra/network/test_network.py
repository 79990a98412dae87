"""The network's shape: ranges and children exactly. That AWS routes a packet is not shown."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.config.sections import NatChoice
from infra.network.addresses import MAX_ZONES, SubnetPlan, plan_subnets
from infra.network.network import Network, NetworkArgs
from tests.infra.building import build, children

ZONES = ["us-east-2a", "us-east-2b", "us-east-2c"]


def network(nat: NatChoice = "single", zones: int = 2) -> None:
    Network(
        "n",
        NetworkArgs(region="us-east-2", cidr="10.64.0.0/16", zone_names=ZONES[:zones], nat=nat),
    )


def test_a_16_is_divided_into_private_quarters_and_public_sixteenths() -> None:
    assert plan_subnets("10.64.0.0/16", 3) == (
        SubnetPlan(public="10.64.192.0/20", private="10.64.0.0/18"),
        SubnetPlan(public="10.64.208.0/20", private="10.64.64.0/18"),
        SubnetPlan(public="10.64.224.0/20", private="10.64.128.0/18"),
    )


def test_a_third_zone_moves_neither_of_the_first_two() -> None:
    assert plan_subnets("10.64.0.0/16", 3)[:2] == plan_subnets("10.64.0.0/16", 2)


@given(length=st.integers(16, 24), zones=st.integers(1, MAX_ZONES), block=st.integers(0, 2**16 - 1))
def test_no_two_subnets_overlap_and_all_lie_in_the_vpc(length: int, zones: int, block: int) -> None:
    vpc = ipaddress.IPv4Network(((block << 16) & ~(2 ** (32 - length) - 1), length))
    plans = plan_subnets(str(vpc), zones)
    ranges = [ipaddress.IPv4Network(part) for plan in plans for part in (plan.public, plan.private)]
    assert all(part.subnet_of(vpc) for part in ranges)
    assert all(part.prefixlen <= 28 for part in ranges)
    for place, part in enumerate(ranges):
        assert not any(part.overlaps(other) for other in ranges[:place])


@pytest.mark.parametrize(
    ("cidr", "zones"), [("10.0.0.0/25", 2), ("10.0.0.0/16", 0), ("10.0.0.0/16", 4)]
)
def test_a_range_or_a_number_of_zones_that_cannot_be_divided_is_refused(
    cidr: str, zones: int
) -> None:
    with pytest.raises(ValueError, match="accepted"):
        plan_subnets(cidr, zones)


def test_a_network_over_two_zones_has_exactly_these_children() -> None:
    assert children(build(network), "Network", "n") == [
        "DefaultSecurityGroup n-default",
        "Eip n-nat-0",
        "InternetGateway n-internet",
        "NatGateway n-nat-0",
        "Route n-private-0-out",
        "Route n-private-1-out",
        "Route n-public-out",
        "RouteTable n-private-0-routes",
        "RouteTable n-private-1-routes",
        "RouteTable n-public-routes",
        "RouteTableAssociation n-private-0-routes",
        "RouteTableAssociation n-private-1-routes",
        "RouteTableAssociation n-public-0-routes",
        "RouteTableAssociation n-public-1-routes",
        "Subnet n-private-0",
        "Subnet n-private-1",
        "Subnet n-public-0",
        "Subnet n-public-1",
        "Vpc n-vpc",
        "VpcEndpoint n-s3",
    ]


@pytest.mark.parametrize(("nat", "gateways"), [("none", 0), ("single", 1), ("per_zone", 3)])
def test_nat_gateways_follow_the_choice(nat: NatChoice, gateways: int) -> None:
    recording = build(lambda: network(nat, zones=3))
    assert len(recording.of_type("aws:ec2/natGateway:NatGateway")) == gateways
    outs = [
        route.inputs["natGatewayId"]
        for route in recording.of_type("aws:ec2/route:Route")
        if "natGatewayId" in route.inputs
    ]
    assert len(outs) == (3 if gateways else 0)
    assert len(set(outs)) == gateways


def test_the_default_security_group_lets_nothing_through() -> None:
    default = build(network).one("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
    assert default.inputs["ingress"] == []
    assert default.inputs["egress"] == []


def test_no_subnet_gives_machines_public_addresses() -> None:
    subnets = build(network).of_type("aws:ec2/subnet:Subnet")
    assert [subnet.inputs["mapPublicIpOnLaunch"] for subnet in subnets] == [False] * 4


def test_a_network_in_one_zone_is_refused_before_anything_is_made() -> None:
    with pytest.raises(ValueError, match="zone_names has 1 names; accepted: 2 to 3"):
        network(zones=1)


def test_an_nat_gateway_waits_for_the_internet_gateway() -> None:
    recording = build(network)
    gateway = recording.one("aws:ec2/internetGateway:InternetGateway")
    assert gateway.urn in recording.one("aws:ec2/natGateway:NatGateway").dependencies
