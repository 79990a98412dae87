"""Property 20: the web ACL before the load balancer."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pulumi_policy import PolicyResource

from infra.policies.engine.resources import (
    LOAD_BALANCER,
    WEB_ACL,
    Stack,
    Subject,
    entries,
    has,
    section,
)
from infra.policies.engine.rule import ResourceRule, Rule, StackRule

_ASSOCIATION: Final = "aws:wafv2/webAclAssociation:WebAclAssociation"
_LOGGING: Final = "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration"
_LOG4J: Final = "AWSManagedRulesKnownBadInputsRuleSet"


def _protected(balancer: PolicyResource, stack: Stack) -> Iterator[str]:
    if not stack.referring(balancer, _ASSOCIATION, "resourceArn"):
        yield "no web ACL is associated with it"


def _logged(acl: PolicyResource, stack: Stack) -> Iterator[str]:
    if not stack.referring(acl, _LOGGING, "resourceArn"):
        yield "its decisions are not logged"


def _log4j(acl: Subject) -> Iterator[str]:
    if not any(_blocks_log4j(rule) for rule in entries(acl.props, "rules")):
        yield f"{_LOG4J} does not block; accepted: the rule group with its own actions"


def _blocks_log4j(rule: Mapping[str, Any]) -> bool:
    group = section(section(rule, "statement"), "managedRuleGroupStatement")
    relaxed = {str(one.get("name")) for one in entries(group, "ruleActionOverrides")}
    return (
        group.get("vendorName") == "AWS"
        and group.get("name") == _LOG4J
        and has(section(rule, "overrideAction"), "none")
        and not any(name.startswith("Log4J") for name in relaxed)
    )


RULES: Final[tuple[Rule, ...]] = (
    StackRule(
        name="a-web-acl-stands-before-the-entrance",
        number=20,
        text="A web ACL judges requests before the load balancer does.",
        ids=("CKV2_AWS_28", "ELB.16"),
        kinds=(LOAD_BALANCER,),
        check=_protected,
    ),
    StackRule(
        name="the-web-acl-is-logged",
        number=20,
        text="The web ACL's decisions are logged.",
        ids=("CKV2_AWS_31", "WAF.11"),
        kinds=(WEB_ACL,),
        check=_logged,
    ),
    ResourceRule(
        name="the-web-acl-blocks-log4j",
        number=20,
        text="AWS's rules against known bad inputs, Log4j among them, block.",
        ids=("CKV2_AWS_76",),
        kinds=(WEB_ACL,),
        check=_log4j,
    ),
)
