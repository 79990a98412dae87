"""Requests that a deployment of a stack makes, from what the stack's program registers.

For each resource the calls that create it, with the ARN that AWS would authorise and what the
request would say: the tags that it asks for, or those that the resource bears.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ops.offline.engine.recording import Recording, Resource
from tests.ci.building import ACCOUNT, REGION

_ID: Final = "0123456789abcdef0"
_UUID: Final = "01234567-89ab-cdef-0123-456789abcdef"

Tags = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as IAM sees it, for one of its resources."""

    action: str
    resource: str
    context: Mapping[str, str]


def _named(resource: Resource, key: str = "name") -> str:
    """The name that a resource has, or the one that Pulumi would make up."""
    given = resource.inputs.get(key)
    if isinstance(given, str) and not given.startswith("${"):
        return given
    return f"{resource.name}-{hashlib.sha256(resource.urn.encode()).hexdigest()[:7]}"


def _arn(service: str, rest: str, *, region: str = REGION, account: str = ACCOUNT) -> str:
    return f"arn:aws:{service}:{region}:{account}:{rest}"


_ARNS: Final[Mapping[str, tuple[tuple[str, ...], Callable[[Resource], str]]]] = {
    # Names: type -> the calls on it, and its ARN.
    "aws:autoscaling/group:Group": (
        ("CreateAutoScalingGroup", "UpdateAutoScalingGroup", "DeleteAutoScalingGroup"),
        lambda one: _arn(
            "autoscaling", f"autoScalingGroup:{_UUID}:autoScalingGroupName/{_named(one)}"
        ),
    ),
    "aws:budgets/budget:Budget": (
        ("ModifyBudget",),
        lambda one: _arn("budgets", f"budget/{_named(one)}", region=""),
    ),
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": (
        ("PutCompositeAlarm", "DeleteAlarms"),
        lambda one: _arn("cloudwatch", f"alarm:{_named(one, 'alarmName')}"),
    ),
    "aws:cloudwatch/dashboard:Dashboard": (
        ("PutDashboard", "DeleteDashboards"),
        lambda one: _arn("cloudwatch", f"dashboard/{_named(one, 'dashboardName')}", region=""),
    ),
    "aws:cloudwatch/logGroup:LogGroup": (
        ("CreateLogGroup", "PutRetentionPolicy", "DeleteLogGroup"),
        lambda one: _arn("logs", f"log-group:{_named(one)}:*"),
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": (
        ("PutMetricAlarm", "DeleteAlarms"),
        lambda one: _arn("cloudwatch", f"alarm:{_named(one)}"),
    ),
    "aws:ecr/repository:Repository": (
        ("CreateRepository", "PutImage", "DeleteRepository"),
        lambda one: _arn("ecr", f"repository/{_named(one)}"),
    ),
    "aws:iam/instanceProfile:InstanceProfile": (
        ("CreateInstanceProfile", "DeleteInstanceProfile"),
        lambda one: _arn("iam", f"instance-profile/{_named(one)}", region=""),
    ),
    "aws:kms/alias:Alias": (
        ("CreateAlias", "DeleteAlias"),
        lambda one: _arn("kms", _named(one)),
    ),
    "aws:lb/loadBalancer:LoadBalancer": (
        ("CreateLoadBalancer", "ModifyLoadBalancerAttributes", "DeleteLoadBalancer"),
        lambda one: _arn("elasticloadbalancing", f"loadbalancer/app/{_named(one)}/{_ID}"),
    ),
    "aws:lb/targetGroup:TargetGroup": (
        ("CreateTargetGroup", "ModifyTargetGroup", "DeleteTargetGroup"),
        lambda one: _arn("elasticloadbalancing", f"targetgroup/{_named(one)}/{_ID}"),
    ),
    "aws:s3/bucket:Bucket": (
        ("CreateBucket", "PutBucketPolicy", "DeleteBucket"),
        lambda one: f"arn:aws:s3:::{one.inputs['bucket']}",
    ),
    # pragma: allowlist nextline secret
    "aws:secretsmanager/secret:Secret": (
        ("CreateSecret", "PutSecretValue", "DeleteSecret"),
        lambda one: _arn("secretsmanager", f"secret:{_named(one)}-AbCdEf"),
    ),
    "aws:sns/topic:Topic": (
        ("CreateTopic", "Subscribe", "DeleteTopic"),
        lambda one: _arn("sns", _named(one)),
    ),
    "aws:ssm/parameter:Parameter": (
        ("PutParameter", "DeleteParameter"),
        lambda one: _arn("ssm", f"parameter{_named(one)}"),
    ),
    "aws:wafv2/webAcl:WebAcl": (
        ("CreateWebACL", "UpdateWebACL", "DeleteWebACL"),
        lambda one: _arn("wafv2", f"regional/webacl/{_named(one)}/{_UUID}"),
    ),
}

