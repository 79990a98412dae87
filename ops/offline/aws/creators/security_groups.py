"""Security groups, and their rules as resources of their own."""

from typing import Any

from ops.offline.aws.making import Created, Making, creates
from ops.offline.aws.rows import tag_list
from ops.offline.errors import OfflineError

_INLINE = ("ingress", "egress")


@creates("aws:ec2/securityGroup:SecurityGroup")
def _security_group(making: Making) -> Created:
    making.physical_name()
    making.ignore("revokeRulesOnDelete")
    _refuse_inline(making)
    tags = making.take("tags", {})
    # The provider's own default; AWS takes no group without a description.
    making.inputs.setdefault("description", "Managed by Pulumi")
    parameters = making.parameters("ec2", "create_security_group", {"name": "GroupName"})
    if tags:
        parameters["TagSpecifications"] = [
            {"ResourceType": "security-group", "Tags": tag_list(tags)}
        ]
    group_id = making.call("ec2", "create_security_group", **parameters)["GroupId"]
    # AWS lets a new group send everywhere; the provider takes that away.
    _revoke_all(making, group_id)
    return Created(
        id=group_id,
        outputs={
            "arn": making.arn("ec2", f"security-group/{group_id}"),
            "name": parameters["GroupName"],
            "ownerId": making.account,
        },
    )


@creates("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
def _default_security_group(making: Making) -> Created:
    """Adopt the VPC's own group: the provider empties it and puts in what the program says."""
    _refuse_inline(making)
    vpc_id, tags = making.take("vpcId"), making.take("tags", {})
    filters = [
        {"Name": "vpc-id", "Values": [vpc_id]},
        {"Name": "group-name", "Values": ["default"]},
    ]
    groups = making.call("ec2", "describe_security_groups", Filters=filters)["SecurityGroups"]
    if not groups:
        raise OfflineError(f"vpcId: {vpc_id} has no default security group")
    group_id = groups[0]["GroupId"]
    _revoke_all(making, group_id)
    if tags:
        making.call("ec2", "create_tags", Resources=[group_id], Tags=tag_list(tags))
    return Created(
        id=group_id,
        outputs={
            "arn": making.arn("ec2", f"security-group/{group_id}"),
            "name": "default",
            "description": groups[0]["Description"],
            "ownerId": making.account,
        },
    )


@creates("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
def _ingress_rule(making: Making) -> Created:
    return _rule(making, "authorize_security_group_ingress")


@creates("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")
def _egress_rule(making: Making) -> Created:
    return _rule(making, "authorize_security_group_egress")


def _rule(making: Making, operation: str) -> Created:
    peer: dict[str, Any] = {}
    if making.inputs.get("description"):
        peer["Description"] = making.take("description")
    permission: dict[str, Any] = {"IpProtocol": making.take("ipProtocol")}
    for key, name in (("fromPort", "FromPort"), ("toPort", "ToPort")):
        if key in making.inputs:
            permission[name] = making.take(key)
    forms = {
        "cidrIpv4": ("IpRanges", "CidrIp"),
        "cidrIpv6": ("Ipv6Ranges", "CidrIpv6"),
        "prefixListId": ("PrefixListIds", "PrefixListId"),
        "referencedSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
    }
    given = [key for key in forms if making.inputs.get(key)]
    if len(given) != 1:
        raise OfflineError(f"{', '.join(given) or 'no peer'}: exactly one of {', '.join(forms)}")
    outer, inner = forms[given[0]]
    permission[outer] = [{inner: making.take(given[0]), **peer}]
    tags = making.take("tags", {})
    parameters: dict[str, Any] = {
        "GroupId": making.take("securityGroupId"),
        "IpPermissions": [permission],
    }
    if tags:
        parameters["TagSpecifications"] = [
            {"ResourceType": "security-group-rule", "Tags": tag_list(tags)}
        ]
    rule = making.call("ec2", operation, **parameters)["SecurityGroupRules"][0]
    identity = rule["SecurityGroupRuleId"]
    return Created(
        id=identity,
        outputs={
            "arn": making.arn("ec2", f"security-group-rule/{identity}"),
            "securityGroupRuleId": identity,
        },
    )


def _refuse_inline(making: Making) -> None:
    """Rules are resources of their own here; an empty list only says so."""
    for key in _INLINE:
        if making.take(key):
            raise OfflineError(
                f"{key}: rules inside {making.resource.type} are not implemented;"
                " use aws.vpc.SecurityGroupIngressRule and SecurityGroupEgressRule"
            )


def _revoke_all(making: Making, group_id: str) -> None:
    group = making.call("ec2", "describe_security_groups", GroupIds=[group_id])["SecurityGroups"][0]
    for key, operation in (
        ("IpPermissions", "revoke_security_group_ingress"),
        ("IpPermissionsEgress", "revoke_security_group_egress"),
    ):
        if group[key]:
            making.call("ec2", operation, GroupId=group_id, IpPermissions=group[key])
