"""Load balancers, target groups, listeners, listener rules."""

from collections.abc import Mapping
from typing import Any

from ops.offline.errors import OfflineError
from ops.offline.provider.create_request import CreateRequest, CreateResult, handles
from ops.offline.provider.rows import Row, add

_NAME_LIMIT = 32
"""ELB's limit on names of load balancers and target groups; botocore's model lacks it."""

BALANCER_ATTRIBUTES: Mapping[str, str] = {
    "clientKeepAlive": "client_keep_alive.seconds",
    "desyncMitigationMode": "routing.http.desync_mitigation_mode",
    "dropInvalidHeaderFields": "routing.http.drop_invalid_header_fields.enabled",
    "enableCrossZoneLoadBalancing": "load_balancing.cross_zone.enabled",
    "enableDeletionProtection": "deletion_protection.enabled",
    "enableHttp2": "routing.http2.enabled",
    "enableTlsVersionAndCipherSuiteHeaders": (
        "routing.http.x_amzn_tls_version_and_cipher_suite.enabled"
    ),
    "enableWafFailOpen": "waf.fail_open.enabled",
    "enableXffClientPort": "routing.http.xff_client_port.enabled",
    "enableZonalShift": "zonal_shift.config.enabled",
    "idleTimeout": "idle_timeout.timeout_seconds",
    "preserveHostHeader": "routing.http.preserve_host_header.enabled",
    "xffHeaderProcessingMode": "routing.http.xff_header_processing.mode",
}
"""Input -> attribute (Elastic Load Balancing API reference, LoadBalancerAttribute)."""

LOGS: Mapping[str, str] = {"accessLogs": "access_logs", "connectionLogs": "connection_logs"}

TARGET_ATTRIBUTES: Mapping[str, str] = {
    "connectionTermination": "deregistration_delay.connection_termination.enabled",
    "deregistrationDelay": "deregistration_delay.timeout_seconds",
    "loadBalancingAlgorithmType": "load_balancing.algorithm.type",
    "loadBalancingAnomalyMitigation": "load_balancing.algorithm.anomaly_mitigation",
    "loadBalancingCrossZoneEnabled": "load_balancing.cross_zone.enabled",
    "preserveClientIp": "preserve_client_ip.enabled",
    "slowStart": "slow_start.duration_seconds",
}
"""Input -> attribute (Elastic Load Balancing API reference, TargetGroupAttribute)."""

HEALTH: Mapping[str, str] = {
    "enabled": "HealthCheckEnabled",
    "healthyThreshold": "HealthyThresholdCount",
    "interval": "HealthCheckIntervalSeconds",
    "matcher": "Matcher.HttpCode",
    "path": "HealthCheckPath",
    "port": "HealthCheckPort",
    "protocol": "HealthCheckProtocol",
    "timeout": "HealthCheckTimeoutSeconds",
    "unhealthyThreshold": "UnhealthyThresholdCount",
}

ACTIONS: Mapping[str, str] = {
    "forward": "ForwardConfig",
    "forward.stickiness": "TargetGroupStickinessConfig",
    "forward.stickiness.duration": "DurationSeconds",
    "fixedResponse": "FixedResponseConfig",
    "redirect": "RedirectConfig",
}

CONDITIONS: Mapping[str, str] = {
    "hostHeader": "host-header",
    "httpHeader": "http-header",
    "httpRequestMethod": "http-request-method",
    "pathPattern": "path-pattern",
    "queryStrings": "query-string",
    "sourceIp": "source-ip",
}
"""A condition's block -> its field in the API."""


@handles("aws:lb/loadBalancer:LoadBalancer")
def _load_balancer(request: CreateRequest) -> CreateResult:
    name = request.physical_name(longest=_NAME_LIMIT)
    settings = attributes(request, BALANCER_ATTRIBUTES)
    for key, prefix in LOGS.items():
        settings += log_attributes(request.take(key), prefix)
    if "internal" in request.inputs:
        request.inputs["scheme"] = "internal" if request.take("internal") else "internet-facing"
    parameters = request.parameters(
        "elbv2", "create_load_balancer", {"loadBalancerType": "Type", "subnets": "Subnets"}
    )
    answer = request.call("elbv2", "create_load_balancer", **parameters)["LoadBalancers"][0]
    arn = answer["LoadBalancerArn"]
    if settings:
        request.call(
            "elbv2", "modify_load_balancer_attributes", LoadBalancerArn=arn, Attributes=settings
        )
    return CreateResult(
        id=arn,
        outputs={
            "arn": arn,
            "arnSuffix": arn.partition(":loadbalancer/")[2],
            "name": name,
            "dnsName": answer["DNSName"],
            "zoneId": answer["CanonicalHostedZoneId"],
            "vpcId": answer["VpcId"],
            "loadBalancerType": answer["Type"],
            "ipAddressType": answer.get("IpAddressType", "ipv4"),
        },
    )