_TAGGED: Final[Mapping[str, tuple[str, str, str, str]]] = {
    # Tags: type -> service, kind of the resource, the call that makes it, one that changes it.
    "aws:acm/certificate:Certificate": ("acm", "certificate", "", "DeleteCertificate"),
    "aws:ec2/eip:Eip": ("ec2", "elastic-ip", "AllocateAddress", "ReleaseAddress"),
    "aws:ec2/flowLog:FlowLog": ("ec2", "vpc-flow-log", "CreateFlowLogs", "DeleteFlowLogs"),
    "aws:ec2/internetGateway:InternetGateway": (
        *("ec2", "internet-gateway", "CreateInternetGateway", "DeleteInternetGateway"),
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": (
        *("ec2", "launch-template", "CreateLaunchTemplate", "CreateLaunchTemplateVersion"),
    ),
    "aws:ec2/natGateway:NatGateway": (
        *("ec2", "natgateway", "CreateNatGateway", "DeleteNatGateway"),
    ),
    "aws:ec2/routeTable:RouteTable": ("ec2", "route-table", "CreateRouteTable", "CreateRoute"),
    "aws:ec2/securityGroup:SecurityGroup": (
        *("ec2", "security-group", "CreateSecurityGroup", "AuthorizeSecurityGroupIngress"),
    ),
    "aws:ec2/subnet:Subnet": ("ec2", "subnet", "CreateSubnet", "ModifySubnetAttribute"),
    "aws:ec2/vpc:Vpc": ("ec2", "vpc", "CreateVpc", "CreateSubnet"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": (
        *("ec2", "vpc-endpoint", "CreateVpcEndpoint", "ModifyVpcEndpoint"),
    ),
    "aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint": (
        *("ec2", "instance-connect-endpoint", "CreateInstanceConnectEndpoint"),
        "DeleteInstanceConnectEndpoint",
    ),
    "aws:kms/key:Key": ("kms", "key", "", "PutKeyPolicy"),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": (
        *("ec2", "security-group-rule", "AuthorizeSecurityGroupEgress", "ModifySecurityGroupRules"),
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": (
        *("ec2", "security-group-rule", "AuthorizeSecurityGroupIngress"),
        "ModifySecurityGroupRules",
    ),
}


def requests(recording: Recording, boundary_arn: str) -> Iterator[Request]:
    """Yield what a deployment of a recorded stack asks for."""
    for resource in recording.resources.values():
        yield from _by_name(resource)
        yield from _by_tags(recording, resource)
        if resource.type == "aws:iam/role:Role":
            yield from _of_role(resource, boundary_arn)


def _by_name(resource: Resource) -> Iterator[Request]:
    if resource.type in _ARNS:
        actions, arn = _ARNS[resource.type]
        where = arn(resource)
        service = where.split(":")[2]
        for action in actions:
            yield Request(action=f"{service}:{action}", resource=where, context={})


def _by_tags(recording: Recording, resource: Resource) -> Iterator[Request]:
    if resource.type not in _TAGGED:
        return
    service, kind, creates, changes = _TAGGED[resource.type]
    tags = _all_tags(recording, resource)
    arn = _arn(service, f"{kind}/{_ID}")
    requested = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    borne = {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
    yield Request(action=f"{service}:{changes}", resource=arn, context=borne)
    if creates:
        yield Request(action=f"{service}:{creates}", resource=arn, context=requested)
        new = {**requested, "ec2:CreateAction": creates}
        yield Request(action="ec2:CreateTags", resource=arn, context=new)
    else:
        call = {"kms": "kms:CreateKey", "acm": "acm:RequestCertificate"}[service]
        here = {**requested, "aws:RequestedRegion": REGION}
        yield Request(action=call, resource="*", context=here)


def _all_tags(recording: Recording, resource: Resource) -> Tags:
    provider = next(
        one for one in recording.resources.values() if one.type == "pulumi:providers:aws"
    )
    defaults: Any = provider.inputs["defaultTags"]
    if isinstance(defaults, str):
        defaults = json.loads(defaults)
    return {**defaults["tags"], **resource.inputs.get("tags", {})}


def _of_role(resource: Resource, boundary_arn: str) -> Iterator[Request]:
    arn = _arn("iam", f"role/{_named(resource)}", region="")
    bounded = {"iam:PermissionsBoundary": boundary_arn}
    yield Request(action="iam:CreateRole", resource=arn, context=bounded)
    yield Request(action="iam:PutRolePolicy", resource=arn, context=bounded)
    yield Request(action="iam:DeleteRole", resource=arn, context={})
    trust = json.loads(resource.inputs["assumeRolePolicy"])
    service = trust["Statement"][0]["Principal"]["Service"]
    yield Request(action="iam:PassRole", resource=arn, context={"iam:PassedToService": service})
