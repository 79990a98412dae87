"""The table of what AWS takes as names and descriptions, one line a place, each with its source.

Where botocore's model of the API knows a length or a pattern, a test holds the line against it.
"""

from collections.abc import Mapping
from typing import Final

from infra.catalogue.aws_texts import Characters, TextRule

_ANY: Final = Characters(r"[^\x00-\x1f\x7f]*", "text without control characters")
_LATIN: Final = Characters(r"[\t\n\r\x20-\x7e\xa1-\xff]*", "text in Latin-1")
_IAM: Final = Characters(r"(?a:[\w+=,.@-]+)", "letters, digits and + = , . @ _ -")
_DASHED: Final = Characters(r"[A-Za-z0-9_-]+", "letters, digits, hyphens and underscores")
_HOOK: Final = Characters(r"[A-Za-z0-9\-_/]+", "letters, digits and - _ /")
_SCALING: Final = Characters(
    r"[^\x00-\x1f\x7f:]+", "text without control characters and without colons"
)
_METRIC: Final = Characters(
    r"(?!All$|Default_Action$)[A-Za-z0-9_#:.\-/]+",
    "letters, digits and _ # : . - /, not All and not Default_Action",
)
_HYPHENS: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HYPHENS_SAID: Final = "letters, digits and hyphens, no hyphen at either end"
_GROUP: Final = r"[A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]+"
_GROUP_SAID: Final = "ASCII letters, digits, spaces and . _ - : / ( ) # , @ [ ] + = & ; { } ! $ *"
_RULE: Final = Characters(
    r"[A-Za-z0-9 ._\-:/()#,@\[\]+=;{}!$*]*",
    "ASCII letters, digits, spaces and . _ - : / ( ) # , @ [ ] + = ; { } ! $ *",
)
_HOST: Final = Characters(
    r"(?:\*\.)?(?:(?!-)[A-Za-z0-9-]{0,62}[A-Za-z0-9]\.)+(?!-)[A-Za-z0-9-]{1,62}[A-Za-z0-9]",
    "a host name of two labels or more",
)
_REPOSITORY: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"

BALANCER: Final = "aws:lb/loadBalancer:LoadBalancer"
TARGETS: Final = "aws:lb/targetGroup:TargetGroup"
CERTIFICATE: Final = "aws:acm/certificate:Certificate"

