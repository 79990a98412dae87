"""What AWS can change in place, and what not: knowledge the Python SDK does not carry.

Source: the `ForceNew` and `Computed` marks in the schemas of hashicorp/terraform-provider-aws
(internal/service/*), which pulumi-aws is made from. A type that is missing here is never said to be
replaced, so a type that the program begins to use is added here too; a test holds them together.
"""

import re
from collections.abc import Mapping

_NAMED = ("name", "namePrefix")
_OF_A_BUCKET = ("bucket", "expectedBucketOwner")

FORCE_NEW: Mapping[str, tuple[str, ...]] = {
    "aws:acm/certificate:Certificate": (
        "certificateAuthorityArn",
        "domainName",
        "keyAlgorithm",
        "subjectAlternativeNames",
        "validationMethod",
        "validationOptions",
    ),
    "aws:acm/certificateValidation:CertificateValidation": (
        "certificateArn",
        "validationRecordFqdns",
    ),
    "aws:autoscaling/group:Group": (*_NAMED, "initialLifecycleHooks"),
    "aws:autoscaling/lifecycleHook:LifecycleHook": ("name",),
    "aws:autoscaling/policy:Policy": ("autoscalingGroupName", "name", "policyType"),
    "aws:autoscaling/schedule:Schedule": ("autoscalingGroupName", "scheduledActionName"),
    "aws:budgets/budget:Budget": (*_NAMED, "accountId"),
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": ("actionsEnabled", "alarmName"),
    "aws:cloudwatch/dashboard:Dashboard": ("dashboardName",),
    "aws:cloudwatch/logGroup:LogGroup": (*_NAMED, "logGroupClass"),
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": ("logGroupName", "name"),
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": ("policyName",),
    "aws:cloudwatch/metricAlarm:MetricAlarm": ("name",),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": ("vpcId",),
    "aws:ec2/eip:Eip": (
        "address",
        "customerOwnedIpv4Pool",
        "domain",
        "ipamPoolId",
        "networkBorderGroup",
        "publicIpv4Pool",
    ),
    "aws:ec2/flowLog:FlowLog": (
        "deliverCrossAccountRole",
        "destinationOptions",
        "eniId",
        "iamRoleArn",
        "logDestination",
        "logDestinationType",
        "logFormat",
        "maxAggregationInterval",
        "subnetId",
        "trafficType",
        "transitGatewayAttachmentId",
        "transitGatewayId",
        "vpcId",
    ),
    "aws:ec2/internetGateway:InternetGateway": (),
    "aws:ec2/launchTemplate:LaunchTemplate": _NAMED,
    "aws:ec2/natGateway:NatGateway": (
        "allocationId",
        "connectivityType",
        "privateIp",
        "subnetId",
    ),
    "aws:ec2/route:Route": (
        "destinationCidrBlock",
        "destinationIpv6CidrBlock",
        "destinationPrefixListId",
        "routeTableId",
    ),
    "aws:ec2/routeTable:RouteTable": ("vpcId",),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": ("gatewayId", "subnetId"),
    "aws:ec2/securityGroup:SecurityGroup": (*_NAMED, "description", "vpcId"),
    "aws:ec2/subnet:Subnet": (
        "availabilityZone",
        "availabilityZoneId",
        "cidrBlock",
        "ipv6Native",
        "outpostArn",
        "vpcId",
    ),
    "aws:ec2/vpc:Vpc": ("cidrBlock", "ipv4IpamPoolId", "ipv4NetmaskLength"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": (
        "serviceName",
        "serviceRegion",
        "vpcEndpointType",
        "vpcId",
    ),
    "aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint": (
        "preserveClientIp",
        "securityGroupIds",
        "subnetId",
    ),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": ("policy", "repository"),
    "aws:ecr/repository:Repository": ("encryptionConfigurations", "name"),
    "aws:ecr/repositoryPolicy:RepositoryPolicy": ("repository",),
    "aws:iam/instanceProfile:InstanceProfile": (*_NAMED, "path"),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": ("url",),
    "aws:iam/policy:Policy": (*_NAMED, "description", "path"),
    "aws:iam/role:Role": (*_NAMED, "path"),
    "aws:iam/rolePolicy:RolePolicy": (*_NAMED, "role"),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": ("policyArn", "role"),
    "aws:iam/serviceLinkedRole:ServiceLinkedRole": ("awsServiceName", "customSuffix"),
    "aws:kms/alias:Alias": _NAMED,
    "aws:kms/key:Key": (
        "customKeyStoreId",
        "customerMasterKeySpec",
        "keyUsage",
        "multiRegion",
        "xksKeyId",
    ),
    "aws:lb/listener:Listener": ("loadBalancerArn",),
    "aws:lb/listenerCertificate:ListenerCertificate": ("certificateArn", "listenerArn"),
    "aws:lb/listenerRule:ListenerRule": ("listenerArn",),
    "aws:lb/loadBalancer:LoadBalancer": (
        *_NAMED,
        "customerOwnedIpv4Pool",
        "internal",
        "loadBalancerType",
    ),
    "aws:lb/targetGroup:TargetGroup": (
        *_NAMED,
        "ipAddressType",
        "port",
        "protocol",
        "protocolVersion",
        "targetType",
        "vpcId",
    ),
    "aws:route53/record:Record": ("name", "zoneId"),
    "aws:route53/zone:Zone": ("delegationSetId", "name"),
    "aws:s3/bucket:Bucket": ("bucket", "bucketPrefix", "objectLockEnabled"),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _OF_A_BUCKET,
    "aws:s3/bucketLogging:BucketLogging": _OF_A_BUCKET,
    "aws:s3/bucketObjectv2:BucketObjectv2": ("bucket", "key"),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": ("bucket",),
    "aws:s3/bucketPolicy:BucketPolicy": ("bucket",),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": ("bucket",),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        _OF_A_BUCKET
    ),
    "aws:s3/bucketVersioning:BucketVersioning": _OF_A_BUCKET,
    "aws:secretsmanager/secret:Secret": _NAMED,
    "aws:secretsmanager/secretPolicy:SecretPolicy": ("secretArn",),
    "aws:secretsmanager/secretRotation:SecretRotation": ("secretId",),
    "aws:secretsmanager/secretVersion:SecretVersion": (
        "secretBinary",
        "secretId",
        "secretString",
        "secretStringWoVersion",
    ),
    "aws:sns/topic:Topic": (*_NAMED, "fifoTopic"),
    "aws:sns/topicPolicy:TopicPolicy": ("arn",),
    "aws:sns/topicSubscription:TopicSubscription": ("endpoint", "protocol", "topic"),
    "aws:ssm/parameter:Parameter": ("name",),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": ("securityGroupId",),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": ("securityGroupId",),
    "aws:wafv2/webAcl:WebAcl": (*_NAMED, "scope"),
    "aws:wafv2/webAclAssociation:WebAclAssociation": ("resourceArn", "webAclArn"),
    "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": ("resourceArn",),
}
"""Type -> inputs of which a change makes a new resource."""

