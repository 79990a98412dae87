"""Which texts AWS bounds, and to how many characters: the table once more, as it was read.

The characters themselves are held against botocore's models in test_aws_texts.py.
"""

import pytest

from infra.catalogue.aws_text_rules import RULES
from ops.offline.engine.sdk import output_types

BOUNDS = """
LoadBalancer name 1 32
TargetGroup name 1 32
ListenerRule conditions[].httpHeader.httpHeaderName 1 40
ListenerRule conditions[].httpHeader.values[] 1 128
ListenerRule actions[].fixedResponse.messageBody 0 1024
SecurityGroup name 1 255
SecurityGroup description 1 255
SecurityGroupIngressRule description 0 255
SecurityGroupEgressRule description 0 255
LaunchTemplate name 3 128
LaunchTemplate description 0 255
Group name 1 255
Group initialLifecycleHooks[].name 1 255
LifecycleHook name 1 255
Policy name 1 255
Schedule scheduledActionName 1 255
Role name 1 64
Role description 0 1000
InstanceProfile name 1 128
RolePolicy name 1 128
ServiceLinkedRole customSuffix 1 35
ServiceLinkedRole description 0 1000
Bucket bucket 3 63
Parameter name 1 1011
Parameter description 0 1024
Parameter allowedPattern 0 1024
Secret name 1 512
Secret description 0 2048
MetricAlarm name 1 255
MetricAlarm alarmDescription 0 1024
MetricAlarm namespace 1 255
CompositeAlarm alarmName 1 255
CompositeAlarm alarmDescription 0 1024
CompositeAlarm alarmRule 1 10240
Dashboard dashboardName 1 255
LogGroup name 1 512
Alias name 1 256
Key description 0 8192
Certificate domainName 1 64
Certificate subjectAlternativeNames[] 1 253
Budget name 1 100
Topic name 1 256
Repository name 2 256
WebAcl name 1 128
WebAcl description 3 256
WebAcl rules[].name 1 128
WebAcl visibilityConfig.metricName 1 128
WebAcl rules[].visibilityConfig.metricName 1 128
"""
"""Type, path of the input, the fewest and the most characters (the services' API references)."""


def test_every_text_has_the_bounds_that_its_page_names() -> None:
    told = [
        [kind.rpartition(":")[2], line.path, str(line.least), str(line.most)]
        for kind, lines in RULES.items()
        for line in lines
    ]
    assert told == [line.split() for line in BOUNDS.split("\n") if line]


@pytest.mark.parametrize("kind", RULES)
def test_every_text_is_an_input_of_its_type(kind: str) -> None:
    firsts = {line.path.partition(".")[0].removesuffix("[]") for line in RULES[kind]}
    assert firsts <= set(output_types(kind))


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "IpRange"),
        ("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "IpRange"),
        ("aws:s3/bucket:Bucket", "user guide, General purpose bucket naming rules"),
        (
            "aws:iam/serviceLinkedRole:ServiceLinkedRole",
            "the role's whole name has 64 at most (CreateRole, RoleName)",
        ),
    ],
)
def test_where_the_page_of_the_parameter_does_not_say_it_the_place_that_does_is_named(
    kind: str, place: str
) -> None:
    assert RULES[kind][0].source.endswith(f"; {place}")
