"""Reads VPCs and what stands in them, and launch templates."""

from collections.abc import Mapping
from typing import Any

from ops.offline.provider.handlers.networks import FULL_ACCESS
from ops.offline.provider.lifecycle.alignment import ANY
from ops.offline.provider.lifecycle.existing import Existing
from ops.offline.provider.lifecycle.live import Live, Reading
from ops.offline.provider.lifecycle.reads.registry import add

_DNS = ("enableDnsSupport", "enableDnsHostnames")
_INLINE_RULES = ("ingress", "egress")


def _vpc_settings(existing: Existing, _found: Mapping[str, Any]) -> dict[str, Any]:
    settings = {}
    for key in _DNS:
        attribute = key[0].upper() + key[1:]
        answer = existing.call("ec2", "describe_vpc_attribute", VpcId=existing.id, Attribute=key)
        settings[key] = answer[attribute]["Value"]
    return settings


def _unless_deleted(_existing: Existing, found: Mapping[str, Any]) -> dict[str, Any] | None:
    """Take what AWS still shows for a while after its deletion for gone."""
    return None if found.get("State") in {"deleted", "deleting"} else {}


def _endpoint(existing: Existing, found: Mapping[str, Any]) -> dict[str, Any] | None:
    if _unless_deleted(existing, found) is None:
        return None
    return {"securityGroupIds": [group["GroupId"] for group in found.get("Groups", ())]}


def _route(existing: Existing, found: Mapping[str, Any]) -> dict[str, Any] | None:
    for route in found["Routes"]:
        if route.get("DestinationCidrBlock") == existing.get("destinationCidrBlock"):
            return {
                "routeTableId": found["RouteTableId"],
                "destinationCidrBlock": route["DestinationCidrBlock"],
                "gatewayId": route.get("GatewayId"),
                "natGatewayId": route.get("NatGatewayId"),
            }
    return None


def _association(existing: Existing, found: Mapping[str, Any]) -> dict[str, Any] | None:
    for association in found["Associations"]:
        if association["RouteTableAssociationId"] == existing.id:
            return {
                "routeTableId": found["RouteTableId"],
                "subnetId": association.get("SubnetId"),
                "gatewayId": association.get("GatewayId"),
            }
    return None


def _rules_of_default(_existing: Existing, found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "ingress": [_rule(permission) for permission in found["IpPermissions"]],
        "egress": [_rule(permission) for permission in found["IpPermissionsEgress"]],
    }


def _rule(permission: Mapping[str, Any]) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "protocol": permission["IpProtocol"],
        "fromPort": permission.get("FromPort", 0),
        "toPort": permission.get("ToPort", 0),
    }
    for key, outer, inner in (
        ("cidrBlocks", "IpRanges", "CidrIp"),
        ("ipv6CidrBlocks", "Ipv6Ranges", "CidrIpv6"),
        ("prefixListIds", "PrefixListIds", "PrefixListId"),
        ("securityGroups", "UserIdGroupPairs", "GroupId"),
    ):
        peers = [peer[inner] for peer in permission.get(outer, ())]
        if peers:
            rule[key] = peers
    return rule


