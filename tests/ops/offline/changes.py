"""One change or more of each type that the stacks make: input -> its new value from the old one."""

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, TypeAlias

Change: TypeAlias = Callable[[Any], Any]


def _to(value: object) -> Change:
    return lambda _old: value


def _in(*path: str | int, to: object) -> Change:
    """Change what stands at a path inside."""

    def change(old: Any) -> Any:  # noqa: ANN401 - inputs are JSON
        new = deepcopy(old)
        node = new
        for part in path[:-1]:
            node = node[part]
        node[path[-1]] = to
        return new

    return change


def _document(old: str) -> str:
    """Add a statement to a policy."""
    document = json.loads(old)
    document["Statement"].append({**deepcopy(document["Statement"][0]), "Sid": "Added"})
    return json.dumps(document)


def _without_first(old: list[Any]) -> list[Any]:
    return old[1:]


def _tags(old: dict[str, str] | None) -> dict[str, str]:
    """Take one away, change one, add one."""
    kept = dict(list((old or {}).items())[1:])
    return {**dict.fromkeys(kept, "changed"), "Added": "yes"}


def _group_tags(old: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [*_without_first(old), {"key": "Added", "value": "yes", "propagateAtLaunch": False}]


def _weights(old: list[dict[str, Any]]) -> list[dict[str, Any]]:
    new = deepcopy(old)
    for group in new[0].get("forward", {}).get("targetGroups", ()):
        group["weight"] = 50
    if "redirect" in new[0]:
        new[0]["redirect"]["statusCode"] = "HTTP_302"
    return new


CHANGES: Mapping[str, Mapping[str, Change]] = {
    "aws:acm/certificate:Certificate": {"tags": _tags},
    "aws:autoscaling/group:Group": {
        "capacityRebalance": _to(False),
        "defaultInstanceWarmup": _to(60),
        "enabledMetrics": _without_first,
        "healthCheckGracePeriod": _to(240),
        "healthCheckType": _to("ELB"),
        "instanceMaintenancePolicy": _to({"minHealthyPercentage": 90, "maxHealthyPercentage": 110}),
        "maxSize": _to(5),
        # From 0 it would raise the desired number, too, in a group that has no machine.
        "minSize": lambda old: 0 if old else None,
        "mixedInstancesPolicy": _in(
            "instancesDistribution", "onDemandPercentageAboveBaseCapacity", to=50
        ),
        "suspendedProcesses": _to(["AZRebalance"]),
        "tags": _group_tags,
        "targetGroupArns": _to([]),
    },
    "aws:autoscaling/lifecycleHook:LifecycleHook": {"heartbeatTimeout": _to(61)},
    "aws:autoscaling/policy:Policy": {
        "estimatedInstanceWarmup": lambda old: 61 if old else None,
        "targetTrackingConfiguration": lambda old: {**old, "targetValue": 41} if old else None,
    },
    "aws:autoscaling/schedule:Schedule": {"recurrence": _to("0 9 * * MON-FRI"), "maxSize": _to(3)},
    "aws:budgets/budget:Budget": {
        "limitAmount": _to("401"),
        "notifications": _in(0, "threshold", to=81),
    },
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": {
        "alarmDescription": _to("changed"),
        "tags": _tags,
    },
    "aws:cloudwatch/dashboard:Dashboard": {"dashboardBody": _to('{"widgets": []}')},
    "aws:cloudwatch/logGroup:LogGroup": {"retentionInDays": _to(7), "tags": _tags},
    "aws:cloudwatch/metricAlarm:MetricAlarm": {"threshold": _to(12.5), "tags": _tags},
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": {"tags": _tags},
    "aws:ec2/eip:Eip": {"tags": _tags},
    "aws:ec2/flowLog:FlowLog": {"tags": _tags},
    "aws:ec2/internetGateway:InternetGateway": {"tags": _tags},
    "aws:ec2/launchTemplate:LaunchTemplate": {
        "instanceType": _to("g5.xlarge"),
        "description": _to("changed"),
        "metadataOptions": _in("httpPutResponseHopLimit", to=2),
        "tags": _tags,
    },
    "aws:ec2/natGateway:NatGateway": {"tags": _tags},
    "aws:ec2/routeTable:RouteTable": {"tags": _tags},
    "aws:ec2/securityGroup:SecurityGroup": {"tags": _tags},
    "aws:ec2/subnet:Subnet": {"mapPublicIpOnLaunch": _to(True), "tags": _tags},
    "aws:ec2/vpc:Vpc": {"enableDnsHostnames": _to(False), "tags": _tags},
    "aws:ec2/vpcEndpoint:VpcEndpoint": {
        "policy": _to(
            '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*",'
            ' "Action": "s3:GetObject", "Resource": "*"}]}'
        ),
        "routeTableIds": lambda old: _without_first(old) if old else None,
        "subnetIds": lambda old: _without_first(old) if old else None,
        "tags": _tags,
    },
    "aws:ecr/repository:Repository": {
        "imageScanningConfiguration": _to({"scanOnPush": False}),
        "imageTagMutability": _to("MUTABLE"),
        "tags": _tags,
    },
    "aws:iam/role:Role": {
        "assumeRolePolicy": _document,
        "description": _to("changed"),
        "tags": _tags,
    },
    "aws:iam/instanceProfile:InstanceProfile": {"tags": _tags},
    "aws:iam/rolePolicy:RolePolicy": {"policy": _document},
    "aws:iam/serviceLinkedRole:ServiceLinkedRole": {"description": _to("changed")},
    "aws:kms/key:Key": {
        "description": _to("changed"),
        "enableKeyRotation": _to(False),
        "policy": _document,
        "tags": _tags,
    },
    "aws:lb/listener:Listener": {"defaultActions": _weights, "tags": _tags},
    "aws:lb/listenerRule:ListenerRule": {
        "conditions": _to([{"pathPattern": {"values": ["/changed"]}}]),
        "priority": _to(40),
        "tags": _tags,
    },
    "aws:lb/loadBalancer:LoadBalancer": {
        "dropInvalidHeaderFields": _to(False),
        "idleTimeout": _to(361),
        "tags": _tags,
    },
    "aws:lb/targetGroup:TargetGroup": {
        "deregistrationDelay": _to(31),
        "healthCheck": _in("interval", to=11),
        "stickiness": _to({"type": "lb_cookie", "enabled": True}),
        "tags": _tags,
    },
    "aws:route53/record:Record": {
        "ttl": lambda old: 301 if old else None,
        "aliases": lambda old: _in(0, "evaluateTargetHealth", to=False)(old) if old else None,
    },
    "aws:s3/bucket:Bucket": {"tags": _tags, "forceDestroy": lambda old: not old},
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": {
        "rules": _in(0, "noncurrentVersionExpiration", "noncurrentDays", to=31)
    },
    "aws:s3/bucketLogging:BucketLogging": {"targetPrefix": lambda old: f"{old}x/"},
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": {
        "rule": _to({"objectOwnership": "BucketOwnerPreferred"})
    },
    "aws:s3/bucketPolicy:BucketPolicy": {"policy": _document},
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": {"blockPublicPolicy": _to(False)},
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": {
        "rules": _to(
            [
                {
                    "applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"},
                    "bucketKeyEnabled": True,
                }
            ]
        )
    },
    "aws:s3/bucketVersioning:BucketVersioning": {
        "versioningConfiguration": _to({"status": "Suspended"})
    },
    "aws:secretsmanager/secret:Secret": {
        "description": _to("changed"),
        "recoveryWindowInDays": _to(8),
        "tags": _tags,
    },
    "aws:sns/topic:Topic": {"displayName": _to("changed"), "tags": _tags},
    "aws:sns/topicPolicy:TopicPolicy": {"policy": _document},
    "aws:sns/topicSubscription:TopicSubscription": {"rawMessageDelivery": _to(True)},
    "aws:ssm/parameter:Parameter": {
        "description": _to("changed"),
        "tags": _tags,
        "value": _to("off"),
    },
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": {
        "description": _to("changed"),
        "tags": _tags,
        "toPort": lambda old: old + 1,
    },
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {
        "description": _to("changed"),
        "tags": _tags,
        "toPort": lambda old: old + 1,
    },
    "aws:wafv2/webAcl:WebAcl": {
        "rules": _in(0, "statement", "rateBasedStatement", "limit", to=2001),
        "defaultAction": _to({"block": {}}),
        "tags": _tags,
    },
    "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": {
        "redactedFields": _to([{"singleHeader": {"name": "cookie"}}])
    },
}
