"""What `pulumi destroy` does with each resource of a stack, read off its recording.

`GONE` and `RULES` together know every type the program uses; a new one must be put into either, by
somebody who has looked up what deleting it does.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from infra.policies.engine.documents import allowed
from ops.offline.engine.recording import Recording, Resource

Kind = Literal["refuses", "waits", "loosens", "stays"]


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is not simply gone.

    Attributes:
        kind: refuses: destroy stops with an error; waits: it takes its time, here or in AWS
            afterwards; loosens: it is gone, and something of somebody else's with it; stays:
            somebody has to remove it, or nobody can.
        what: the resource's type and name, or what is no resource.
        why: in a few words.
    """

    kind: Kind
    what: str
    why: str


_ONCE: Final = "AWS made it, once for the account"


def leftovers(recording: Recording) -> list[Finding]:
    """Everything that destroy refuses, waits for or leaves, sorted.

    Raises:
        KeyError: a type is neither in `GONE` nor in `RULES`.
    """
    found: set[Finding] = set()
    for resource in recording.resources.values():
        if resource.options.get("protect"):
            found.add(Finding("refuses", resource.label, "protected"))
        if not resource.type.startswith("aws:") or resource.read:
            continue
        if resource.options.get("retainOnDelete"):
            found.add(Finding("stays", resource.label, "retained"))
        if resource.type not in GONE:
            found |= set(RULES[resource.type](resource))
    return sorted(found)


def _bucket(resource: Resource) -> Iterator[Finding]:
    if not resource.inputs.get("forceDestroy"):
        yield Finding("refuses", resource.label, "objects in it")


def _repository(resource: Resource) -> Iterator[Finding]:
    if not resource.inputs.get("forceDelete"):
        yield Finding("refuses", resource.label, "images in it")


def _balancer(resource: Resource) -> Iterator[Finding]:
    if resource.inputs.get("enableDeletionProtection"):
        yield Finding("refuses", resource.label, "deletion protection")
    yield Finding("stays", "Account role for load balancing", _ONCE)


def _key(resource: Resource) -> Iterator[Finding]:
    days = resource.inputs["deletionWindowInDays"]
    yield Finding("waits", resource.label, f"{days} days")


def _secret(resource: Resource) -> Iterator[Finding]:
    days = resource.inputs["recoveryWindowInDays"]
    if days:
        yield Finding("waits", resource.label, f"{days} days")


def _group(resource: Resource) -> Iterator[Finding]:
    deadline = resource.options.get("customTimeouts", {}).get("delete", "10m")
    yield Finding("waits", resource.label, f"its machines, in {deadline} at most")


def _template(resource: Resource) -> Iterator[Finding]:
    for device in resource.inputs["blockDeviceMappings"]:
        if device["ebs"]["deleteOnTermination"] != "true":
            yield Finding("stays", resource.label, f"volumes {device['deviceName']}")


def _log_group(resource: Resource) -> Iterator[Finding]:
    if resource.inputs.get("skipDestroy"):
        yield Finding("stays", resource.label, "skipDestroy")


def _address(resource: Resource) -> Iterator[Finding]:
    if resource.inputs.get("allowOverwrite"):
        yield Finding("loosens", resource.label, "another certificate of the name may need it")


def _connect(_resource: Resource) -> Iterator[Finding]:
    yield Finding("stays", "Account role for Instance Connect endpoints", _ONCE)


def _acl_log(_resource: Resource) -> Iterator[Finding]:
    yield Finding("stays", "Account role for web ACL logs", _ONCE)
    yield Finding("stays", "Account policy for web ACL logs", _ONCE)


RULES: Final[Mapping[str, Callable[[Resource], Iterator[Finding]]]] = {
    "aws:s3/bucket:Bucket": _bucket,
    "aws:ecr/repository:Repository": _repository,
    "aws:lb/loadBalancer:LoadBalancer": _balancer,
    "aws:kms/key:Key": _key,
    "aws:secretsmanager/secret:Secret": _secret,
    "aws:autoscaling/group:Group": _group,
    "aws:ec2/launchTemplate:LaunchTemplate": _template,
    "aws:cloudwatch/logGroup:LogGroup": _log_group,
    "aws:route53/record:Record": _address,
    "aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint": _connect,
    "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": _acl_log,
}

