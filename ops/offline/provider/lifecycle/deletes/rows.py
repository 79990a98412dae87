"""Types that one call deletes, and those of which nothing is to be deleted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ops.offline.provider.lifecycle.deletes.registry import deletes
from ops.offline.provider.lifecycle.existing import Existing


@dataclass(frozen=True, slots=True)
class OneCall:
    """A deletion by one call.

    Attributes:
        service: boto3's name.
        operation: the call, by its Python name.
        parameters: templates; see `Existing.place`.
    """

    service: str
    operation: str
    parameters: Mapping[str, Any]

    def __call__(self, existing: Existing) -> None:
        """Delete one resource; one that is gone already is deleted."""
        existing.ask(self.service, self.operation, **existing.place(self.parameters))


_ROWS: Mapping[str, OneCall] = {
    "aws:acm/certificate:Certificate": OneCall(
        "acm", "delete_certificate", {"CertificateArn": "{id}"}
    ),
    "aws:autoscaling/lifecycleHook:LifecycleHook": OneCall(
        "autoscaling",
        "delete_lifecycle_hook",
        {"LifecycleHookName": "{id}", "AutoScalingGroupName": "{autoscalingGroupName}"},
    ),
    "aws:autoscaling/policy:Policy": OneCall(
        "autoscaling",
        "delete_policy",
        {"PolicyName": "{id}", "AutoScalingGroupName": "{autoscalingGroupName}"},
    ),
    "aws:autoscaling/schedule:Schedule": OneCall(
        "autoscaling",
        "delete_scheduled_action",
        {"ScheduledActionName": "{id}", "AutoScalingGroupName": "{autoscalingGroupName}"},
    ),
    "aws:budgets/budget:Budget": OneCall(
        "budgets", "delete_budget", {"AccountId": "{account}", "BudgetName": "{name}"}
    ),
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": OneCall(
        "cloudwatch", "delete_alarms", {"AlarmNames": ["{id}"]}
    ),
    "aws:cloudwatch/dashboard:Dashboard": OneCall(
        "cloudwatch", "delete_dashboards", {"DashboardNames": ["{id}"]}
    ),
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": OneCall(
        "logs", "delete_metric_filter", {"filterName": "{id}", "logGroupName": "{logGroupName}"}
    ),
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": OneCall(
        "logs", "delete_resource_policy", {"policyName": "{id}"}
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": OneCall(
        "cloudwatch", "delete_alarms", {"AlarmNames": ["{id}"]}
    ),
    "aws:ec2/eip:Eip": OneCall("ec2", "release_address", {"AllocationId": "{id}"}),
    "aws:ec2/flowLog:FlowLog": OneCall("ec2", "delete_flow_logs", {"FlowLogIds": ["{id}"]}),
    "aws:ec2/launchTemplate:LaunchTemplate": OneCall(
        "ec2", "delete_launch_template", {"LaunchTemplateId": "{id}"}
    ),
    "aws:ec2/natGateway:NatGateway": OneCall("ec2", "delete_nat_gateway", {"NatGatewayId": "{id}"}),
    "aws:ec2/route:Route": OneCall(
        "ec2",
        "delete_route",
        {"RouteTableId": "{routeTableId}", "DestinationCidrBlock": "{destinationCidrBlock}"},
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": OneCall(
        "ec2", "disassociate_route_table", {"AssociationId": "{id}"}
    ),
    "aws:ec2/subnet:Subnet": OneCall("ec2", "delete_subnet", {"SubnetId": "{id}"}),
    "aws:ec2/vpc:Vpc": OneCall("ec2", "delete_vpc", {"VpcId": "{id}"}),
    "aws:ec2/vpcEndpoint:VpcEndpoint": OneCall(
        "ec2", "delete_vpc_endpoints", {"VpcEndpointIds": ["{id}"]}
    ),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": OneCall(
        "ecr", "delete_lifecycle_policy", {"repositoryName": "{id}"}
    ),
    "aws:ecr/repositoryPolicy:RepositoryPolicy": OneCall(
        "ecr", "delete_repository_policy", {"repositoryName": "{id}"}
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": OneCall(
        "iam", "delete_open_id_connect_provider", {"OpenIDConnectProviderArn": "{id}"}
    ),
    "aws:iam/rolePolicy:RolePolicy": OneCall(
        "iam", "delete_role_policy", {"RoleName": "{role}", "PolicyName": "{name}"}
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": OneCall(
        "iam", "detach_role_policy", {"RoleName": "{role}", "PolicyArn": "{policyArn}"}
    ),
    "aws:kms/alias:Alias": OneCall("kms", "delete_alias", {"AliasName": "{id}"}),
    "aws:lb/listener:Listener": OneCall("elbv2", "delete_listener", {"ListenerArn": "{id}"}),
    "aws:lb/listenerCertificate:ListenerCertificate": OneCall(
        "elbv2",
        "remove_listener_certificates",
        {"ListenerArn": "{listenerArn}", "Certificates": [{"CertificateArn": "{certificateArn}"}]},
    ),
    "aws:lb/listenerRule:ListenerRule": OneCall("elbv2", "delete_rule", {"RuleArn": "{id}"}),
    "aws:lb/loadBalancer:LoadBalancer": OneCall(
        "elbv2", "delete_load_balancer", {"LoadBalancerArn": "{id}"}
    ),
    "aws:lb/targetGroup:TargetGroup": OneCall(
        "elbv2", "delete_target_group", {"TargetGroupArn": "{id}"}
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": OneCall(
        "s3", "delete_bucket_lifecycle", {"Bucket": "{bucket}"}
    ),
    "aws:s3/bucketLogging:BucketLogging": OneCall(
        "s3", "put_bucket_logging", {"Bucket": "{bucket}", "BucketLoggingStatus": {}}
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": OneCall(
        "s3", "delete_bucket_ownership_controls", {"Bucket": "{bucket}"}
    ),
    "aws:s3/bucketPolicy:BucketPolicy": OneCall(
        "s3", "delete_bucket_policy", {"Bucket": "{bucket}"}
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": OneCall(
        "s3", "delete_public_access_block", {"Bucket": "{bucket}"}
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        OneCall("s3", "delete_bucket_encryption", {"Bucket": "{bucket}"})
    ),
    # A bucket that has had versions can stop making them, and no more.
    "aws:s3/bucketVersioning:BucketVersioning": OneCall(
        "s3",
        "put_bucket_versioning",
        {"Bucket": "{bucket}", "VersioningConfiguration": {"Status": "Suspended"}},
    ),
    "aws:secretsmanager/secretPolicy:SecretPolicy": OneCall(
        "secretsmanager", "delete_resource_policy", {"SecretId": "{secretArn}"}
    ),
    "aws:secretsmanager/secretRotation:SecretRotation": OneCall(
        "secretsmanager", "cancel_rotate_secret", {"SecretId": "{secretId}"}
    ),
    "aws:sns/topic:Topic": OneCall("sns", "delete_topic", {"TopicArn": "{id}"}),
    "aws:sns/topicSubscription:TopicSubscription": OneCall(
        "sns", "unsubscribe", {"SubscriptionArn": "{id}"}
    ),
    "aws:ssm/parameter:Parameter": OneCall("ssm", "delete_parameter", {"Name": "{id}"}),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": OneCall(
        "ec2",
        "revoke_security_group_egress",
        {"GroupId": "{securityGroupId}", "SecurityGroupRuleIds": ["{id}"]},
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": OneCall(
        "ec2",
        "revoke_security_group_ingress",
        {"GroupId": "{securityGroupId}", "SecurityGroupRuleIds": ["{id}"]},
    ),
    "aws:wafv2/webAclAssociation:WebAclAssociation": OneCall(
        "wafv2", "disassociate_web_acl", {"ResourceArn": "{resourceArn}"}
    ),
    "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": OneCall(
        "wafv2", "delete_logging_configuration", {"ResourceArn": "{id}"}
    ),
}

_NOTHING_TO_DELETE = (
    # It waited for a certificate, and is nothing itself.
    "aws:acm/certificateValidation:CertificateValidation",
    # A VPC's own group goes with the VPC; the provider lets go of it and leaves it as it is.
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    # moto has no such endpoint: it was made on paper.
    "aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint",
)


def _nothing(_existing: Existing) -> None:
    """Let go of a resource."""


for _token, _row in _ROWS.items():
    deletes(_token)(_row)
for _token in _NOTHING_TO_DELETE:
    deletes(_token)(_nothing)
