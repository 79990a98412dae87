"""The harbour's network."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws


@dataclass(frozen=True, kw_only=True)
class BasinArgs:
    """What the network is made from."""

    cidr_block: str


class Basin(pulumi.ComponentResource):
    """A VPC with one subnet in each of two zones."""

    def __init__(self, name: str, args: BasinArgs, opts: pulumi.ResourceOptions) -> None:
        super().__init__("harbour:water:Basin", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.vpc = aws.ec2.Vpc(
            f"{name}-vpc", cidr_block=args.cidr_block, enable_dns_hostnames=True, opts=child
        )
        zones = aws.get_availability_zones(
            state="available", opts=pulumi.InvokeOptions(parent=self)
        )
        self.subnets = [
            aws.ec2.Subnet(
                f"{name}-{zone}",
                vpc_id=self.vpc.id,
                cidr_block=f"10.20.{number}.0/24",
                availability_zone=zone,
                opts=child,
            )
            for number, zone in enumerate(zones.names[:2])
        ]
        self.register_outputs({"vpc_id": self.vpc.id})