RULES: Final[Mapping[str, tuple[TextRule, ...]]] = {
    BALANCER: (
        TextRule(
            "name",
            "elbv2 CreateLoadBalancer Name",
            1,
            32,
            Characters(
                rf"(?!internal-){_HYPHENS}", f"{_HYPHENS_SAID}, not internal- at its beginning"
            ),
            made_up=True,
        ),
    ),
    TARGETS: (
        TextRule(
            "name",
            "elbv2 CreateTargetGroup Name",
            1,
            32,
            Characters(_HYPHENS, _HYPHENS_SAID),
            made_up=True,
        ),
    ),
    "aws:lb/listenerRule:ListenerRule": (
        TextRule(
            "conditions[].httpHeader.httpHeaderName",
            "elbv2 CreateRule Conditions[].HttpHeaderConfig.HttpHeaderName",
            1,
            40,
            Characters(
                r"[A-Za-z0-9!#$%&'*+\-.^_`|~]+",
                "the characters of a header's name (RFC 9110, 5.6.2)",
            ),
        ),
        TextRule(
            "conditions[].httpHeader.values[]",
            "elbv2 CreateRule Conditions[].HttpHeaderConfig.Values[]",
            1,
            128,
            Characters(r"[\x20-\x7e]+", "printable ASCII"),
        ),
        TextRule(
            "actions[].fixedResponse.messageBody",
            "elbv2 CreateRule Actions[].FixedResponseConfig.MessageBody",
            0,
            1024,
            Characters(r"(?s:.*)", "any text"),
        ),
    ),
    "aws:ec2/securityGroup:SecurityGroup": (
        TextRule(
            "name",
            "ec2 CreateSecurityGroup GroupName",
            1,
            255,
            Characters(rf"(?!sg-){_GROUP}", f"{_GROUP_SAID}, not sg- at its beginning"),
            made_up=True,
        ),
        TextRule(
            "description",
            "ec2 CreateSecurityGroup Description",
            1,
            255,
            Characters(_GROUP, _GROUP_SAID),
        ),
    ),
    **{
        f"aws:vpc/securityGroup{way}Rule:SecurityGroup{way}Rule": (
            TextRule(
                "description",
                f"ec2 AuthorizeSecurityGroup{way} IpPermissions[].IpRanges[].Description",
                0,
                255,
                _RULE,
                more="IpRange",
            ),
        )
        for way in ("Ingress", "Egress")
    },
    "aws:ec2/launchTemplate:LaunchTemplate": (
        TextRule(
            "name",
            "ec2 CreateLaunchTemplate LaunchTemplateName",
            3,
            128,
            Characters(r"[a-zA-Z0-9().\-/_]+", "letters, digits and ( ) . - / _"),
            made_up=True,
        ),
        TextRule("description", "ec2 CreateLaunchTemplate VersionDescription", 0, 255, _ANY),
    ),
    "aws:autoscaling/group:Group": (
        TextRule(
            "name",
            "autoscaling CreateAutoScalingGroup AutoScalingGroupName",
            1,
            255,
            _SCALING,
            made_up=True,
        ),
        TextRule(
            "initialLifecycleHooks[].name",
            "autoscaling CreateAutoScalingGroup LifecycleHookSpecificationList[].LifecycleHookName",
            1,
            255,
            _HOOK,
        ),
    ),
    "aws:autoscaling/lifecycleHook:LifecycleHook": (
        TextRule(
            "name", "autoscaling PutLifecycleHook LifecycleHookName", 1, 255, _HOOK, made_up=True
        ),
    ),
    "aws:autoscaling/policy:Policy": (
        TextRule("name", "autoscaling PutScalingPolicy PolicyName", 1, 255, _SCALING, made_up=True),
    ),
    "aws:autoscaling/schedule:Schedule": (
        TextRule(
            "scheduledActionName",
            "autoscaling PutScheduledUpdateGroupAction ScheduledActionName",
            1,
            255,
            _SCALING,
            made_up=True,
        ),
    ),
    "aws:iam/role:Role": (
        TextRule("name", "iam CreateRole RoleName", 1, 64, _IAM, made_up=True),
        TextRule("description", "iam CreateRole Description", 0, 1000, _LATIN),
    ),
    "aws:iam/instanceProfile:InstanceProfile": (
        TextRule(
            "name", "iam CreateInstanceProfile InstanceProfileName", 1, 128, _IAM, made_up=True
        ),
    ),
    "aws:iam/rolePolicy:RolePolicy": (
        TextRule("name", "iam PutRolePolicy PolicyName", 1, 128, _IAM, made_up=True),
    ),
    "aws:iam/serviceLinkedRole:ServiceLinkedRole": (
        TextRule(
            "customSuffix",
            "iam CreateServiceLinkedRole CustomSuffix",
            1,
            64 - len("AWSServiceRoleForAutoScaling_"),
            _IAM,
            more="the role's whole name has 64 at most (CreateRole, RoleName)",
        ),
        TextRule("description", "iam CreateServiceLinkedRole Description", 0, 1000, _LATIN),
    ),
    "aws:s3/bucket:Bucket": (
        TextRule(
            "bucket",
            "s3 CreateBucket Bucket",
            3,
            63,
            Characters(
                r"(?!xn--|sthree-|amzn-s3-demo-|\d+\.\d+\.\d+\.\d+$)(?!.*\.\.)"
                r"[a-z0-9][a-z0-9.\-]*[a-z0-9]"
                r"(?<!-s3alias)(?<!--ol-s3)(?<!\.mrap)(?<!--x-s3)(?<!--table-s3)",
                "lower-case letters, digits, hyphens and dots, a letter or digit at both ends",
            ),
            made_up=True,
            more="user guide, General purpose bucket naming rules",
        ),
    ),
    "aws:ssm/parameter:Parameter": (
        TextRule(
            "name",
            "ssm PutParameter Name",
            1,
            1011,
            Characters(
                r"(?!/?(?i:aws|ssm))/?[a-zA-Z0-9_.\-]+(?:/[a-zA-Z0-9_.\-]+){0,14}",
                "up to 15 parts of letters, digits and . _ - between slashes, not aws or ssm at its"
                " beginning",
            ),
        ),
        TextRule("description", "ssm PutParameter Description", 0, 1024, _ANY),
        TextRule("allowedPattern", "ssm PutParameter AllowedPattern", 0, 1024, _ANY),
    ),
    "aws:secretsmanager/secret:Secret": (
        TextRule(
            "name",
            "secretsmanager CreateSecret Name",
            1,
            512,
            Characters(
                r"[A-Za-z0-9/_+=.@\-]+(?<!-[A-Za-z0-9]{6})",
                "letters, digits and / _ + = . @ -, not a hyphen and six more at its end",
            ),
            made_up=True,
        ),
        TextRule("description", "secretsmanager CreateSecret Description", 0, 2048, _ANY),
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": (
        TextRule("name", "cloudwatch PutMetricAlarm AlarmName", 1, 255, _ANY, made_up=True),
        TextRule("alarmDescription", "cloudwatch PutMetricAlarm AlarmDescription", 0, 1024, _ANY),
        TextRule(
            "namespace",
            "cloudwatch PutMetricAlarm Namespace",
            1,
            255,
            Characters(
                r"[^:\x00-\x1f\x7f][^\x00-\x1f\x7f]*",
                "text without control characters, no colon at its beginning",
            ),
        ),
    ),
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": (
        TextRule("alarmName", "cloudwatch PutCompositeAlarm AlarmName", 1, 255, _ANY),
        TextRule(
            "alarmDescription", "cloudwatch PutCompositeAlarm AlarmDescription", 0, 1024, _ANY
        ),
        TextRule(
            "alarmRule",
            "cloudwatch PutCompositeAlarm AlarmRule",
            1,
            10_240,
            Characters(r"(?s:.+)", "an alarm rule"),
        ),
    ),
    "aws:cloudwatch/dashboard:Dashboard": (
        TextRule("dashboardName", "cloudwatch PutDashboard DashboardName", 1, 255, _DASHED),
    ),
    "aws:cloudwatch/logGroup:LogGroup": (
        TextRule(
            "name",
            "logs CreateLogGroup logGroupName",
            1,
            512,
            Characters(
                r"(?!aws/)[.\-_/#A-Za-z0-9]+",
                "letters, digits and . - _ / #, not aws/ at its beginning",
            ),
            made_up=True,
        ),
    ),
    "aws:kms/alias:Alias": (
        TextRule(
            "name",
            "kms CreateAlias AliasName",
            1,
            256,
            Characters(
                r"alias/(?!aws/)[a-zA-Z0-9/_-]+",
                "alias/ and letters, digits and / _ -, not alias/aws/",
            ),
        ),
    ),
    "aws:kms/key:Key": (TextRule("description", "kms CreateKey Description", 0, 8192, _ANY),),
    CERTIFICATE: (
        TextRule("domainName", "acm RequestCertificate DomainName", 1, 64, _HOST),
        TextRule(
            "subjectAlternativeNames[]",
            "acm RequestCertificate SubjectAlternativeNames[]",
            1,
            253,
            _HOST,
        ),
    ),
    "aws:budgets/budget:Budget": (
        TextRule(
            "name",
            "budgets CreateBudget Budget.BudgetName",
            1,
            100,
            Characters(
                r"(?!.*/action/)(?!(?i:.*<script>.*</script>))[^:\\\x00-\x1f\x7f]+",
                "text without colons, backslashes and control characters",
            ),
            made_up=True,
        ),
    ),
    "aws:sns/topic:Topic": (
        TextRule("name", "sns CreateTopic Name", 1, 256, _DASHED, made_up=True),
    ),
    "aws:ecr/repository:Repository": (
        TextRule(
            "name",
            "ecr CreateRepository repositoryName",
            2,
            256,
            Characters(
                rf"{_REPOSITORY}(?:/{_REPOSITORY})*",
                "lower-case letters and digits, single . _ / or hyphens between them",
            ),
            made_up=True,
        ),
    ),
    "aws:wafv2/webAcl:WebAcl": (
        TextRule("name", "wafv2 CreateWebACL Name", 1, 128, _DASHED, made_up=True),
        TextRule(
            "description",
            "wafv2 CreateWebACL Description",
            3,
            256,
            Characters(
                r"[A-Za-z0-9_+=:#@/\-,.][A-Za-z0-9_+=:#@/\-,. ]+[A-Za-z0-9_+=:#@/\-,.]",
                "letters, digits, _ + = : # @ / - , . and, inside, spaces",
            ),
        ),
        TextRule("rules[].name", "wafv2 CreateWebACL Rules[].Name", 1, 128, _DASHED),
        *(
            TextRule(
                f"{place}visibilityConfig.metricName",
                f"wafv2 CreateWebACL {parameter}VisibilityConfig.MetricName",
                1,
                128,
                _METRIC,
            )
            for place, parameter in (("", ""), ("rules[].", "Rules[]."))
        ),
    ),
}
"""By type of resource, as Pulumi names it."""


def rule(kind: str, path: str) -> TextRule:
    """Return the line about one place.

    Raises:
        KeyError: The table has none.
    """
    for found in RULES[kind]:
        if found.path == path:
            return found
    raise KeyError(f"{kind} {path}")
