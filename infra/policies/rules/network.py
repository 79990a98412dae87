"""Properties 8 to 12: security groups, subnets, endpoints."""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Final

from pulumi_policy import PolicyResource

from infra.boot.settings import EXPORTER_PORT
from infra.policies.engine.resources import (
    DEFAULT_GROUP,
    EGRESS_RULE,
    INGRESS_RULE,
    SECURITY_GROUP,
    SUBNET,
    TARGET_GROUP,
    VPC,
    Stack,
    Subject,
    entries,
    is_true,
    linked,
    ports,
    shown,
)
from infra.policies.engine.rule import OWN, ResourceRule, Rule, StackRule

_FLOW_LOG: Final = "aws:ec2/flowLog:FlowLog"
_VPC_ENDPOINT: Final = "aws:ec2/vpcEndpoint:VpcEndpoint"
_LEGACY_RULE: Final = "aws:ec2/securityGroupRule:SecurityGroupRule"

_WEB: Final = (range(443, 444), range(80, 81))
_SSH: Final = range(22, 23)
_METRICS: Final = range(EXPORTER_PORT, EXPORTER_PORT + 1)

_RECOGNISER_PORTS: Final = (50051, 9000)
"""Riva's gRPC port and the NIM's HTTP port, by NVIDIA's own defaults."""

_WIDEST: Final = {4: 8, 6: 16}
"""Shortest prefix that is not yet "the Internet": half of it is no better than all of it."""

_SERVICES: Final = ("ec2", "ecr.api", "ecr.dkr", "logs", "s3", "secretsmanager", "ssm")
"""What every machine calls from its start to its end."""

_DEFAULT_DESCRIPTION: Final = "Managed by"
"""How the provider fills in a description that nobody wrote."""


def _is_world(rule: Subject) -> bool:
    ranges = [rule.props.get(key) for key in ("cidrIpv4", "cidrIpv6")]
    networks = [ip_network(one, strict=False) for one in ranges if one]
    return any(network.prefixlen < _WIDEST[network.version] for network in networks)


def _world(rule: PolicyResource, stack: Stack) -> Iterator[str]:
    if not _is_world(rule):
        return
    opened = ports(rule)
    if opened not in _WEB:
        yield f"opens {shown(opened)} to the Internet; accepted: 443, and 80 for the redirect"
    groups = {group.urn for group in linked(rule, "securityGroupId", SECURITY_GROUP)}
    if not groups or not groups <= stack.groups_of_balancers():
        yield "opens a group to the Internet that is not the load balancer's"


def _everything_out(rule: Subject) -> Iterator[str]:
    opened = ports(rule)
    if len(opened) > 1:
        yield f"lets out {shown(opened)}; accepted: one port a rule"


def _described(resource: Subject) -> Iterator[str]:
    text = str(resource.props.get("description") or "")
    if not text.strip() or text.startswith(_DEFAULT_DESCRIPTION):
        yield f"description is {text!r}; accepted: what it is for"


def _inline(resource: Subject) -> Iterator[str]:
    if resource.resource_type == _LEGACY_RULE:
        yield f"is a {_LEGACY_RULE.rpartition(':')[2]}; accepted: an ingress or egress rule"
    for direction in ("ingress", "egress"):
        if entries(resource.props, direction):
            yield f"{direction} is a list in the group; accepted: one rule resource each"


def _machine_ingress(rule: PolicyResource, stack: Stack) -> Iterator[str]:
    groups = {group.urn for group in linked(rule, "securityGroupId", SECURITY_GROUP)}
    if not groups & stack.groups_of_machines():
        return
    opened = ports(rule)
    peers = {one.urn for one in linked(rule, "referencedSecurityGroupId", SECURITY_GROUP)}
    if peers and peers <= stack.groups_of_balancers():
        gateways = {int(group.props.get("port") or 0) for group in stack.of(TARGET_GROUP)}
        if len(opened) != 1 or opened.start not in gateways:
            named = ", ".join(map(str, sorted(gateways)))
            yield f"lets the load balancer reach {shown(opened)}; accepted: {named}"
    elif not peers and opened == _METRICS and rule.props.get("cidrIpv4"):
        if _is_world(rule):
            yield "lets everybody read metrics; accepted: ranges of /8 and longer"
    elif not peers or not peers <= stack.groups_of_connect_endpoints():
        yield "lets somebody else in than the load balancer and the Instance Connect endpoint"
    elif opened != _SSH:
        yield f"lets the Instance Connect endpoint reach {shown(opened)}; accepted: 22"


def _recogniser(rule: Subject) -> Iterator[str]:
    # Out to a named range lie recognisers elsewhere; in, or out to anybody, lies nothing.
    if rule.resource_type == EGRESS_RULE and rule.props.get("cidrIpv4") and not _is_world(rule):
        return
    for port in _RECOGNISER_PORTS:
        if port in ports(rule):
            yield f"reaches port {port}; accepted: none, the recogniser answers its own host alone"


def _attached(group: PolicyResource, stack: Stack) -> Iterator[str]:
    for other in stack:
        if other.resource_type in {INGRESS_RULE, EGRESS_RULE, SECURITY_GROUP}:
            continue
        if any(one.urn == group.urn for one in other.dependencies):
            return
    yield "is on no network interface; accepted: a group that something is in"