NEW_VERSION_ON_UPDATE: Mapping[str, tuple[str, ...]] = {
    "aws:ec2/launchTemplate:LaunchTemplate": ("latestVersion",),
    "aws:s3/bucketObjectv2:BucketObjectv2": ("etag", "versionId"),
    "aws:ssm/parameter:Parameter": ("version",),
}
"""Type -> outputs that an update changes, and that others are made from."""

FIXED_OUTPUTS = re.compile(r"fixed\..+|colours\.(?:blue|green)\.gateway_port")
"""Outputs that say what a stack was made with: its program refuses another value."""

PROTECTIONS: Mapping[tuple[str, str], bool] = {
    ("aws:lb/loadBalancer:LoadBalancer", "enableDeletionProtection"): True,
    ("aws:s3/bucket:Bucket", "forceDestroy"): False,
    ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "blockPublicAcls"): True,
    ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "blockPublicPolicy"): True,
    ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "ignorePublicAcls"): True,
    ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "restrictPublicBuckets"): True,
    ("aws:ecr/repository:Repository", "forceDelete"): False,
    ("aws:kms/key:Key", "enableKeyRotation"): True,
    ("aws:autoscaling/group:Group", "forceDelete"): False,
    ("aws:cloudwatch/logGroup:LogGroup", "skipDestroy"): True,
}
"""(type, input) -> the value that protects. Leaving that value is said aloud."""
