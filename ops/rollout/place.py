"""Where a release happens: what AWS calls the parts of a stack that it touches.

From the stack's outputs; or, for who has credentials and the stack's name and nothing else, from
what AWS says itself. The program names what it makes after the stack (`perch-STACK-...`) and tags
it, so a rollback needs no checkout, no Pulumi and no gateway that answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ops.aws_clients import FAILURES
from ops.console.errors import CommandFailedError
from ops.stack import COLOURS, Colour, StackOutputs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client

TAGS_AT_ONCE: Final = 20
"""Most resources in one call of DescribeTags (ELB API reference)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A stack's parts.

    Attributes:
        environment: The stack's name without organisation and project.
        region: AWS region.
        listener_arn: The listener whose weights are turned.
        target_groups: Colour -> ARN.
        gateway_ports: Colour -> port of the gateway on the machine.
        scaling_groups: Colour -> name of its auto scaling group.
        alarm_names: Colour -> its composite alarm.
        artefact_bucket: Bucket of the journal.
        in_service_parameter: Parameter that names the colour in service; None where there is none.
    """

    environment: str
    region: str
    listener_arn: str
    target_groups: Mapping[Colour, str]
    gateway_ports: Mapping[Colour, int]
    scaling_groups: Mapping[Colour, str]
    alarm_names: Mapping[Colour, str]
    artefact_bucket: str
    in_service_parameter: str | None

    def held_alarms(self, colour: Colour) -> tuple[str, str]:
        """Return the alarms that take machines from a colour (docs/adr/0512)."""
        group = self.scaling_groups[colour]
        return (f"{group}-surplus", f"{group}-idle")


def of_outputs(outputs: StackOutputs) -> Place:
    """Return the parts of a stack from what it exports."""
    colours = dict(outputs.colours.items())
    return Place(
        environment=outputs.environment,
        region=outputs.region,
        listener_arn=outputs.listener_arn,
        target_groups={name: colour.target_group_arn for name, colour in colours.items()},
        gateway_ports={name: colour.gateway_port for name, colour in colours.items()},
        scaling_groups={name: colour.auto_scaling_group_name for name, colour in colours.items()},
        alarm_names={name: colour.alarm_name for name, colour in colours.items()},
        artefact_bucket=outputs.artefact_bucket,
        in_service_parameter=outputs.in_service_parameter_name,
    )


def find(stack: str, region: str, client: Callable[[str], Any]) -> Place:
    """Return the parts of a stack from its name, asking AWS alone.

    Args:
        stack: Name of the stack, with organisation and project before it or not.
        region: AWS region to look in.
        client: Returns a client of a service.

    Raises:
        CommandFailedError: There is no such stack in this account and region, or AWS does not tell.
    """
    environment = stack.rpartition("/")[2]
    try:
        return _found(environment, region, client)
    except FAILURES as error:
        said = " ".join(str(error).split())
        raise CommandFailedError(
            f"AWS does not say where stack {stack} is in region {region}: {said}"
        ) from None


def _found(environment: str, region: str, client: Callable[[str], Any]) -> Place:
    elb: ElasticLoadBalancingv2Client = client("elbv2")
    wanted = {"Project": "perch", "Environment": environment}
    pages = elb.get_paginator("describe_load_balancers").paginate()
    balancers = [one["LoadBalancerArn"] for page in pages for one in page["LoadBalancers"]]
    mine = [
        arn
        for arn, tags in _tags(elb, balancers)
        if all(tags.get(key) == value for key, value in wanted.items())
    ]
    if len(mine) != 1:
        raise CommandFailedError(
            f"region {region} of this account has {len(mine)} load balancers with the tags "
            f"Project=perch and Environment={environment}, and a stack has one; is this its "
            "account and its region (--region)?"
        )
    listeners = elb.describe_listeners(LoadBalancerArn=mine[0])["Listeners"]
    secure = [one["ListenerArn"] for one in listeners if one.get("Protocol") == "HTTPS"]
    groups = elb.describe_target_groups(LoadBalancerArn=mine[0])["TargetGroups"]
    named = {
        tags.get("Name", ""): arn
        for arn, tags in _tags(elb, [one["TargetGroupArn"] for one in groups])
    }
    ports = {one["TargetGroupArn"]: one.get("Port", 0) for one in groups}
    names = {colour: f"perch-{environment}-{colour}" for colour in COLOURS}
    missing = [name for name in names.values() if name not in named]
    if len(secure) != 1 or missing:
        lacks = f"no target group {' or '.join(missing)}" if missing else "not one HTTPS listener"
        raise CommandFailedError(f"the load balancer of stack {environment} has {lacks}")
    account = client("sts").get_caller_identity()["Account"]
    return Place(
        environment=environment,
        region=region,
        listener_arn=secure[0],
        target_groups={colour: named[name] for colour, name in names.items()},
        gateway_ports={colour: ports[named[name]] for colour, name in names.items()},
        scaling_groups=names,
        alarm_names={colour: f"{name}-any" for colour, name in names.items()},
        artefact_bucket=f"perch-{environment}-artefacts-{account}-{region}",
        in_service_parameter=f"/perch/{environment}/in-service",
    )


def _tags(
    elb: ElasticLoadBalancingv2Client, arns: Sequence[str]
) -> Iterator[tuple[str, dict[str, str]]]:
    for begin in range(0, len(arns), TAGS_AT_ONCE):
        some = arns[begin : begin + TAGS_AT_ONCE]
        for one in elb.describe_tags(ResourceArns=some)["TagDescriptions"]:
            yield (
                one.get("ResourceArn", ""),
                {tag["Key"]: tag.get("Value", "") for tag in one.get("Tags", ())},
            )
