"""Security groups: who may talk to whom, one described rule resource each."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import pulumi
import pulumi_aws as aws

from infra.boot.settings import EXPORTER_PORT

Group = Literal["balancer", "machines", "endpoints", "connect"]

PURPOSES: Final[dict[Group, str]] = {
    "balancer": "Load balancer: HTTPS from the allowed ranges, on to the gateways",
    "machines": "GPU machines: the gateway port from the load balancer, nothing else from outside",
    "endpoints": "AWS service endpoints inside the VPC, for the machines",
    "connect": "EC2 Instance Connect endpoint: SSH to the machines",
}

HTTPS: Final = 443
HTTP: Final = 80
SSH: Final = 22
ANYWHERE: Final = "0.0.0.0/0"


@dataclass(frozen=True, slots=True)
class Rule:
    """One allowed direction of one group.

    Attributes:
        group: Whose rule it is.
        inward: Towards the group, or away from it.
        port: TCP port.
        peer: The other side: a CIDR range, a group, or "s3" for the service's prefix list.
        why: The description AWS shows.
    """

    group: Group
    inward: bool
    port: int
    peer: str
    why: str

    @property
    def slug(self) -> str:
        """A name for the resource, stable as long as the rule means the same."""
        peer = self.peer.replace(".", "-").replace("/", "-")
        return f"{self.group}-{'in' if self.inward else 'out'}-{self.port}-{peer}"


@dataclass(frozen=True, kw_only=True)
class FirewallArgs:
    """What the rules follow from.

    Attributes:
        vpc_id: The VPC of the groups.
        allowed_cidrs: Ranges that may reach the listener.
        listener_port: Port of the HTTPS listener.
        http_redirect: Whether port 80 is open for the redirect.
        gateway_ports: Ports of the gateways, one or more.
        interface_endpoints: Whether AWS services are reached by endpoints in the VPC.
        connect_endpoint: Whether SSH comes in through an Instance Connect endpoint.
        reaches_internet: Whether machines may go out by HTTPS to the Internet (registry, models).
        s3_prefix_list_id: S3's prefix list, None where the VPC has no gateway endpoint of ours.
        recognisers: Range and port of each recogniser that gateways reach over the network.
        collectors: Range and port of each collector that gateways send traces to.
        scrape_cidrs: Ranges from which machines' metrics may be read.
    """

    vpc_id: pulumi.Input[str]
    allowed_cidrs: Sequence[str]
    listener_port: int
    http_redirect: bool
    gateway_ports: Sequence[int]
    interface_endpoints: bool
    connect_endpoint: bool
    reaches_internet: bool
    s3_prefix_list_id: pulumi.Input[str] | None
    recognisers: Collection[tuple[str, int]] = ()
    collectors: Collection[tuple[str, int]] = ()
    scrape_cidrs: Sequence[str] = ()


def decide_rules(args: FirewallArgs) -> tuple[Rule, ...]:
    """Return every rule there is; what is not here is closed, and Riva's ports are nowhere."""
    return (
        *_balancer_rules(args),
        *_machine_rules(args),
        *_endpoint_rules(args),
        *_connect_rules(args),
    )


def _balancer_rules(args: FirewallArgs) -> Iterator[Rule]:
    for cidr in args.allowed_cidrs:
        yield Rule(
            "balancer", True, args.listener_port, cidr, "HTTPS and secure WebSockets from clients"
        )
        if args.http_redirect:
            yield Rule(
                "balancer", True, HTTP, cidr, "HTTP from clients, answered by a redirect to HTTPS"
            )
    for port in sorted(set(args.gateway_ports)):
        yield Rule(
            "balancer", False, port, "machines", "Sessions and health checks to the gateways"
        )


