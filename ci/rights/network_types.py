"""Calls of what a network, its entrance and its machines are made of."""

from collections.abc import Mapping
from typing import Final

from ci.rights.row import Calls, calls

_RULE: Final = {
    "read": "DescribeSecurityGroupRules",
    "update": "ModifySecurityGroupRules CreateTags DeleteTags",
}

NETWORK_TYPES: Final[Mapping[str, Calls]] = {
    "aws:acm/certificate:Certificate": calls(
        "acm",
        create="RequestCertificate AddTagsToCertificate",
        read="DescribeCertificate ListTagsForCertificate",
        update="AddTagsToCertificate RemoveTagsFromCertificate",
        delete="DeleteCertificate",
    ),
    "aws:acm/certificateValidation:CertificateValidation": calls(
        "acm", create="DescribeCertificate", read="DescribeCertificate"
    ),
    # What a group with a launch template and a service role of its own asks of its caller:
    # https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-api-permissions.html
    "aws:autoscaling/group:Group": calls(
        "autoscaling",
        create="CreateAutoScalingGroup CreateOrUpdateTags EnableMetricsCollection PutLifecycleHook"
        " ec2:RunInstances ec2:CreateTags iam:PassRole",
        read="DescribeAutoScalingGroups DescribeScalingActivities DescribeWarmPool"
        " elasticloadbalancing:DescribeTargetHealth ec2:DescribeLaunchTemplateVersions",
        update="UpdateAutoScalingGroup CreateOrUpdateTags DeleteTags EnableMetricsCollection"
        " DisableMetricsCollection AttachLoadBalancerTargetGroups DetachLoadBalancerTargetGroups"
        " AttachTrafficSources DetachTrafficSources SuspendProcesses ResumeProcesses"
        " StartInstanceRefresh DescribeInstanceRefreshes CancelInstanceRefresh"
        " SetInstanceProtection PutWarmPool DeleteWarmPool",
        delete="UpdateAutoScalingGroup DeleteAutoScalingGroup DeleteWarmPool SetInstanceProtection",
    ),
    "aws:autoscaling/lifecycleHook:LifecycleHook": calls(
        "autoscaling",
        create="PutLifecycleHook",
        read="DescribeLifecycleHooks",
        update="PutLifecycleHook",
        delete="DeleteLifecycleHook",
    ),
    "aws:autoscaling/policy:Policy": calls(
        "autoscaling",
        create="PutScalingPolicy",
        read="DescribePolicies",
        update="PutScalingPolicy",
        delete="DeletePolicy",
    ),
    "aws:autoscaling/schedule:Schedule": calls(
        "autoscaling",
        create="PutScheduledUpdateGroupAction",
        read="DescribeScheduledActions",
        update="PutScheduledUpdateGroupAction",
        delete="DeleteScheduledAction",
    ),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": calls(
        "ec2",
        create="CreateTags RevokeSecurityGroupIngress RevokeSecurityGroupEgress",
        read="DescribeSecurityGroups",
        update="CreateTags DeleteTags RevokeSecurityGroupIngress RevokeSecurityGroupEgress",
    ),
    "aws:ec2/eip:Eip": calls(
        "ec2",
        create="AllocateAddress CreateTags",
        read="DescribeAddresses DescribeAddressesAttribute",
        update="CreateTags DeleteTags",
        delete="DisassociateAddress ReleaseAddress",
    ),
    "aws:ec2/flowLog:FlowLog": calls(
        "ec2",
        create="CreateFlowLogs CreateTags iam:PassRole",
        read="DescribeFlowLogs",
        update="CreateTags DeleteTags",
        delete="DeleteFlowLogs",
    ),
    "aws:ec2/internetGateway:InternetGateway": calls(
        "ec2",
        create="CreateInternetGateway AttachInternetGateway CreateTags",
        read="DescribeInternetGateways",
        update="AttachInternetGateway DetachInternetGateway CreateTags DeleteTags",
        delete="DetachInternetGateway DeleteInternetGateway",
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": calls(
        "ec2",
        create="CreateLaunchTemplate CreateTags",
        read="DescribeLaunchTemplates DescribeLaunchTemplateVersions",
        update="CreateLaunchTemplateVersion ModifyLaunchTemplate CreateTags DeleteTags",
        delete="DeleteLaunchTemplate",
    ),
    "aws:ec2/natGateway:NatGateway": calls(
        "ec2",
        create="CreateNatGateway CreateTags",
        read="DescribeNatGateways",
        update="CreateTags DeleteTags",
        delete="DeleteNatGateway",
    ),
    "aws:ec2/route:Route": calls(
        "ec2",
        create="CreateRoute",
        read="DescribeRouteTables",
        update="ReplaceRoute",
        delete="DeleteRoute",
    ),
    "aws:ec2/routeTable:RouteTable": calls(
        "ec2",
        create="CreateRouteTable CreateTags",
        read="DescribeRouteTables",
        update="CreateTags DeleteTags",
        delete="DisassociateRouteTable DeleteRouteTable",
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": calls(
        "ec2",
        create="AssociateRouteTable",
        read="DescribeRouteTables",
        update="ReplaceRouteTableAssociation",
        delete="DisassociateRouteTable",
    ),
    "aws:ec2/securityGroup:SecurityGroup": calls(
        "ec2",
        # The provider takes the rule away that AWS adds to every new group.
        create="CreateSecurityGroup CreateTags RevokeSecurityGroupEgress",
        read="DescribeSecurityGroups",
        update="CreateTags DeleteTags",
        delete="DeleteSecurityGroup DescribeNetworkInterfaces",
    ),
    "aws:ec2/subnet:Subnet": calls(
        "ec2",
        create="CreateSubnet ModifySubnetAttribute CreateTags",
        read="DescribeSubnets",
        update="ModifySubnetAttribute CreateTags DeleteTags",
        delete="DeleteSubnet DescribeNetworkInterfaces",
    ),
    "aws:ec2/vpc:Vpc": calls(
        "ec2",
        create="CreateVpc ModifyVpcAttribute CreateTags",
        read="DescribeVpcs DescribeVpcAttribute DescribeNetworkAcls DescribeRouteTables"
        " DescribeSecurityGroups",
        update="ModifyVpcAttribute CreateTags DeleteTags",
        delete="DeleteVpc",
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": calls(
        "ec2",
        create="CreateVpcEndpoint CreateTags route53:AssociateVPCWithHostedZone",
        read="DescribeVpcEndpoints DescribePrefixLists",
        update="ModifyVpcEndpoint CreateTags DeleteTags",
        delete="DeleteVpcEndpoints",
    ),
    # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/permissions-for-ec2-instance-connect-endpoint.html
    "aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint": calls(
        "ec2",
        create="CreateInstanceConnectEndpoint CreateNetworkInterface CreateTags"
        " iam:CreateServiceLinkedRole",
        read="DescribeInstanceConnectEndpoints",
        update="CreateTags DeleteTags",
        delete="DeleteInstanceConnectEndpoint",
    ),
    "aws:lb/listener:Listener": calls(
        "elasticloadbalancing",
        create="CreateListener AddTags ModifyListenerAttributes",
        read="DescribeListeners DescribeListenerAttributes DescribeTags",
        update="ModifyListener ModifyListenerAttributes AddTags RemoveTags",
        delete="DeleteListener",
    ),
    "aws:lb/listenerRule:ListenerRule": calls(
        "elasticloadbalancing",
        create="CreateRule AddTags",
        read="DescribeRules DescribeTags",
        update="ModifyRule SetRulePriorities AddTags RemoveTags",
        delete="DeleteRule",
    ),
    "aws:lb/loadBalancer:LoadBalancer": calls(
        "elasticloadbalancing",
        create="CreateLoadBalancer AddTags ModifyLoadBalancerAttributes"
        " iam:CreateServiceLinkedRole",
        read="DescribeLoadBalancers DescribeLoadBalancerAttributes DescribeCapacityReservation"
        " DescribeTags",
        update="ModifyLoadBalancerAttributes SetSecurityGroups SetSubnets SetIpAddressType AddTags"
        " RemoveTags",
        delete="DeleteLoadBalancer ec2:DescribeNetworkInterfaces",
    ),
    "aws:lb/targetGroup:TargetGroup": calls(
        "elasticloadbalancing",
        create="CreateTargetGroup AddTags ModifyTargetGroupAttributes",
        read="DescribeTargetGroups DescribeTargetGroupAttributes DescribeTags",
        update="ModifyTargetGroup ModifyTargetGroupAttributes AddTags RemoveTags",
        delete="DeleteTargetGroup",
    ),
    "aws:route53/record:Record": calls(
        "route53",
        create="ChangeResourceRecordSets GetChange",
        read="GetHostedZone ListResourceRecordSets",
        update="ChangeResourceRecordSets GetChange",
        delete="ChangeResourceRecordSets GetChange",
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": calls(
        "ec2",
        create="AuthorizeSecurityGroupEgress CreateTags",
        delete="RevokeSecurityGroupEgress",
        **_RULE,
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": calls(
        "ec2",
        create="AuthorizeSecurityGroupIngress CreateTags",
        delete="RevokeSecurityGroupIngress",
        **_RULE,
    ),
    "aws:wafv2/webAcl:WebAcl": calls(
        "wafv2",
        create="CreateWebACL TagResource",
        read="GetWebACL ListTagsForResource",
        update="UpdateWebACL TagResource UntagResource",
        delete="DeleteWebACL",
    ),
    "aws:wafv2/webAclAssociation:WebAclAssociation": calls(
        "wafv2",
        create="AssociateWebACL elasticloadbalancing:SetWebAcl",
        read="GetWebACLForResource",
        delete="DisassociateWebACL elasticloadbalancing:SetWebAcl",
    ),
    # What logging to CloudWatch asks of its caller:
    # https://docs.aws.amazon.com/waf/latest/developerguide/logging-cw-logs.html
    "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": calls(
        "wafv2",
        create="PutLoggingConfiguration logs:CreateLogDelivery logs:PutResourcePolicy"
        " logs:DescribeResourcePolicies logs:DescribeLogGroups iam:CreateServiceLinkedRole",
        read="GetLoggingConfiguration",
        update="PutLoggingConfiguration",
        delete="DeleteLoggingConfiguration logs:DeleteLogDelivery",
    ),
}
