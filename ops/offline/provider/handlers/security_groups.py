"""Security groups, and their rules as resources of their own."""

from typing import Any

from ops.offline.errors import OfflineError
from ops.offline.provider.create_request import (
    CreateRequest,
    CreateResult,
    handles,
    tag_list,
    tag_specifications,
)

_INLINE = ("ingress", "egress")


@handles("aws:ec2/securityGroup:SecurityGroup")
def _security_group(request: CreateRequest) -> CreateResult:
    request.physical_name()
    request.ignore("revokeRulesOnDelete")
    _refuse_inline(request)
    # The provider's own default; AWS takes no group without a description.
    request.inputs.setdefault("description", "Managed by Pulumi")
    parameters = request.tagged_parameters(
        "create_security_group", "security-group", {"name": "GroupName"}
    )
    group_id = request.call("ec2", "create_security_group", **parameters)["GroupId"]
    # AWS lets a new group send everywhere; the provider takes that away.
    _revoke_all(request, group_id)
    return CreateResult(
        id=group_id,
        outputs={
            "arn": request.arn("ec2", f"security-group/{group_id}"),
            "name": parameters["GroupName"],
            "ownerId": request.account,
        },
    )


@handles("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
def _default_security_group(request: CreateRequest) -> CreateResult:
    """Adopt the VPC's own group: the provider empties it and puts in what the program says."""
    _refuse_inline(request)
    vpc_id, tags = request.take("vpcId"), request.take("tags", {})
    filters = [
        {"Name": "vpc-id", "Values": [vpc_id]},
        {"Name": "group-name", "Values": ["default"]},
    ]
    groups = request.call("ec2", "describe_security_groups", Filters=filters)["SecurityGroups"]
    if not groups:
        raise OfflineError(f"vpcId: {vpc_id} has no default security group")
    group_id = groups[0]["GroupId"]
    _revoke_all(request, group_id)
    if tags:
        request.call("ec2", "create_tags", Resources=[group_id], Tags=tag_list(tags))
    return CreateResult(
        id=group_id,
        outputs={
            "arn": request.arn("ec2", f"security-group/{group_id}"),
            "name": "default",
            "description": groups[0]["Description"],
            "ownerId": request.account,
        },
    )


@handles("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
def _ingress_rule(request: CreateRequest) -> CreateResult:
    return _rule(request, "authorize_security_group_ingress")


@handles("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")
def _egress_rule(request: CreateRequest) -> CreateResult:
    return _rule(request, "authorize_security_group_egress")


def _rule(request: CreateRequest, operation: str) -> CreateResult:
    peer: dict[str, Any] = {}
    if request.inputs.get("description"):
        peer["Description"] = request.take("description")
    permission: dict[str, Any] = {"IpProtocol": request.take("ipProtocol")}
    for key, name in (("fromPort", "FromPort"), ("toPort", "ToPort")):
        if key in request.inputs:
            permission[name] = request.take(key)
    forms = {
        "cidrIpv4": ("IpRanges", "CidrIp"),
        "cidrIpv6": ("Ipv6Ranges", "CidrIpv6"),
        "prefixListId": ("PrefixListIds", "PrefixListId"),
        "referencedSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
    }
    given = [key for key in forms if request.inputs.get(key)]
    if len(given) != 1:
        raise OfflineError(f"{', '.join(given) or 'no peer'}: exactly one of {', '.join(forms)}")
    outer, inner = forms[given[0]]
    permission[outer] = [{inner: request.take(given[0]), **peer}]
    tags = request.take("tags", {})
    parameters: dict[str, Any] = {
        "GroupId": request.take("securityGroupId"),
        "IpPermissions": [permission],
    }
    if tags:
        parameters["TagSpecifications"] = tag_specifications("security-group-rule", tags)
    rule = request.call("ec2", operation, **parameters)["SecurityGroupRules"][0]
    identity = rule["SecurityGroupRuleId"]
    return CreateResult(
        id=identity,
        outputs={
            "arn": request.arn("ec2", f"security-group-rule/{identity}"),
            "securityGroupRuleId": identity,
        },
    )


def _refuse_inline(request: CreateRequest) -> None:
    """Refuse rules inside a group: they are resources of their own; an empty list says so."""
    for key in _INLINE:
        if request.take(key):
            raise OfflineError(
                f"{key}: rules inside {request.resource.type} are not implemented;"
                " use aws.vpc.SecurityGroupIngressRule and SecurityGroupEgressRule"
            )


def _revoke_all(request: CreateRequest, group_id: str) -> None:
    group = request.call("ec2", "describe_security_groups", GroupIds=[group_id])["SecurityGroups"][
        0
    ]
    for key, operation in (
        ("IpPermissions", "revoke_security_group_ingress"),
        ("IpPermissionsEgress", "revoke_security_group_egress"),
    ):
        if group[key]:
            request.call("ec2", operation, GroupId=group_id, IpPermissions=group[key])