def _default_group(vpc: PolicyResource, stack: Stack) -> Iterator[str]:
    groups = stack.referring(vpc, DEFAULT_GROUP, "vpcId")
    if not groups:
        yield "its default security group lets everything out; accepted: one without rules"
    for group in groups:
        if entries(group.props, "ingress") or entries(group.props, "egress"):
            yield "its default security group has rules; accepted: none"


def _flow_log(vpc: PolicyResource, stack: Stack) -> Iterator[str]:
    logs = stack.referring(vpc, _FLOW_LOG, "vpcId")
    if not any(log.props.get("trafficType") == "ALL" for log in logs):
        yield "has no flow log of all traffic"


def _own_address(subnet: Subject) -> Iterator[str]:
    if is_true(subnet.props.get("mapPublicIpOnLaunch")):
        yield "mapPublicIpOnLaunch is true; accepted: false"


def _services(vpc: PolicyResource, stack: Stack) -> Iterator[str]:
    served = {
        str(endpoint.props.get("serviceName")).split(".", 3)[-1]
        for endpoint in stack.referring(vpc, _VPC_ENDPOINT, "vpcId")
    }
    missing = [service for service in _SERVICES if service not in served]
    if missing:
        yield f"has no endpoint for {', '.join(missing)}"


def _default_network(_resource: Subject) -> Iterator[str]:
    yield "takes the account's default network into use; accepted: a VPC of the stack's own"


RULES: Final[tuple[Rule, ...]] = (
    StackRule(
        name="the-internet-reaches-https-alone",
        number=8,
        text="The Internet reaches the load balancer on 443 (and 80, redirected), nothing else.",
        ids=(
            *("CKV_AWS_24", "CKV_AWS_25", "CKV_AWS_260", "CKV_AWS_277"),
            *("EC2.13", "EC2.14", "EC2.18", "EC2.19"),
            *("CIS 5.3", "CIS 5.4", "CT.EC2.PR.3"),
        ),
        kinds=(INGRESS_RULE,),
        check=_world,
    ),
    ResourceRule(
        name="egress-names-its-port",
        number=9,
        text="No security group lets everything out.",
        ids=("CKV_AWS_382",),
        kinds=(EGRESS_RULE,),
        check=_everything_out,
    ),
    ResourceRule(
        name="groups-and-rules-are-described",
        number=10,
        text="Every security group and every rule says what it is for.",
        ids=(
            "CKV_AWS_23",
            "aws-ec2-securitygroup-missing-description",
            "aws-ec2-securitygroup-missing-ingress-rule-description",
            "aws-ec2-securitygroup-missing-egress-rule-description",
        ),
        kinds=(SECURITY_GROUP, INGRESS_RULE, EGRESS_RULE),
        check=_described,
    ),
    ResourceRule(
        name="rules-are-resources",
        number=10,
        text="Every rule is a resource of its own, so that every policy about rules sees it.",
        ids=(OWN,),
        kinds=(SECURITY_GROUP, _LEGACY_RULE),
        check=_inline,
    ),
    StackRule(
        name="machines-are-entered-from-the-load-balancer-alone",
        number=11,
        text="Machines let in the load balancer on the gateway's port, Instance Connect on 22, and "
        "named ranges on 9400, to read metrics.",
        ids=(OWN,),
        kinds=(INGRESS_RULE,),
        check=_machine_ingress,
    ),
    ResourceRule(
        name="the-recogniser-is-reached-from-nowhere",
        number=11,
        text="No rule opens the recogniser's ports, 50051 and 9000, but out to a named range.",
        ids=(OWN,),
        kinds=(INGRESS_RULE, EGRESS_RULE),
        check=_recogniser,
    ),
    StackRule(
        name="security-groups-are-attached",
        number=12,
        text="No security group lies about unused.",
        ids=("CKV2_AWS_5",),
        kinds=(SECURITY_GROUP,),
        check=_attached,
    ),
    StackRule(
        name="the-default-group-is-empty",
        number=12,
        text="The VPC's default security group lets nothing through.",
        ids=("CKV2_AWS_12", "EC2.2", "CIS 5.5"),
        kinds=(VPC,),
        check=_default_group,
    ),
    StackRule(
        name="traffic-is-logged",
        number=12,
        text="The VPC's traffic is logged, what was refused included.",
        ids=("CKV2_AWS_11", "EC2.6", "CIS 3.7"),
        kinds=(VPC,),
        check=_flow_log,
    ),
    ResourceRule(
        name="subnets-give-no-public-address",
        number=12,
        text="No subnet gives public addresses by itself.",
        ids=("CKV_AWS_130", "EC2.15"),
        kinds=(SUBNET,),
        check=_own_address,
    ),
    StackRule(
        name="services-are-reached-inside-the-vpc",
        number=12,
        text="What machines ask of AWS does not leave the VPC, calls to EC2 among it.",
        ids=("EC2.10",),
        kinds=(VPC,),
        check=_services,
    ),
    ResourceRule(
        name="the-default-network-is-left-alone",
        number=12,
        text="Nothing is put into the account's default VPC.",
        ids=("CKV_AWS_148",),
        kinds=("aws:ec2/defaultVpc:DefaultVpc", "aws:ec2/defaultSubnet:DefaultSubnet"),
        check=_default_network,
    ),
)
