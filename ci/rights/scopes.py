"""How far each action reaches: one environment's resources, by their names or by their tags.

What AWS lets a policy narrow is in the Service Authorization Reference
(https://docs.aws.amazon.com/service-authorization/latest/reference/); a test compares this table
with a copy of it. Where a name can be chosen the name narrows, elsewhere the tags `Project` and
`Environment`, which the program puts on everything.
"""

from typing import Final

from ci.rights.ec2_scopes import EC2_SCOPES
from ci.rights.scope import TAGS, UNCLAIMED, Scope, arns

WITHOUT_RESOURCES: Final = frozenset(
    f"{service}:{action}"
    for service, actions in {
        "acm": "RequestCertificate",
        "autoscaling": "DescribeAutoScalingGroups DescribeInstanceRefreshes DescribeLifecycleHooks"
        " DescribePolicies DescribeScalingActivities DescribeScheduledActions DescribeWarmPool",
        "ec2": "DescribeAddresses DescribeAddressesAttribute DescribeAvailabilityZones"
        " DescribeFlowLogs DescribeInstanceConnectEndpoints DescribeInternetGateways"
        " DescribeLaunchTemplateVersions DescribeLaunchTemplates DescribeNatGateways"
        " DescribeNetworkAcls DescribeNetworkInterfaces DescribePrefixLists DescribeRouteTables"
        " DescribeSecurityGroupRules DescribeSecurityGroups DescribeSnapshots DescribeSubnets"
        " DescribeVpcEndpoints DescribeVpcs",
        "ecr": "GetAuthorizationToken",
        "elasticloadbalancing": "DescribeCapacityReservation DescribeListenerAttributes"
        " DescribeListeners DescribeLoadBalancerAttributes DescribeLoadBalancers DescribeRules"
        " DescribeTags DescribeTargetGroupAttributes DescribeTargetGroups DescribeTargetHealth"
        " SetWebAcl",
        "kms": "CreateKey ListAliases",
        "logs": "CreateLogDelivery DeleteLogDelivery DescribeLogGroups DescribeResourcePolicies"
        " PutResourcePolicy",
        "secretsmanager": "GetRandomPassword",  # pragma: allowlist secret
        "ssm": "DescribeParameters",
    }.items()
    for action in actions.split()
)
"""Actions of the tables that know no resources, so that only a star can allow them."""

_CREATED_WITH_TAGS: Final = ("acm:RequestCertificate", "kms:CreateKey")
_SERVICE_ROLE: Final = (
    "aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling_{name}"
)
_ACCOUNTS_SERVICES: Final = ("elasticloadbalancing", "ec2-instance-connect", "wafv2")
"""Services for which AWS keeps one role an account, and makes it when it is first needed."""

_STATE_OF_ROLES: Final = (
    *("iam:CreateServiceLinkedRole", "iam:PassRole", "iam:TagRole", "iam:UntagRole"),
    *("iam:GetRole", "iam:ListRoleTags", "iam:UpdateRoleDescription"),
    *("iam:DeleteServiceLinkedRole", "iam:GetServiceLinkedRoleDeletionStatus"),
)
_KEY_USES: Final = ("kms:CreateGrant", "kms:RetireGrant", "kms:GenerateDataKey", "kms:Decrypt")
_ALIASES: Final = ("kms:CreateAlias", "kms:UpdateAlias", "kms:DeleteAlias")
_BOUNDED: Final = ("iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy")
_MANAGED: Final = ("iam:AttachRolePolicy", "iam:DetachRolePolicy")

