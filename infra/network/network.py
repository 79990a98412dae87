"""The VPC: public subnets for the load balancer, private ones for the GPU machines."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.config.sections import AdoptedVpc, NatChoice
from infra.network.addresses import MAX_ZONES, SubnetPlan, plan_subnets


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """What a network is made from.

    Attributes:
        region: AWS region.
        cidr: IPv4 range of the VPC.
        zone_names: One a zone; their number must be known, the names may come later.
        nat: How private machines reach the Internet.
        adopt: A VPC to use instead of making one; the other fields are then not used.
        disposable: Whether the VPC may be deleted or replaced.
    """

    region: str
    cidr: str
    zone_names: Sequence[pulumi.Input[str]]
    nat: NatChoice
    adopt: AdoptedVpc | None = None
    disposable: bool = False


class Network(pulumi.ComponentResource):
    """A VPC over two or three zones, or one that exists already.

    Attributes:
        vpc_id: The VPC.
        public_subnet_ids: One a zone, for the load balancer.
        private_subnet_ids: One a zone, for the machines.
        s3_prefix_list_id: S3 as a destination of firewall rules; None in an adopted VPC.
        reaches_internet: Whether private machines have a way out.
    """

    vpc_id: pulumi.Output[str]
    public_subnet_ids: tuple[pulumi.Output[str], ...]
    private_subnet_ids: tuple[pulumi.Output[str], ...]
    s3_prefix_list_id: pulumi.Output[str] | None
    reaches_internet: bool

    def __init__(
        self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        zones = len(args.zone_names)
        if args.adopt is None and not 2 <= zones <= MAX_ZONES:  # noqa: PLR2004 - an ALB needs two
            raise ValueError(f"zone_names has {zones} names; accepted: 2 to {MAX_ZONES}")
        plans = plan_subnets(args.cidr, zones) if args.adopt is None else ()
        super().__init__("perch:infra:Network", name, None, opts)
        if args.adopt is None:
            self._make(name, args, plans)
        else:
            self._adopt(args.adopt)
        self.register_outputs(
            {
                "vpc_id": self.vpc_id,
                "public_subnet_ids": self.public_subnet_ids,
                "private_subnet_ids": self.private_subnet_ids,
            }
        )

    def _adopt(self, vpc: AdoptedVpc) -> None:
        self.vpc_id = pulumi.Output.from_input(vpc.vpc_id)
        self.public_subnet_ids = tuple(map(pulumi.Output.from_input, vpc.public_subnet_ids))
        self.private_subnet_ids = tuple(map(pulumi.Output.from_input, vpc.private_subnet_ids))
        self.s3_prefix_list_id = None
        self.reaches_internet = True

    def _make(self, name: str, args: NetworkArgs, plans: Sequence[SubnetPlan]) -> None:
        child = pulumi.ResourceOptions(parent=self)
        vpc = aws.ec2.Vpc(
            f"{name}-vpc",
            cidr_block=args.cidr,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags={"Name": name},
            opts=pulumi.ResourceOptions(parent=self, protect=not args.disposable),
        )
        # Whoever forgets to name a security group gets this one, and it lets nothing through.
        aws.ec2.DefaultSecurityGroup(
            f"{name}-default",
            vpc_id=vpc.id,
            ingress=[],
            egress=[],
            tags={"Name": f"{name}-unused"},
            opts=child,
        )
        public = self._subnets(
            f"{name}-public", vpc, args.zone_names, [plan.public for plan in plans]
        )
        private = self._subnets(
            f"{name}-private", vpc, args.zone_names, [plan.private for plan in plans]
        )
        gateway = aws.ec2.InternetGateway(
            f"{name}-internet", vpc_id=vpc.id, tags={"Name": name}, opts=child
        )
        self._public_routes(f"{name}-public", vpc, gateway, public)
        nats = self._nats(f"{name}-nat", args.nat, public, gateway)
        tables = self._private_routes(f"{name}-private", vpc, nats, private)
        s3 = aws.ec2.VpcEndpoint(
            f"{name}-s3",
            vpc_id=vpc.id,
            service_name=f"com.amazonaws.{args.region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=[table.id for table in tables],
            tags={"Name": f"{name}-s3"},
            opts=child,
        )
        self.vpc_id = vpc.id
        self.public_subnet_ids = tuple(subnet.id for subnet in public)
        self.private_subnet_ids = tuple(subnet.id for subnet in private)
        self.s3_prefix_list_id = s3.prefix_list_id
        self.reaches_internet = args.nat != "none"

    def _subnets(
        self, name: str, vpc: aws.ec2.Vpc, zones: Sequence[pulumi.Input[str]], ranges: Sequence[str]
    ) -> list[aws.ec2.Subnet]:
        return [
            aws.ec2.Subnet(
                f"{name}-{place}",
                vpc_id=vpc.id,
                cidr_block=cidr,
                availability_zone=zone,
                # Not even in a public subnet: the load balancer brings its own addresses.
                map_public_ip_on_launch=False,
                tags={"Name": f"{name}-{place}"},
                opts=pulumi.ResourceOptions(parent=self),
            )
            for place, (zone, cidr) in enumerate(zip(zones, ranges, strict=True))
        ]

    def _public_routes(
        self,
        name: str,
        vpc: aws.ec2.Vpc,
        gateway: aws.ec2.InternetGateway,
        subnets: Sequence[aws.ec2.Subnet],
    ) -> None:
        child = pulumi.ResourceOptions(parent=self)
        table = aws.ec2.RouteTable(f"{name}-routes", vpc_id=vpc.id, tags={"Name": name}, opts=child)
        aws.ec2.Route(
            f"{name}-out",
            route_table_id=table.id,
            destination_cidr_block="0.0.0.0/0",
            gateway_id=gateway.id,
            opts=child,
        )
        for place, subnet in enumerate(subnets):
            aws.ec2.RouteTableAssociation(
                f"{name}-{place}-routes", route_table_id=table.id, subnet_id=subnet.id, opts=child
            )

    def _nats(
        self,
        name: str,
        choice: NatChoice,
        subnets: Sequence[aws.ec2.Subnet],
        gateway: aws.ec2.InternetGateway,
    ) -> list[aws.ec2.NatGateway]:
        wanted = {"none": 0, "single": 1, "per_zone": len(subnets)}[choice]
        nats = []
        for place, subnet in enumerate(subnets[:wanted]):
            address = aws.ec2.Eip(
                f"{name}-{place}",
                domain="vpc",
                tags={"Name": f"{name}-{place}"},
                opts=pulumi.ResourceOptions(parent=self),
            )
            nats.append(
                aws.ec2.NatGateway(
                    f"{name}-{place}",
                    subnet_id=subnet.id,
                    allocation_id=address.allocation_id,
                    tags={"Name": f"{name}-{place}"},
                    # AWS refuses a NAT gateway before the VPC has its way out.
                    opts=pulumi.ResourceOptions(parent=self, depends_on=[gateway]),
                )
            )
        return nats

    def _private_routes(
        self,
        name: str,
        vpc: aws.ec2.Vpc,
        nats: Sequence[aws.ec2.NatGateway],
        subnets: Sequence[aws.ec2.Subnet],
    ) -> list[aws.ec2.RouteTable]:
        child = pulumi.ResourceOptions(parent=self)
        tables = []
        for place, subnet in enumerate(subnets):
            table = aws.ec2.RouteTable(
                f"{name}-{place}-routes",
                vpc_id=vpc.id,
                tags={"Name": f"{name}-{place}"},
                opts=child,
            )
            aws.ec2.RouteTableAssociation(
                f"{name}-{place}-routes", route_table_id=table.id, subnet_id=subnet.id, opts=child
            )
            if nats:
                aws.ec2.Route(
                    f"{name}-{place}-out",
                    route_table_id=table.id,
                    destination_cidr_block="0.0.0.0/0",
                    nat_gateway_id=nats[place % len(nats)].id,
                    opts=child,
                )
            tables.append(table)
        return tables
