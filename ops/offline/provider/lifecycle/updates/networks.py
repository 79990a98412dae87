"""Changes of VPCs and what stands in them, and of launch templates."""

from collections.abc import Mapping
from typing import Any

from ops.offline.provider.handlers.launch_templates import RENAMES
from ops.offline.provider.handlers.networks import FULL_ACCESS
from ops.offline.provider.lifecycle.existing import Existing
from ops.offline.provider.lifecycle.updates.registry import (
    EVERY,
    difference,
    request_of,
    updates,
)

_ROUTE_TARGETS = {"gatewayId": "GatewayId", "natGatewayId": "NatGatewayId"}

_ENDPOINT_LISTS = {
    "routeTableIds": "RouteTableIds",
    "subnetIds": "SubnetIds",
    "securityGroupIds": "SecurityGroupIds",
}

_RULE = {
    "ipProtocol": "IpProtocol",
    "fromPort": "FromPort",
    "toPort": "ToPort",
    "cidrIpv4": "CidrIpv4",
    "cidrIpv6": "CidrIpv6",
    "prefixListId": "PrefixListId",
    "referencedSecurityGroupId": "ReferencedGroupId",
    "description": "Description",
}


@updates("aws:ec2/vpc:Vpc", "enableDnsSupport", "enableDnsHostnames")
def _vpc(existing: Existing, inputs: Mapping[str, Any]) -> None:
    defaults = {"enableDnsSupport": True, "enableDnsHostnames": False}
    for key, default in defaults.items():  # AWS changes one attribute a call
        value = {"Value": bool(inputs.get(key, default))}
        attribute = {key[0].upper() + key[1:]: value}
        existing.call("ec2", "modify_vpc_attribute", VpcId=existing.id, **attribute)


@updates("aws:ec2/subnet:Subnet", "mapPublicIpOnLaunch")
def _subnet(existing: Existing, inputs: Mapping[str, Any]) -> None:
    existing.call(
        "ec2",
        "modify_subnet_attribute",
        SubnetId=existing.id,
        MapPublicIpOnLaunch={"Value": bool(inputs.get("mapPublicIpOnLaunch"))},
    )


@updates("aws:ec2/internetGateway:InternetGateway", "vpcId")
def _internet_gateway(existing: Existing, inputs: Mapping[str, Any]) -> None:
    for vpc_id, operation in (
        (existing.inputs.get("vpcId"), "detach_internet_gateway"),
        (inputs.get("vpcId"), "attach_internet_gateway"),
    ):
        if vpc_id:
            existing.call("ec2", operation, InternetGatewayId=existing.id, VpcId=vpc_id)


@updates("aws:ec2/route:Route", *_ROUTE_TARGETS)
def _route(existing: Existing, inputs: Mapping[str, Any]) -> None:
    targets = {name: inputs[key] for key, name in _ROUTE_TARGETS.items() if inputs.get(key)}
    existing.call(
        "ec2",
        "replace_route",
        RouteTableId=inputs["routeTableId"],
        DestinationCidrBlock=inputs["destinationCidrBlock"],
        **targets,
    )


@updates("aws:ec2/vpcEndpoint:VpcEndpoint", *_ENDPOINT_LISTS, "policy", "privateDnsEnabled")
def _endpoint(existing: Existing, inputs: Mapping[str, Any]) -> None:
    parameters: dict[str, Any] = {}
    for key, name in _ENDPOINT_LISTS.items():
        added, removed = difference(existing.inputs.get(key), inputs.get(key))
        parameters |= {f"Add{name}": added} if added else {}
        parameters |= {f"Remove{name}": removed} if removed else {}
    if inputs.get("policy") != existing.inputs.get("policy"):
        parameters["PolicyDocument"] = inputs.get("policy") or FULL_ACCESS
    if "privateDnsEnabled" in inputs:
        parameters["PrivateDnsEnabled"] = bool(inputs["privateDnsEnabled"])
    existing.call("ec2", "modify_vpc_endpoint", VpcEndpointId=existing.id, **parameters)


@updates("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", *_RULE)
@updates("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", *_RULE)
def _rule(existing: Existing, inputs: Mapping[str, Any]) -> None:
    wanted = {name: inputs[key] for key, name in _RULE.items() if inputs.get(key) is not None}
    change = {"SecurityGroupRuleId": existing.id, "SecurityGroupRule": wanted}
    existing.call(
        "ec2",
        "modify_security_group_rules",
        GroupId=inputs["securityGroupId"],
        SecurityGroupRules=[change],
    )


@updates("aws:ec2/launchTemplate:LaunchTemplate", EVERY)
def _launch_template(existing: Existing, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Make a version of the new inputs; which one is the default is a setting of its own."""
    request = request_of(existing, inputs)
    default = request.take("defaultVersion")
    follows = request.take("updateDefaultVersion")
    request.ignore("name", "namePrefix")
    description = request.take("description")
    request.inputs = {"launchTemplateData": request.inputs}
    parameters = request.parameters(
        "ec2",
        "create_launch_template_version",
        {f"launchTemplateData.{key}": value for key, value in RENAMES.items()},
    )
    if description:
        parameters["VersionDescription"] = description
    made = existing.call(
        "ec2", "create_launch_template_version", LaunchTemplateId=existing.id, **parameters
    )["LaunchTemplateVersion"]["VersionNumber"]
    if follows or default is not None:
        existing.call(
            "ec2",
            "modify_launch_template",
            LaunchTemplateId=existing.id,
            DefaultVersion=str(made if follows else default),
        )
    template = existing.call("ec2", "describe_launch_templates", LaunchTemplateIds=[existing.id])[
        "LaunchTemplates"
    ][0]
    return {
        "latestVersion": template["LatestVersionNumber"],
        "defaultVersion": template["DefaultVersionNumber"],
    }
