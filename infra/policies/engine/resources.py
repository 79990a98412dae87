"""What a rule sees of a resource, and how resources are found by what they refer to.

References are read from the dependencies of properties, not from ids: those are known in a preview
too, when no id is.
"""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from pulumi_policy import PolicyResource, PolicyResourceOptions

AUTO_SCALING_GROUP: Final = "aws:autoscaling/group:Group"
BUCKET: Final = "aws:s3/bucket:Bucket"
CERTIFICATE: Final = "aws:acm/certificate:Certificate"
CERTIFICATE_VALIDATION: Final = "aws:acm/certificateValidation:CertificateValidation"
CONNECT_ENDPOINT: Final = "aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint"
DEFAULT_GROUP: Final = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
EGRESS_RULE: Final = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
INGRESS_RULE: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
KEY: Final = "aws:kms/key:Key"
LAUNCH_TEMPLATE: Final = "aws:ec2/launchTemplate:LaunchTemplate"
LISTENER: Final = "aws:lb/listener:Listener"
LISTENER_RULE: Final = "aws:lb/listenerRule:ListenerRule"
LOAD_BALANCER: Final = "aws:lb/loadBalancer:LoadBalancer"
LOG_GROUP: Final = "aws:cloudwatch/logGroup:LogGroup"
ROLE: Final = "aws:iam/role:Role"
SECRET: Final = "aws:secretsmanager/secret:Secret"  # noqa: S105 - a type, not a secret
SECURITY_GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
SUBNET: Final = "aws:ec2/subnet:Subnet"
TARGET_GROUP: Final = "aws:lb/targetGroup:TargetGroup"
VPC: Final = "aws:ec2/vpc:Vpc"
WEB_ACL: Final = "aws:wafv2/webAcl:WebAcl"

_SAME_AS_LB: Final = re.compile(
    r"^aws:(?:alb|applicationloadbalancing|elasticloadbalancingv2|elasticloadbalancing)/"
)
_SECOND_VERSION: Final = re.compile(r"^(aws:s3/\w+?)V2:(\w+?)V2$")


class Subject(Protocol):
    """A resource as a rule sees it, from a single validation or one of the whole stack.

    Attributes:
        resource_type: Type token.
        props: Inputs, or with the whole stack outputs. Reading a value that a preview cannot know
            raises `UnknownValueError`, which Pulumi reports as "cannot run during preview".
        urn: The URN.
        name: The last part of the URN.
        opts: Resource options.
    """

    resource_type: str
    props: Mapping[str, Any]
    urn: str
    name: str
    opts: PolicyResourceOptions


@functools.cache
def kind_of(token: str) -> str:
    """Return the type token a rule is written for; the SDK has several for some resources."""
    return _SECOND_VERSION.sub(r"\1:\2", _SAME_AS_LB.sub("aws:lb/", token))


def section(props: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return a nested object; empty where it is left out."""
    value = props.get(key)
    return value if isinstance(value, Mapping) else {}


def entries(props: Mapping[str, Any], key: str) -> list[Any]:
    """Return a list; empty where it is left out."""
    value = props.get(key)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [value[place] for place in range(len(value))]
    return []


def has(props: Mapping[str, Any], key: str) -> bool:
    """Say whether a value is given; it need not be known yet, so it is not read."""
    return key in tuple(props)


def size(props: Mapping[str, Any], key: str) -> int:
    """Return how many entries a list has; they need not be known yet."""
    value = props.get(key)
    return len(value) if isinstance(value, Sequence) and not isinstance(value, str) else 0


def whole(value: object) -> object:
    """Return a number as a person writes it: Pulumi hands over every number as a float."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def is_true(value: object) -> bool:
    """Say whether a flag is set; launch templates spell theirs as text."""
    return value is True or value == "true"


def is_false(value: object) -> bool:
    """Say whether a flag is given and not set."""
    return value is False or value == "false"


def ports(rule: Subject) -> range:
    """Return the ports a security group rule opens; all of them where it names none."""
    first, last = rule.props.get("fromPort"), rule.props.get("toPort")
    if rule.props.get("ipProtocol") == "-1" or first is None or last is None:
        return range(65536)
    return range(int(first), int(last) + 1)


def shown(opened: range) -> str:
    """Return ports as a sentence names them."""
    if len(opened) == 1:
        return f"port {opened.start}"
    return f"ports {opened.start} to {opened.stop - 1}"


def linked(resource: PolicyResource, key: str, *kinds: str) -> list[PolicyResource]:
    """Return the resources of some kinds that a property was made from."""
    return [
        found
        for found in resource.property_dependencies.get(key, [])
        if kind_of(found.resource_type) in kinds
    ]


class Stack:
    """All resources of a stack."""

    def __init__(self, resources: Sequence[PolicyResource]) -> None:
        self._resources = tuple(resources)

    def __iter__(self) -> Iterator[PolicyResource]:
        return iter(self._resources)

    def of(self, *kinds: str) -> list[PolicyResource]:
        """Return the resources of some kinds."""
        return [found for found in self._resources if kind_of(found.resource_type) in kinds]

    def referring(self, target: PolicyResource, kind: str, key: str) -> list[PolicyResource]:
        """Return the resources of a kind one of whose properties was made from the target."""
        return [
            found
            for found in self.of(kind)
            if any(one.urn == target.urn for one in found.property_dependencies.get(key, []))
        ]

    def groups_of_balancers(self) -> set[str]:
        """Return the URNs of the security groups that load balancers are in."""
        return self._groups(LOAD_BALANCER, "securityGroups")

    def groups_of_machines(self) -> set[str]:
        """Return the URNs of the security groups that machines are in."""
        return self._groups(LAUNCH_TEMPLATE, "networkInterfaces", "vpcSecurityGroupIds")

    def groups_of_connect_endpoints(self) -> set[str]:
        """Return the URNs of the security groups that Instance Connect endpoints are in."""
        return self._groups(CONNECT_ENDPOINT, "securityGroupIds")

    def _groups(self, kind: str, *keys: str) -> set[str]:
        return {
            group.urn
            for resource in self.of(kind)
            for key in keys
            for group in linked(resource, key, SECURITY_GROUP)
        }
