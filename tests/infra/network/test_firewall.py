"""Every rule of every security group, exactly. That AWS enforces them is taken on trust."""

import dataclasses

import pytest

from infra.network.firewall import Firewall, FirewallArgs, Rule, decide_rules
from tests.infra.building import build, children

ARGS = FirewallArgs(
    vpc_id="vpc-1",
    allowed_cidrs=["203.0.113.0/24"],
    listener_port=443,
    http_redirect=True,
    gateway_ports=[8080, 8080],
    interface_endpoints=True,
    connect_endpoint=True,
    reaches_internet=True,
    s3_prefix_list_id="pl-1",
)


def directions(args: FirewallArgs) -> list[tuple[str, str, int, str]]:
    return [
        (rule.group, "in" if rule.inward else "out", rule.port, rule.peer)
        for rule in decide_rules(args)
    ]


def test_these_are_all_the_rules_there_are() -> None:
    assert directions(ARGS) == [
        ("balancer", "in", 443, "203.0.113.0/24"),
        ("balancer", "in", 80, "203.0.113.0/24"),
        ("balancer", "out", 8080, "machines"),
        ("machines", "in", 8080, "balancer"),
        ("machines", "in", 22, "connect"),
        ("machines", "out", 443, "endpoints"),
        ("machines", "out", 443, "s3"),
        ("machines", "out", 443, "0.0.0.0/0"),
        ("endpoints", "in", 443, "machines"),
        ("connect", "out", 22, "machines"),
    ]


def test_with_everything_optional_off_only_the_way_of_a_session_is_open() -> None:
    bare = dataclasses.replace(
        ARGS,
        http_redirect=False,
        interface_endpoints=False,
        connect_endpoint=False,
        reaches_internet=False,
        s3_prefix_list_id=None,
    )
    assert directions(bare) == [
        ("balancer", "in", 443, "203.0.113.0/24"),
        ("balancer", "out", 8080, "machines"),
        ("machines", "in", 8080, "balancer"),
    ]


def test_colours_with_ports_of_their_own_get_a_rule_each() -> None:
    two = dataclasses.replace(ARGS, gateway_ports=[8082, 8081])
    into_machines = [rule for rule in directions(two) if rule[:2] == ("machines", "in")]
    assert into_machines == [
        ("machines", "in", 8081, "balancer"),
        ("machines", "in", 8082, "balancer"),
        ("machines", "in", 22, "connect"),
    ]


def test_machines_go_out_to_recognisers_elsewhere_on_their_ports_alone() -> None:
    ways = {("10.9.0.0/24", 50051), ("10.9.0.0/24", 9000)}
    reaching = dataclasses.replace(ARGS, recognisers=ways)
    assert [rule for rule in directions(reaching) if rule not in directions(ARGS)] == [
        ("machines", "out", 9000, "10.9.0.0/24"),
        ("machines", "out", 50051, "10.9.0.0/24"),
    ]


def test_metrics_are_read_from_named_ranges_on_the_exporters_port_alone() -> None:
    scraped = dataclasses.replace(ARGS, scrape_cidrs=["10.8.0.0/16", "10.7.0.0/24"])
    assert [rule for rule in directions(scraped) if rule not in directions(ARGS)] == [
        ("machines", "in", 9400, "10.7.0.0/24"),
        ("machines", "in", 9400, "10.8.0.0/16"),
    ]


def test_every_rule_says_why_and_has_a_name_of_its_own() -> None:
    rules = decide_rules(ARGS)
    assert all(len(rule.why) > 10 for rule in rules)
    assert len({rule.slug for rule in rules}) == len(rules)
    assert Rule("balancer", inward=True, port=443, peer="10.0.0.0/8", why="").slug == (
        "balancer-in-443-10-0-0-0-8"
    )


def test_the_firewall_makes_its_groups_and_one_resource_a_rule() -> None:
    recording = build(lambda: Firewall("f", ARGS))
    rules = [
        f"SecurityGroup{'Ingress' if rule.inward else 'Egress'}Rule f-{rule.slug}"
        for rule in decide_rules(ARGS)
    ]
    groups = [
        f"SecurityGroup f-{name}" for name in ("balancer", "machines", "endpoints", "connect")
    ]
    assert children(recording, "Firewall", "f") == sorted(groups + rules)


def test_each_rule_resource_names_exactly_one_peer_and_is_described() -> None:
    recording = build(lambda: Firewall("f", ARGS))
    kinds = ("Ingress", "Egress")
    made = [
        rule
        for kind in kinds
        for rule in recording.of_type(f"aws:vpc/securityGroup{kind}Rule:SecurityGroup{kind}Rule")
    ]
    for rule in made:
        peers = rule.inputs.keys() & {"cidrIpv4", "prefixListId", "referencedSecurityGroupId"}
        assert len(peers) == 1, rule.name
        assert rule.inputs["description"]
        assert rule.inputs["ipProtocol"] == "tcp"
        assert rule.inputs["fromPort"] == rule.inputs["toPort"]


def test_an_entrance_for_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="allowed_cidrs is empty; accepted"):
        Firewall("f", dataclasses.replace(ARGS, allowed_cidrs=[]))
    with pytest.raises(ValueError, match="gateway_ports is empty; accepted"):
        Firewall("f", dataclasses.replace(ARGS, gateway_ports=[]))