def _template(_existing: Existing, answer: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the newest version's data with what is the template's own."""
    versions = sorted(answer["LaunchTemplateVersions"], key=lambda one: int(one["VersionNumber"]))
    if not versions:
        return None
    newest = versions[-1]
    default = next((one for one in versions if one.get("DefaultVersion")), newest)
    data = newest["LaunchTemplateData"]
    return {
        **data,
        # moto puts the template's own tags among those of what it launches.
        "TagSpecifications": [
            tags
            for tags in data.get("TagSpecifications", ())
            if tags["ResourceType"] != "launch-template"
        ],
        "Name": newest["LaunchTemplateName"],
        "Description": newest.get("VersionDescription"),
        "LatestVersion": newest["VersionNumber"],
        "DefaultVersionNumber": default["VersionNumber"],
    }


def _on_paper(existing: Existing) -> Live:
    """Return what was given: moto has no such thing."""
    return Live(inputs=existing.inputs, outputs=existing.outputs)


_SECURITY_GROUP_RULE = Reading(
    service="ec2",
    operation="describe_security_group_rules",
    parameters={"SecurityGroupRuleIds": ["{id}"]},
    at="SecurityGroupRules.0",
    renames={
        "securityGroupId": "GroupId",
        "referencedSecurityGroupId": "ReferencedGroupInfo.GroupId",
    },
)

add(
    {
        "aws:ec2/vpc:Vpc": Reading(
            service="ec2",
            operation="describe_vpcs",
            parameters={"VpcIds": ["{id}"]},
            at="Vpcs.0",
            defaults={"instanceTenancy": "default", "enableDnsSupport": True},
            more=_vpc_settings,
        ),
        "aws:ec2/subnet:Subnet": Reading(
            service="ec2",
            operation="describe_subnets",
            parameters={"SubnetIds": ["{id}"]},
            at="Subnets.0",
            defaults={"availabilityZoneId": ANY, "privateDnsHostnameTypeOnLaunch": ANY},
        ),
        "aws:ec2/internetGateway:InternetGateway": Reading(
            service="ec2",
            operation="describe_internet_gateways",
            parameters={"InternetGatewayIds": ["{id}"]},
            at="InternetGateways.0",
            renames={"vpcId": "Attachments.VpcId"},
        ),
        "aws:ec2/eip:Eip": Reading(
            service="ec2",
            operation="describe_addresses",
            parameters={"AllocationIds": ["{id}"]},
            at="Addresses.0",
            # Whose the address is for the time being is said by what it is given to.
            untold=("address", "associateWithPrivateIp", "instance", "networkInterface"),
            defaults={"networkBorderGroup": ANY, "publicIpv4Pool": ANY},
        ),
        "aws:ec2/routeTable:RouteTable": Reading(
            service="ec2",
            operation="describe_route_tables",
            parameters={"RouteTableIds": ["{id}"]},
            at="RouteTables.0",
            # Routes are resources of their own.
            untold=("propagatingVgws", "routes"),
        ),
        "aws:ec2/route:Route": Reading(
            service="ec2",
            operation="describe_route_tables",
            parameters={"RouteTableIds": ["{routeTableId}"]},
            at="RouteTables.0",
            more=_route,
        ),
        "aws:ec2/routeTableAssociation:RouteTableAssociation": Reading(
            service="ec2",
            operation="describe_route_tables",
            parameters={
                "Filters": [{"Name": "association.route-table-association-id", "Values": ["{id}"]}]
            },
            at="RouteTables.0",
            more=_association,
        ),
        "aws:ec2/flowLog:FlowLog": Reading(
            service="ec2",
            operation="describe_flow_logs",
            parameters={"FlowLogIds": ["{id}"]},
            at="FlowLogs.0",
            renames={"vpcId": "ResourceId", "iamRoleArn": "DeliverLogsPermissionArn"},
            defaults={"logFormat": ANY},
        ),
        "aws:ec2/securityGroup:SecurityGroup": Reading(
            service="ec2",
            operation="describe_security_groups",
            parameters={"GroupIds": ["{id}"]},
            at="SecurityGroups.0",
            renames={"name": "GroupName"},
            # Rules are resources of their own.
            untold=(*_INLINE_RULES, "revokeRulesOnDelete"),
        ),
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": Reading(
            service="ec2",
            operation="describe_security_groups",
            parameters={"GroupIds": ["{id}"]},
            at="SecurityGroups.0",
            more=_rules_of_default,
            untold=("revokeRulesOnDelete",),
        ),
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _SECURITY_GROUP_RULE,
        "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _SECURITY_GROUP_RULE,
        "aws:ec2/natGateway:NatGateway": Reading(
            service="ec2",
            operation="describe_nat_gateways",
            parameters={"NatGatewayIds": ["{id}"]},
            at="NatGateways.0",
            renames={
                "allocationId": "NatGatewayAddresses.AllocationId",
                "privateIp": "NatGatewayAddresses.PrivateIp",
            },
            defaults={"connectivityType": "public", "privateIp": ANY, "vpcId": ANY},
            more=_unless_deleted,
        ),
        "aws:ec2/vpcEndpoint:VpcEndpoint": Reading(
            service="ec2",
            operation="describe_vpc_endpoints",
            parameters={"VpcEndpointIds": ["{id}"]},
            at="VpcEndpoints.0",
            renames={"policy": "PolicyDocument"},
            untold=("autoAccept",),
            defaults={
                "dnsOptions": ANY,
                "ipAddressType": ANY,
                "policy": FULL_ACCESS,
                "privateDnsEnabled": ANY,
                "serviceRegion": ANY,
                "subnetConfigurations": ANY,
                "vpcEndpointType": "Gateway",
            },
            more=_endpoint,
        ),
        "aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint": _on_paper,
        "aws:ec2/launchTemplate:LaunchTemplate": Reading(
            service="ec2",
            operation="describe_launch_template_versions",
            parameters={"LaunchTemplateId": "{id}"},
            find=_template,
            renames={
                "networkInterfaces.securityGroups": "Groups",
                "vpcSecurityGroupIds": "SecurityGroupIds",
                "defaultVersion": "DefaultVersionNumber",
            },
            untold=("updateDefaultVersion",),
            defaults={"defaultVersion": ANY},
            outputs={"latestVersion": "LatestVersion", "defaultVersion": "DefaultVersionNumber"},
        ),
    }
)
