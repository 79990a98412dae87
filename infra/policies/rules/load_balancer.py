"""Properties 13 to 19 and 21: the load balancer, its listeners and target groups."""

from collections.abc import Iterator
from typing import Any, Final

from pulumi_policy import PolicyResource

from infra.policies.engine.resources import (
    AUTO_SCALING_GROUP,
    LAUNCH_TEMPLATE,
    LISTENER,
    LISTENER_RULE,
    LOAD_BALANCER,
    SUBNET,
    TARGET_GROUP,
    Stack,
    Subject,
    entries,
    has,
    is_true,
    linked,
    section,
    size,
)
from infra.policies.engine.rule import OWN, ResourceRule, Rule, StackRule
from infra.policies.engine.user_data import unpack, variable

_MODERN: Final = frozenset(
    f"ELBSecurityPolicy-{name}"
    for name in (
        "TLS13-1-2-2021-06",
        "TLS13-1-2-Res-2021-06",
        "TLS13-1-2-Res-FIPS-2023-04",
        "TLS13-1-3-2021-06",
        "TLS13-1-3-FIPS-2023-04",
        "TLS13-1-2-PQ-2025-09",
        "TLS13-1-2-Res-PQ-2025-09",
        "TLS13-1-3-PQ-2025-09",
    )
)
"""TLS 1.3, at least 1.2, forward secrecy: ELB User Guide, security policies of ALBs."""

_ALL_PERCENT: Final = 100


def _actions(listener: Subject) -> list[Any]:
    return entries(listener.props, "defaultActions")


def _plain_http(listener: Subject) -> Iterator[str]:
    protocol = listener.props.get("protocol")
    if protocol == "HTTPS":
        return
    for action in _actions(listener):
        target = section(action, "redirect").get("protocol")
        if protocol != "HTTP" or action.get("type") != "redirect" or target != "HTTPS":
            yield f"protocol is {protocol} and it does not redirect to HTTPS; accepted: a redirect"


def _plain_rule(rule: PolicyResource, _stack: Stack) -> Iterator[str]:
    protocols = {one.props.get("protocol") for one in linked(rule, "listenerArn", LISTENER)}
    if "HTTP" in protocols:
        for action in entries(rule.props, "actions"):
            if action.get("type") != "redirect":
                yield f"answers plain HTTP by {action.get('type')}; accepted: redirect"


def _tls(listener: Subject) -> Iterator[str]:
    if listener.props.get("protocol") in {"HTTPS", "TLS"}:
        policy = listener.props.get("sslPolicy")
        if policy not in _MODERN:
            yield f"sslPolicy is {policy}; accepted: {', '.join(sorted(_MODERN))}"


def _headers(balancer: Subject) -> Iterator[str]:
    if not is_true(balancer.props.get("dropInvalidHeaderFields")):
        yield "dropInvalidHeaderFields is not true; accepted: true"


def _desync(balancer: Subject) -> Iterator[str]:
    mode = balancer.props.get("desyncMitigationMode")
    if mode not in {"defensive", "strictest"}:
        yield f"desyncMitigationMode is {mode}; accepted: defensive, strictest"


def _deletion(balancer: Subject) -> Iterator[str]:
    if not is_true(balancer.props.get("enableDeletionProtection")):
        yield "enableDeletionProtection is not true; accepted: true"


def _access_log(balancer: Subject) -> Iterator[str]:
    if not is_true(section(balancer.props, "accessLogs").get("enabled")):
        yield "accessLogs.enabled is not true; accepted: true"


def _zones(balancer: PolicyResource, _stack: Stack) -> Iterator[str]:
    subnets = linked(balancer, "subnets", SUBNET)
    zones = {subnet.props.get("availabilityZone") for subnet in subnets}
    # Subnets of an adopted VPC are ids here; their number is all that is known.
    count = len(zones) if subnets else size(balancer.props, "subnets")
    if count < 2:  # noqa: PLR2004 - what "multi-AZ" means
        yield f"subnets covers {count} zone(s); accepted: 2 or more"


def _health_check(group: Subject) -> Iterator[str]:
    check = section(group.props, "healthCheck")
    if not is_true(check.get("enabled")):
        yield "healthCheck.enabled is not true; accepted: true"
    if str(check.get("path") or "/") == "/":
        yield f"healthCheck.path is {check.get('path')}; accepted: the gateway's readiness"
    if str(check.get("matcher")) != "200":
        yield f"healthCheck.matcher is {check.get('matcher')}; accepted: 200"


def _encrypted(group: Subject) -> Iterator[str]:
    protocol = group.props.get("protocol")
    if protocol != "HTTPS":
        yield f"protocol is {protocol}; accepted: HTTPS"


def _shares(listener: Subject) -> Iterator[str]:
    for action in _actions(listener):
        if action.get("type") == "forward":
            shares = [
                int(one.get("weight") or 0)
                for one in entries(section(action, "forward"), "targetGroups")
            ]
            if sum(shares) != _ALL_PERCENT:
                yield f"weights are {shares}; accepted: a sum of {_ALL_PERCENT}"


def _both_colours(listener: PolicyResource, stack: Stack) -> Iterator[str]:
    if all(action.get("type") != "forward" for action in _actions(listener)):
        return
    attached = {group.urn for group in linked(listener, "defaultActions", TARGET_GROUP)}
    groups = stack.of(TARGET_GROUP)
    missing = [group.name for group in groups if group.urn not in attached]
    if missing or len(groups) < 2:  # noqa: PLR2004 - blue and green
        yield f"forwards not to {', '.join(missing) or 'two target groups'}; accepted: both colours"


