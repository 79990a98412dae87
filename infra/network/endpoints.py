"""AWS's services inside the VPC, and the one way in for a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

SERVICES: Final = (
    "autoscaling",
    "ec2",
    "ec2messages",
    "ecr.api",
    "ecr.dkr",
    "kms",
    "logs",
    "monitoring",
    "secretsmanager",
    "ssm",
    "ssmmessages",
)
"""What a machine calls: lifecycle hooks, tags, Session Manager, images, keys, logs, secrets."""


@dataclass(frozen=True, kw_only=True)
class EndpointsArgs:
    """Where the endpoints go.

    Attributes:
        region: AWS region.
        vpc_id: The VPC.
        subnet_ids: Private subnets, one a zone.
        security_group_id: Group of the interface endpoints; None for none of them.
        connect_group_id: Group of the Instance Connect endpoint; None for none.
    """

    region: str
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    security_group_id: pulumi.Input[str] | None
    connect_group_id: pulumi.Input[str] | None


class Endpoints(pulumi.ComponentResource):
    """Endpoints of the services machines call, and Instance Connect's where asked for.

    Attributes:
        connect_id: The Instance Connect endpoint; None without it.
    """

    connect_id: pulumi.Output[str] | None

    def __init__(
        self, name: str, args: EndpointsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        if not args.subnet_ids:
            raise ValueError("subnet_ids is empty; accepted: at least one private subnet")
        super().__init__("perch:infra:Endpoints", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        if args.security_group_id is not None:
            for service in SERVICES:
                self._service(name, service, args, args.security_group_id)
        self.connect_id = None
        if args.connect_group_id is not None:
            self.connect_id = aws.ec2transitgateway.InstanceConnectEndpoint(
                f"{name}-connect",
                subnet_id=args.subnet_ids[0],
                security_group_ids=[args.connect_group_id],
                # The machines' group lets the endpoint's group in, not the person's address.
                preserve_client_ip=False,
                tags={"Name": f"{name}-connect"},
                opts=child,
            ).id
        self.register_outputs({"connect_id": self.connect_id})

    def _service(
        self, name: str, service: str, args: EndpointsArgs, group: pulumi.Input[str]
    ) -> None:
        slug = f"{name}-{service.replace('.', '-')}"
        aws.ec2.VpcEndpoint(
            slug,
            vpc_id=args.vpc_id,
            service_name=f"com.amazonaws.{args.region}.{service}",
            vpc_endpoint_type="Interface",
            subnet_ids=list(args.subnet_ids),
            security_group_ids=[group],
            private_dns_enabled=True,
            tags={"Name": slug},
            opts=pulumi.ResourceOptions(parent=self),
        )
