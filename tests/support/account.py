"""A stack's parts in the AWS that moto plays, made by hand: quicker than by the program.

Blue has a machine and all of the weight, green has none and none.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3

from ops.offline.simulator import moto_patches
from tests.support.moto import bare_aws
from tests.support.outputs import COLOUR, OUTPUTS

REGION = "us-east-2"
BLUE, GREEN = "perch-local-blue", "perch-local-green"
SERVICES = ("autoscaling", "cloudwatch", "ec2", "elbv2", "logs", "s3", "sns", "ssm", "sts")


@dataclass(frozen=True)
class Account:
    """The account: a client by service, and what the stack exports."""

    clients: Mapping[str, Any]
    outputs: dict[str, Any]

    @property
    def machines(self) -> list[str]:
        """Ids of blue's machines."""
        [group] = self.clients["autoscaling"].describe_auto_scaling_groups(
            AutoScalingGroupNames=[BLUE]
        )["AutoScalingGroups"]
        return [one["InstanceId"] for one in group["Instances"]]


@contextmanager
def account(services: tuple[str, ...] = SERVICES) -> Iterator[Account]:
    """Make the parts of stack `local`, as in an account of AWS."""
    moto_patches.install()
    with bare_aws():
        clients = {
            service: boto3.client(service, region_name=REGION)  # type: ignore[call-overload]  # as they come
            for service in services
        }
        ec2, elb = clients["ec2"], clients["elbv2"]
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=zone)[
                "Subnet"
            ]["SubnetId"]
            for n, zone in enumerate(("us-east-2a", "us-east-2b"))
        ]
        balancer = elb.create_load_balancer(Name="perch-local", Subnets=subnets)
        balancer_arn = balancer["LoadBalancers"][0]["LoadBalancerArn"]
        groups = {}
        for name in (BLUE, GREEN):
            made = elb.create_target_group(Name=name, Protocol="HTTP", Port=8081, VpcId=vpc)
            groups[name] = made["TargetGroups"][0]["TargetGroupArn"]
        listener = elb.create_listener(
            LoadBalancerArn=balancer_arn,
            Protocol="HTTP",
            Port=8443,
            DefaultActions=[forward(groups[BLUE], groups[GREEN], 100, 0)],
        )["Listeners"][0]["ListenerArn"]
        # Of its own: what moto has by itself may have been left out in this process.
        image = ec2.register_image(Name="perch-test", RootDeviceName="/dev/sda1")["ImageId"]
        template = ec2.create_launch_template(
            LaunchTemplateName="t",
            LaunchTemplateData={"ImageId": image, "InstanceType": "g6.xlarge"},
        )["LaunchTemplate"]["LaunchTemplateId"]
        for name, machines in ((BLUE, 1), (GREEN, 0)):
            clients["autoscaling"].create_auto_scaling_group(
                AutoScalingGroupName=name,
                LaunchTemplate={"LaunchTemplateId": template, "Version": "1"},
                MinSize=0,
                MaxSize=2,
                DesiredCapacity=machines,
                VPCZoneIdentifier=subnets[0],
                TargetGroupARNs=[groups[name]],
            )
        for name, word in (("recognition", "on"), ("in_service", "blue")):
            clients["ssm"].put_parameter(
                Name=OUTPUTS[f"{name}_parameter_name"], Value=word, Type="String"
            )
        colours = {
            "blue": COLOUR | {"target_group_arn": groups[BLUE]},
            "green": COLOUR
            | {
                "target_group_arn": groups[GREEN],
                "auto_scaling_group_name": GREEN,
                "alarm_name": GREEN,
                "weight": 0,
            },
        }
        made_of = {"load_balancer_arn": balancer_arn, "listener_arn": listener}
        yield Account(clients, OUTPUTS | made_of | {"colours": colours})


def forward(blue: str, green: str, to_blue: int, to_green: int) -> dict[str, Any]:
    """Return a listener's action that forwards by weight."""
    targets = [
        {"TargetGroupArn": blue, "Weight": to_blue},
        {"TargetGroupArn": green, "Weight": to_green},
    ]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": targets}}