SCOPES: Final[tuple[Scope, ...]] = (
    Scope(
        sid="Look",
        area="look",
        actions=tuple(
            sorted(
                action
                for action in WITHOUT_RESOURCES
                if action.partition(":")[2].startswith(("Describe", "Get", "List"))
            )
        ),
        resources=("*",),
    ),
    *EC2_SCOPES,
    Scope(
        sid="NewKeysAndCertificates",
        area="secrets",
        actions=_CREATED_WITH_TAGS,
        resources=("*",),
        conditions={"StringEquals": {**TAGS.requested, "aws:RequestedRegion": "{region}"}},
    ),
    Scope(
        sid="ClaimKeysAndCertificates",
        area="secrets",
        actions=("kms:TagResource", "acm:AddTagsToCertificate"),
        resources=arns("kms:key/*", "acm:certificate/*"),
        # A new one has no tags yet; one of another environment has, and stays out of reach.
        conditions={"StringEquals": TAGS.requested, **UNCLAIMED},
    ),
    Scope(
        sid="OwnKeysAndCertificates",
        area="secrets",
        services=("kms", "acm"),
        excluded=(*_CREATED_WITH_TAGS, *_KEY_USES, "kms:ListAliases"),
        resources=arns("kms:key/*", "acm:certificate/*"),
        conditions={"StringEquals": TAGS.borne},
    ),
    Scope(
        sid="OwnAliases",
        area="secrets",
        actions=_ALIASES,
        resources=arns("kms:alias/{name}-*"),
    ),
    Scope(
        sid="KeysThroughServices",
        area="secrets",
        actions=_KEY_USES,
        resources=arns("kms:key/*"),
        conditions={
            "StringEquals": {
                **TAGS.borne,
                "kms:ViaService": [
                    f"{service}.{{region}}.{{dns}}" for service in ("ecr", "s3", "secretsmanager")
                ],
            }
        },
    ),
    Scope(
        sid="OwnSecrets",
        area="secrets",
        services=("secretsmanager",),
        resources=arns("secretsmanager:secret:{name}-*"),
    ),
    Scope(
        sid="OwnParameters",
        area="secrets",
        services=("ssm",),
        resources=arns("ssm:parameter/perch/{environment}/*"),
    ),
    Scope(
        sid="MachineImages",
        area="secrets",
        actions=("ssm:GetParameter",),
        resources=("arn:{partition}:ssm:{region}::parameter/aws/service/*",),
    ),
    Scope(
        sid="OwnBuckets",
        area="storage",
        services=("s3",),
        resources=("arn:{partition}:s3:::{name}-*",),
    ),
    Scope(
        sid="OwnRepository",
        area="storage",
        services=("ecr",),
        resources=arns("ecr:repository/{name}-*"),
    ),
    Scope(
        sid="OwnLogs",
        area="storage",
        services=("logs",),
        resources=arns(
            "logs:log-group:/perch/{environment}/*", "logs:log-group:aws-waf-logs-{name}*"
        ),
    ),
    Scope(
        sid="LogDelivery",
        area="storage",
        actions=("logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:PutResourcePolicy"),
        resources=("*",),
        conditions={"StringEquals": {"aws:RequestedRegion": "{region}"}},
    ),
    Scope(
        sid="BoundedRoles",
        area="roles",
        actions=_BOUNDED,
        resources=arns("iam:role/{name}-*", regional=False),
        conditions={"StringEquals": {"iam:PermissionsBoundary": "{boundary}"}},
    ),
    Scope(
        sid="ManagedPolicy",
        area="roles",
        actions=_MANAGED,
        resources=arns("iam:role/{name}-*", regional=False),
        conditions={
            "StringEquals": {
                "iam:PermissionsBoundary": "{boundary}",
                "iam:PolicyARN": "arn:{partition}:iam::aws:policy/AmazonSSMManagedInstanceCore",
            }
        },
    ),
    Scope(
        sid="OwnRoles",
        area="roles",
        services=("iam",),
        excluded=(
            *(*_BOUNDED, *_MANAGED, "iam:PassRole", "iam:CreateServiceLinkedRole"),
            *("iam:DeleteServiceLinkedRole", "iam:GetServiceLinkedRoleDeletionStatus"),
        ),
        resources=arns("iam:role/{name}-*", "iam:instance-profile/{name}-*", regional=False),
    ),
    Scope(
        sid="PassOwnRoles",
        area="roles",
        actions=("iam:PassRole",),
        resources=arns("iam:role/{name}-*", regional=False),
        conditions={
            "StringEquals": {
                "iam:PassedToService": ["ec2.{dns}", "vpc-flow-logs.amazonaws.com"],
            }
        },
    ),
    Scope(
        sid="ScalingRole",
        area="roles",
        actions=_STATE_OF_ROLES,
        resources=arns(f"iam:role/{_SERVICE_ROLE}", regional=False),
    ),
    Scope(
        sid="AccountRoles",
        area="roles",
        actions=("iam:CreateServiceLinkedRole",),
        resources=arns(
            *(f"iam:role/aws-service-role/{one}.amazonaws.com/*" for one in _ACCOUNTS_SERVICES),
            regional=False,
        ),
    ),
    Scope(
        sid="OwnGroups",
        area="entrance",
        services=("autoscaling",),
        resources=arns("autoscaling:autoScalingGroup:*:autoScalingGroupName/{name}-*"),
    ),
    Scope(
        sid="OwnEntrance",
        area="entrance",
        services=("elasticloadbalancing",),
        resources=arns(
            *(
                f"elasticloadbalancing:{kind}/{{name}}-*"
                for kind in ("loadbalancer/app", "targetgroup", "listener/app", "listener-rule/app")
            )
        ),
    ),
    Scope(
        sid="EntrancesAcl",
        area="entrance",
        actions=("elasticloadbalancing:SetWebAcl",),
        resources=("*",),
        conditions={"StringEquals": {"aws:RequestedRegion": "{region}"}},
    ),
    Scope(
        sid="OwnAcl",
        area="entrance",
        services=("wafv2",),
        resources=arns(
            "wafv2:regional/webacl/{name}-*", "elasticloadbalancing:loadbalancer/app/{name}-*"
        ),
    ),
    Scope(
        sid="ManagedRules",
        area="entrance",
        actions=("wafv2:CreateWebACL", "wafv2:UpdateWebACL"),
        resources=arns("wafv2:regional/managedruleset/*"),
    ),
    Scope(
        sid="OwnNames",
        area="entrance",
        actions=(
            *("route53:ChangeResourceRecordSets", "route53:GetHostedZone"),
            "route53:ListResourceRecordSets",
        ),
        resources=("arn:{partition}:route53:::hostedzone/{zone}",),
        needs_zone=True,
    ),
    Scope(
        sid="Changes",
        area="entrance",
        actions=("route53:GetChange",),
        resources=("arn:{partition}:route53:::change/*",),
        needs_zone=True,
    ),
    Scope(
        sid="EndpointNames",
        area="entrance",
        # An endpoint's private name lies in a zone of AWS's own.
        actions=("route53:AssociateVPCWithHostedZone",),
        resources=("arn:{partition}:route53:::hostedzone/*",),
        conditions={"StringLike": {"route53:VPCs": "VPCId=*,VPCRegion={region}"}},
    ),
    Scope(
        sid="OwnAlarms",
        area="entrance",
        services=("cloudwatch",),
        resources=(
            *arns("cloudwatch:alarm:{name}-*"),
            *arns("cloudwatch:dashboard/{name}-{region}", regional=False),
        ),
    ),
    Scope(
        sid="OwnTopics",
        area="entrance",
        services=("sns",),
        resources=arns("sns:{name}-*"),
    ),
    Scope(
        sid="OwnBudget",
        area="entrance",
        services=("budgets",),
        resources=arns("budgets:budget/{name}-*", regional=False),
    ),
)