def _machine_rules(args: FirewallArgs) -> Iterator[Rule]:
    for port in sorted(set(args.gateway_ports)):
        yield Rule(
            "machines", True, port, "balancer", "Sessions and health checks from the load balancer"
        )
    if args.connect_endpoint:
        yield Rule("machines", True, SSH, "connect", "SSH through the Instance Connect endpoint")
    for cidr in sorted(args.scrape_cidrs):
        yield Rule("machines", True, EXPORTER_PORT, cidr, "Metrics to a Prometheus, read alone")
    if args.interface_endpoints:
        yield Rule(
            "machines", False, HTTPS, "endpoints", "AWS services by their endpoints in the VPC"
        )
    if args.s3_prefix_list_id is not None:
        yield Rule(
            "machines", False, HTTPS, "s3", "S3 by its gateway endpoint: model cache, artefacts"
        )
    if args.reaches_internet:
        yield Rule(
            "machines",
            False,
            HTTPS,
            ANYWHERE,
            "HTTPS to the image registry and the model catalogue",
        )

    for cidr, port in sorted(args.recognisers):
        yield Rule("machines", False, port, cidr, "Recognisers that gateways ask over the network")
    for cidr, port in sorted(args.collectors):
        yield Rule("machines", False, port, cidr, "Traces of streams to their collector")


def _endpoint_rules(args: FirewallArgs) -> Iterator[Rule]:
    if args.interface_endpoints:
        yield Rule("endpoints", True, HTTPS, "machines", "AWS API calls from the machines")


def _connect_rules(args: FirewallArgs) -> Iterator[Rule]:
    if args.connect_endpoint:
        yield Rule("connect", False, SSH, "machines", "SSH to the machines")


class Firewall(pulumi.ComponentResource):
    """The security groups of one environment and all their rules.

    Attributes:
        balancer_id: Group of the load balancer.
        machines_id: Group of the GPU machines.
        endpoints_id: Group of the interface endpoints, None without them.
        connect_id: Group of the Instance Connect endpoint, None without it.
    """

    balancer_id: pulumi.Output[str]
    machines_id: pulumi.Output[str]
    endpoints_id: pulumi.Output[str] | None
    connect_id: pulumi.Output[str] | None

    def __init__(
        self, name: str, args: FirewallArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        if not args.allowed_cidrs:
            raise ValueError("allowed_cidrs is empty; accepted: at least one range")
        if not args.gateway_ports:
            raise ValueError("gateway_ports is empty; accepted: at least one port")
        rules = decide_rules(args)
        super().__init__("perch:infra:Firewall", name, None, opts)
        wanted: list[Group] = ["balancer", "machines"]
        if args.interface_endpoints:
            wanted.append("endpoints")
        if args.connect_endpoint:
            wanted.append("connect")
        groups = {group: self._group(name, group, args.vpc_id) for group in wanted}
        for rule in rules:
            self._rule(name, rule, groups, args.s3_prefix_list_id)
        self.balancer_id = groups["balancer"].id
        self.machines_id = groups["machines"].id
        self.endpoints_id = groups["endpoints"].id if "endpoints" in groups else None
        self.connect_id = groups["connect"].id if "connect" in groups else None
        self.register_outputs({"balancer_id": self.balancer_id, "machines_id": self.machines_id})

    def _group(self, name: str, group: Group, vpc_id: pulumi.Input[str]) -> aws.ec2.SecurityGroup:
        return aws.ec2.SecurityGroup(
            f"{name}-{group}",
            vpc_id=vpc_id,
            description=PURPOSES[group],
            tags={"Name": f"{name}-{group}"},
            # Rules are resources of their own; a list here would fight with them.
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _rule(
        self,
        name: str,
        rule: Rule,
        groups: dict[Group, aws.ec2.SecurityGroup],
        s3_prefix_list_id: pulumi.Input[str] | None,
    ) -> None:
        peer_group = next((found for group, found in groups.items() if group == rule.peer), None)
        from_s3 = rule.peer == "s3"
        kind = aws.vpc.SecurityGroupIngressRule if rule.inward else aws.vpc.SecurityGroupEgressRule
        kind(
            f"{name}-{rule.slug}",
            security_group_id=groups[rule.group].id,
            ip_protocol="tcp",
            from_port=rule.port,
            to_port=rule.port,
            description=rule.why,
            referenced_security_group_id=peer_group.id if peer_group else None,
            prefix_list_id=s3_prefix_list_id if from_s3 else None,
            cidr_ipv4=None if peer_group or from_s3 else rule.peer,
            tags={"Name": f"{name}-{rule.slug}"},
            opts=pulumi.ResourceOptions(parent=self),
        )