@handles("aws:lb/targetGroup:TargetGroup")
def _target_group(request: CreateRequest) -> CreateResult:
    name = request.physical_name(longest=_NAME_LIMIT)
    settings = attributes(request, TARGET_ATTRIBUTES)
    settings += stickiness(request.take("stickiness"))
    renames = {"targetType": "TargetType", "protocol": "Protocol", "port": "Port"}
    renames |= place_health_check(request)
    parameters = request.parameters("elbv2", "create_target_group", renames)
    arn = request.call("elbv2", "create_target_group", **parameters)["TargetGroups"][0][
        "TargetGroupArn"
    ]
    if settings:
        request.call(
            "elbv2", "modify_target_group_attributes", TargetGroupArn=arn, Attributes=settings
        )
    return CreateResult(
        id=arn,
        outputs={"arn": arn, "arnSuffix": arn.rpartition(":")[2], "name": name},
    )


def place_health_check(request: CreateRequest) -> dict[str, str]:
    """Put each part of the health check among the inputs; return the parameters of each."""
    renames = {}
    for key, value in request.take("healthCheck", {}).items():
        if key not in HEALTH:
            raise OfflineError(f"healthCheck.{key}: accepted: {', '.join(sorted(HEALTH))}")
        request.inputs[f"healthCheck:{key}"] = value
        renames[f"healthCheck:{key}"] = HEALTH[key]
    return renames


@handles("aws:lb/listener:Listener")
def _listener(request: CreateRequest) -> CreateResult:
    if request.inputs.get("certificateArn"):
        request.inputs["certificates"] = [{"certificateArn": request.take("certificateArn")}]
    renames = {f"defaultActions.{key}": value for key, value in ACTIONS.items()}
    parameters = request.parameters("elbv2", "create_listener", renames)
    arn = request.call("elbv2", "create_listener", **parameters)["Listeners"][0]["ListenerArn"]
    return CreateResult(id=arn, outputs={"arn": arn})


@handles("aws:lb/listenerRule:ListenerRule")
def _listener_rule(request: CreateRequest) -> CreateResult:
    if "priority" not in request.inputs:
        raise OfflineError("priority: required here; the provider would take the next free one")
    conditions = [condition(block) for block in request.take("conditions", [])]
    renames = {f"actions.{key}": value for key, value in ACTIONS.items()}
    parameters = request.parameters("elbv2", "create_rule", renames)
    parameters["Conditions"] = conditions
    arn = request.call("elbv2", "create_rule", **parameters)["Rules"][0]["RuleArn"]
    return CreateResult(id=arn, outputs={"arn": arn})


def condition(block: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule's condition as the API takes it."""
    kinds = [key for key, value in block.items() if value]
    if len(kinds) != 1 or kinds[0] not in CONDITIONS:
        raise OfflineError(f"conditions: {kinds}; exactly one of {', '.join(CONDITIONS)} each")
    kind = kinds[0]
    value = block[kind]
    if kind == "queryStrings":
        pairs = [{"Key": pair.get("key"), "Value": pair["value"]} for pair in value]
        return {"Field": CONDITIONS[kind], "QueryStringConfig": {"Values": pairs}}
    config = {key[0].upper() + key[1:]: item for key, item in value.items()}
    return {"Field": CONDITIONS[kind], f"{kind[0].upper()}{kind[1:]}Config": config}


def attributes(request: CreateRequest, names: Mapping[str, str]) -> list[dict[str, str]]:
    """Use up the inputs that are attributes, and return those."""
    return [
        {"Key": name, "Value": _text(request.take(key))}
        for key, name in names.items()
        if key in request.inputs
    ]


def log_attributes(block: Mapping[str, Any] | None, prefix: str) -> list[dict[str, str]]:
    """Return a log's block as attributes."""
    if not block:
        return []
    names = {"bucket": "s3.bucket", "prefix": "s3.prefix", "enabled": "s3.enabled"}
    # The provider reads a block without `enabled` as a log that is off.
    values = {"enabled": False, **block}
    return [
        {"Key": f"{prefix}.{name}", "Value": _text(values[key])}
        for key, name in names.items()
        if values.get(key) is not None
    ]


def stickiness(block: Mapping[str, Any] | None) -> list[dict[str, str]]:
    """Return the block of a target group's stickiness as attributes."""
    if not block:
        return []
    found = {"stickiness.enabled": block.get("enabled", True), "stickiness.type": block["type"]}
    if "cookieDuration" in block:
        found["stickiness.lb_cookie.duration_seconds"] = block["cookieDuration"]
    if "cookieName" in block:
        found["stickiness.app_cookie.cookie_name"] = block["cookieName"]
    return [{"Key": key, "Value": _text(value)} for key, value in found.items()]


def _text(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


add(
    {
        "aws:lb/listenerCertificate:ListenerCertificate": Row(
            service="elbv2",
            operation="add_listener_certificates",
            id="={listenerArn}_{certificateArn}",
            renames={"certificateArn": "Certificates.CertificateArn"},
        ),
    }
)
