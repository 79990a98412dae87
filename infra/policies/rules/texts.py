"""Property 28: names, descriptions and tags."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from pulumi_policy.proxy import UnknownValueError

from infra.catalogue.aws_text_rules import RULES as TEXTS
from infra.catalogue.aws_texts import tag_problems
from infra.policies.engine.resources import Subject, kind_of
from infra.policies.engine.rule import OWN, ResourceRule, Rule

_TAGGED: Final = (
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    "aws:ec2/eip:Eip",
    "aws:ec2/flowLog:FlowLog",
    "aws:ec2/internetGateway:InternetGateway",
    "aws:ec2/natGateway:NatGateway",
    "aws:ec2/routeTable:RouteTable",
    "aws:ec2/subnet:Subnet",
    "aws:ec2/vpc:Vpc",
    "aws:ec2/vpcEndpoint:VpcEndpoint",
    "aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint",
    "aws:lb/listener:Listener",
)
"""What has tags, and no text of its own."""


def _texts(resource: Subject) -> Iterator[str]:
    for rule in TEXTS.get(kind_of(resource.resource_type), ()):
        # What a preview cannot know was made by AWS.
        with suppress(UnknownValueError):
            yield from rule.problems(resource.name, resource.props)
    with suppress(UnknownValueError):
        yield from tag_problems(resource.props)


RULES: Final[tuple[Rule, ...]] = (
    ResourceRule(
        name="texts-are-what-aws-takes",
        number=28,
        text="Names, descriptions and tags are such as the services of AWS take.",
        ids=(OWN,),
        kinds=(*TEXTS, *_TAGGED),
        check=_texts,
    ),
)