GONE: Final = frozenset(
    {
        "aws:acm/certificate:Certificate",
        "aws:acm/certificateValidation:CertificateValidation",
        "aws:autoscaling/lifecycleHook:LifecycleHook",
        "aws:autoscaling/policy:Policy",
        "aws:autoscaling/schedule:Schedule",
        "aws:budgets/budget:Budget",
        "aws:cloudwatch/compositeAlarm:CompositeAlarm",
        "aws:cloudwatch/dashboard:Dashboard",
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",  # it goes with its VPC
        "aws:ec2/eip:Eip",
        "aws:ec2/flowLog:FlowLog",
        "aws:ec2/internetGateway:InternetGateway",
        "aws:ec2/natGateway:NatGateway",
        "aws:ec2/route:Route",
        "aws:ec2/routeTable:RouteTable",
        "aws:ec2/routeTableAssociation:RouteTableAssociation",
        "aws:ec2/securityGroup:SecurityGroup",
        "aws:ec2/subnet:Subnet",
        "aws:ec2/vpc:Vpc",
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        "aws:ecr/lifecyclePolicy:LifecyclePolicy",
        "aws:iam/instanceProfile:InstanceProfile",
        "aws:iam/role:Role",
        "aws:iam/rolePolicy:RolePolicy",
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        "aws:iam/serviceLinkedRole:ServiceLinkedRole",  # after the groups that use it
        "aws:kms/alias:Alias",
        "aws:lb/listener:Listener",
        "aws:lb/listenerRule:ListenerRule",
        "aws:lb/targetGroup:TargetGroup",
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        "aws:s3/bucketLogging:BucketLogging",
        "aws:s3/bucketObjectv2:BucketObjectv2",
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        "aws:s3/bucketPolicy:BucketPolicy",
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "aws:s3/bucketVersioning:BucketVersioning",
        "aws:secretsmanager/secretVersion:SecretVersion",
        "aws:sns/topic:Topic",
        "aws:sns/topicPolicy:TopicPolicy",
        "aws:ssm/parameter:Parameter",
        "aws:sns/topicSubscription:TopicSubscription",  # unconfirmed ones go with their topic
        "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        "aws:wafv2/webAcl:WebAcl",
        "aws:wafv2/webAclAssociation:WebAclAssociation",
    }
)
"""Types of which deleting one leaves nothing, at once or within a few minutes."""

_LOOKS: Final = ("Get", "List", "Describe", "BatchGet", "BatchCheck")
"""How the names of actions begin that change nothing."""


def made_at_run_time(recording: Recording) -> dict[str, str]:
    """Actions that roles of the stack may take and that do not merely look: action -> by whom."""
    actions: dict[str, str] = {}
    for kind in ("rolePolicy:RolePolicy", "policy:Policy"):
        for rights in recording.of_type(f"aws:iam/{kind}"):
            for statement in allowed(rights.inputs["policy"]):
                for action in statement.actions:
                    if not action.partition(":")[2].startswith(_LOOKS):
                        actions[action] = rights.label
    return actions


def table(stacks: Mapping[str, Recording]) -> str:
    """The findings of some stacks as a Markdown table; like resources share a row."""
    cells: dict[str, dict[str, list[Finding]]] = {}
    for name, recording in stacks.items():
        for finding in leftovers(recording):
            what = finding.what.replace(f"perch-{name}", "").replace(" -", " ").strip()
            cells.setdefault(what, {}).setdefault(name, []).append(finding)
    rows: dict[tuple[str, ...], list[str]] = {}
    for what in sorted(cells):
        kind = what.partition(" ")[0]
        said = tuple(_cell(cells[what].get(name, []), what, stacks[name]) for name in stacks)
        rows.setdefault((kind, *said), []).append(what.partition(" ")[2])
    lines = [f"| | {' | '.join(stacks)} |", f"|---|{'---|' * len(stacks)}"]
    for (kind, *cells_of_row), names in rows.items():
        listed = f": {', '.join(names)}" if any(names) else ""
        lines.append(f"| `{kind}`{listed} | {' | '.join(cells_of_row)} |")
    return "\n".join(lines) + "\n"


_WORDS: Final[Mapping[Kind, str]] = {
    "refuses": "**refused**: {}",
    "waits": "gone after {}",
    "loosens": "gone, and {}",
    "stays": "stays: {}",
}


def _cell(findings: list[Finding], what: str, recording: Recording) -> str:
    if findings:
        return "; then ".join(_WORDS[finding.kind].format(finding.why) for finding in findings)
    kind = what.partition(" ")[0]
    there = any(one.label.startswith(f"{kind} ") for one in recording.resources.values())
    return "gone" if there else "none"
