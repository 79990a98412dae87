"""Inputs that steer the provider: how it waits and deletes. No call of AWS bears them."""

from collections.abc import Mapping

STEERING: Mapping[str, tuple[str, ...]] = {
    "aws:acm/certificate:Certificate": ("earlyRenewalDuration",),
    "aws:autoscaling/group:Group": (
        "forceDelete",
        "forceDeleteWarmPool",
        "ignoreFailedScalingActivities",
        "instanceRefresh",
        "minElbCapacity",
        "waitForCapacityTimeout",
        "waitForElbCapacity",
    ),
    "aws:cloudwatch/logGroup:LogGroup": ("skipDestroy",),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": ("revokeRulesOnDelete",),
    "aws:ec2/launchTemplate:LaunchTemplate": ("updateDefaultVersion",),
    "aws:ec2/securityGroup:SecurityGroup": ("revokeRulesOnDelete",),
    "aws:ec2/vpcEndpoint:VpcEndpoint": ("autoAccept",),
    "aws:ecr/repository:Repository": ("forceDelete",),
    "aws:iam/role:Role": ("forceDetachPolicies",),
    "aws:kms/key:Key": ("bypassPolicyLockoutSafetyCheck", "deletionWindowInDays"),
    "aws:route53/record:Record": ("allowOverwrite",),
    "aws:route53/zone:Zone": ("forceDestroy",),
    "aws:s3/bucket:Bucket": ("forceDestroy",),
    "aws:s3/bucketObjectv2:BucketObjectv2": (
        "forceDestroy",
        "overrideProvider",
        "sourceHash",
    ),
    "aws:secretsmanager/secret:Secret": ("forceOverwriteReplicaSecret", "recoveryWindowInDays"),
    "aws:secretsmanager/secretRotation:SecretRotation": ("rotateImmediately",),
    "aws:sns/topicSubscription:TopicSubscription": (
        "confirmationTimeoutInMinutes",
        "endpointAutoConfirms",
    ),
    "aws:ssm/parameter:Parameter": ("overwrite",),
}
"""By type token. A change of these is kept in the state and reaches no call."""
