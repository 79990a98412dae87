"""How properties 13 to 21 are lost: the load balancer and its web ACL."""

from typing import Final

from tests.infra.policies.breaking import (
    Case,
    add,
    case,
    drop,
    link,
    option,
    put,
    remove,
    unguarded,
    user_data,
)

_HTTPS: Final = "Listener https"
_HTTP: Final = "Listener http"
_BALANCER: Final = "LoadBalancer "
_TARGETS: Final = "TargetGroup blue"
_ACL: Final = "WebAcl "

ENTRANCE: Final[tuple[Case, ...]] = (
    case(
        "http-only-redirects",
        _HTTP,
        put(_HTTP, "defaultActions.0", {"type": "forward"}),
        stack="dev",
    ),
    case(
        "http-only-redirects",
        _HTTP,
        put(_HTTP, "defaultActions.0.redirect.protocol", "HTTP"),
        stack="dev",
        why="to HTTP",
    ),
    case("http-only-redirects", _HTTPS, put(_HTTPS, "protocol", "HTTP"), why="no TLS at all"),
    case(
        "http-has-no-other-rule",
        "ListenerRule direct-blue",
        link("ListenerRule direct-blue", "listenerArn", _HTTP),
        stack="dev",
    ),
    case("tls-is-modern", _HTTPS, put(_HTTPS, "sslPolicy", "ELBSecurityPolicy-2016-08")),
    case("tls-is-modern", _HTTPS, drop(_HTTPS, "sslPolicy"), why="left to the default"),
    case(
        "invalid-headers-are-dropped",
        _BALANCER,
        put(_BALANCER, "dropInvalidHeaderFields", False),
    ),
    case("desync-is-mitigated", _BALANCER, put(_BALANCER, "desyncMitigationMode", "monitor")),
    case(
        "deletion-protection-is-on",
        _BALANCER,
        put(_BALANCER, "enableDeletionProtection", False),
    ),
    *(
        case(
            "what-carries-traffic-is-protected",
            carrier,
            option(carrier, "protect", False),
            why=carrier,
        )
        for carrier in (_BALANCER, _HTTPS, _TARGETS, "Group green")
    ),
    case("destroy-takes-everything-or-nothing", _BALANCER, unguarded()),
    case(
        "destroy-takes-everything-or-nothing",
        _BALANCER,
        add("Vpc spare", "aws:ec2/vpc:Vpc"),
        why="something is not guarded",
    ),
    case("requests-are-logged", _BALANCER, put(_BALANCER, "accessLogs.enabled", False)),
    case("requests-are-logged", _BALANCER, drop(_BALANCER, "accessLogs"), why="left out"),
    case("the-load-balancer-spans-zones", _BALANCER, link(_BALANCER, "subnets", "Subnet public-0")),
    case(
        "the-load-balancer-spans-zones",
        _BALANCER,
        link(_BALANCER, "subnets"),
        put(_BALANCER, "subnets", ["subnet-1"]),
        why="in an adopted VPC",
    ),
    case("a-web-acl-stands-before-the-entrance", _BALANCER, remove("WebAclAssociation ")),
    case("the-web-acl-is-logged", _ACL, remove("WebAclLoggingConfiguration ")),
    case("the-web-acl-blocks-log4j", _ACL, drop(_ACL, "rules.2")),
    case(
        "the-web-acl-blocks-log4j",
        _ACL,
        put(_ACL, "rules.2.overrideAction", {"count": {}}),
        why="only counted",
    ),
    case(
        "the-web-acl-blocks-log4j",
        _ACL,
        put(
            _ACL,
            "rules.2.statement.managedRuleGroupStatement.ruleActionOverrides",
            [{"name": "Log4JRCE_HEADER", "actionToUse": {"count": {}}}],
        ),
        why="one of its rules only counted",
    ),
    case(
        "targets-are-checked-for-readiness",
        _TARGETS,
        put(_TARGETS, "healthCheck.enabled", False),
    ),
    case(
        "targets-are-checked-for-readiness",
        _TARGETS,
        drop(_TARGETS, "healthCheck.path"),
        why="at the default path",
    ),
    case(
        "targets-are-checked-for-readiness",
        _TARGETS,
        put(_TARGETS, "healthCheck.matcher", "200-499"),
        why="satisfied by refusals",
    ),
    case(
        "targets-are-reached-by-tls",
        _TARGETS,
        put(_TARGETS, "protocol", "HTTP"),
    ),
    case(
        "weights-are-percent",
        _HTTPS,
        put(_HTTPS, "defaultActions.0.forward.targetGroups.1.weight", 1),
    ),
    case(
        "both-colours-are-attached",
        _HTTPS,
        link(_HTTPS, "defaultActions", _TARGETS),
    ),
    case(
        "both-colours-are-attached",
        _HTTPS,
        remove("TargetGroup green"),
        link(_HTTPS, "defaultActions", _TARGETS),
        why="one colour alone",
    ),
    case("stickiness-is-said", _TARGETS, drop(_TARGETS, "stickiness.enabled")),
    case(
        "stickiness-is-said",
        _HTTPS,
        drop(_HTTPS, "defaultActions.0.forward.stickiness"),
        why="of the listener",
    ),
    case(
        "deregistration-outlasts-the-drain",
        _TARGETS,
        put(_TARGETS, "deregistrationDelay", 299),
    ),
    case(
        "deregistration-outlasts-the-drain",
        _TARGETS,
        user_data("LaunchTemplate blue", "APP_DRAIN_TIMEOUT_S", "APP_OTHER"),
        why="drain unknown",
    ),
    case(
        "deregistration-outlasts-the-drain",
        "TargetGroup spare",
        add("TargetGroup spare", "aws:lb/targetGroup:TargetGroup", deregistrationDelay=300),
        why="no machines known",
    ),
    case("idle-timeout-outlasts-the-ping", _BALANCER, put(_BALANCER, "idleTimeout", 20)),
)