def _sticky(resource: Subject) -> Iterator[str]:
    if resource.resource_type == TARGET_GROUP:
        settings = [("stickiness", section(resource.props, "stickiness"))]
    else:
        settings = [
            ("forward.stickiness", section(section(action, "forward"), "stickiness"))
            for action in _actions(resource)
            if action.get("type") == "forward"
        ]
    for where, setting in settings:
        if not has(setting, "enabled"):
            yield f"{where}.enabled is left out; accepted: true or false, said aloud"


def _drain(group: PolicyResource, stack: Stack) -> Iterator[str]:
    delay = float(group.props.get("deregistrationDelay") or 0)
    templates = [
        template
        for machines in stack.referring(group, AUTO_SCALING_GROUP, "targetGroupArns")
        for key in ("mixedInstancesPolicy", "launchTemplate")
        for template in linked(machines, key, LAUNCH_TEMPLATE)
    ]
    if not templates:
        yield "no auto scaling group registers machines here, so their drain is not known"
    for template in templates:
        drain = _told(template, "APP_DRAIN_TIMEOUT_S")
        if delay < drain:
            yield f"deregistrationDelay is {delay:g} s; accepted: {drain:g} s, the drain, or more"


def _idle(balancer: PolicyResource, stack: Stack) -> Iterator[str]:
    timeout = float(balancer.props.get("idleTimeout") or 60)
    for template in stack.of(LAUNCH_TEMPLATE):
        ping = _told(template, "WS_PING_INTERVAL_S")
        if timeout <= ping:
            yield f"idleTimeout is {timeout:g} s; accepted: more than {ping:g} s between pings"


def _told(template: PolicyResource, name: str) -> float:
    value = variable(unpack(template.props.get("userData") or ""), name)
    if value is None:
        raise ValueError(f"the user data of {template.name} says nothing of {name}")
    return value


RULES: Final[tuple[Rule, ...]] = (
    ResourceRule(
        name="http-only-redirects",
        number=13,
        text="A listener without TLS does nothing but redirect to HTTPS.",
        ids=("CKV_AWS_2", "CKV2_AWS_20", "ELB.1"),
        kinds=(LISTENER,),
        check=_plain_http,
    ),
    StackRule(
        name="http-has-no-other-rule",
        number=13,
        text="No rule of a listener without TLS does anything but redirect.",
        ids=("CKV_AWS_2", "ELB.1"),
        kinds=(LISTENER_RULE,),
        check=_plain_rule,
    ),
    ResourceRule(
        name="tls-is-modern",
        number=14,
        text="TLS is 1.2 or newer with forward secrecy.",
        ids=(
            "CKV_AWS_103",
            "CKV2_AWS_74",
            "aws-lb-listener-configure-secure-tls",
        ),
        kinds=(LISTENER,),
        check=_tls,
    ),
    ResourceRule(
        name="invalid-headers-are-dropped",
        number=15,
        text="Header fields that no standard allows are dropped.",
        ids=("CKV_AWS_131", "ELB.4"),
        kinds=(LOAD_BALANCER,),
        check=_headers,
    ),
    ResourceRule(
        name="desync-is-mitigated",
        number=16,
        text="Requests that two readers could understand differently are refused.",
        ids=("CKV_AWS_328", "ELB.12"),
        kinds=(LOAD_BALANCER,),
        check=_desync,
    ),
    ResourceRule(
        name="deletion-protection-is-on",
        number=17,
        text="The load balancer cannot be deleted in passing.",
        ids=("CKV_AWS_150", "ELB.6"),
        kinds=(LOAD_BALANCER,),
        check=_deletion,
    ),
    ResourceRule(
        name="requests-are-logged",
        number=18,
        text="The load balancer writes an access log.",
        ids=("CKV_AWS_91", "ELB.5"),
        kinds=(LOAD_BALANCER,),
        check=_access_log,
    ),
    StackRule(
        name="the-load-balancer-spans-zones",
        number=19,
        text="The load balancer is in two zones or more.",
        ids=("ELB.13",),
        kinds=(LOAD_BALANCER,),
        check=_zones,
    ),
    ResourceRule(
        name="targets-are-checked-for-readiness",
        number=21,
        text="A target group has a health check of its own, and it asks for readiness.",
        ids=("CKV_AWS_261",),
        kinds=(TARGET_GROUP,),
        check=_health_check,
    ),
    ResourceRule(
        name="targets-are-reached-by-tls",
        number=21,
        text="The way from the load balancer to the machines is encrypted.",
        ids=("CKV_AWS_378",),
        kinds=(TARGET_GROUP,),
        check=_encrypted,
    ),
    ResourceRule(
        name="weights-are-percent",
        number=21,
        text="The weights of the colours sum to 100.",
        ids=(OWN,),
        kinds=(LISTENER,),
        check=_shares,
    ),
    StackRule(
        name="both-colours-are-attached",
        number=21,
        text="Both target groups are in the listener at all times, the idle one with weight 0.",
        ids=(OWN,),
        kinds=(LISTENER,),
        check=_both_colours,
    ),
    ResourceRule(
        name="stickiness-is-said",
        number=21,
        text="Stickiness is set one way or the other, not left to a default.",
        ids=(OWN,),
        kinds=(LISTENER, TARGET_GROUP),
        check=_sticky,
    ),
    StackRule(
        name="deregistration-outlasts-the-drain",
        number=21,
        text="A leaving machine is waited for as long as its gateway drains.",
        ids=(OWN,),
        kinds=(TARGET_GROUP,),
        check=_drain,
    ),
    StackRule(
        name="idle-timeout-outlasts-the-ping",
        number=21,
        text="The load balancer waits longer than the gateway is silent.",
        ids=(OWN,),
        kinds=(LOAD_BALANCER,),
        check=_idle,
    ),
)
