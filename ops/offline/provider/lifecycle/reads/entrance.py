"""Reads load balancers, target groups, listeners, rules, certificates and DNS names."""

import json
from collections.abc import Mapping
from typing import Any

from ops.offline.provider.handlers.load_balancing import (
    ACTIONS,
    BALANCER_ATTRIBUTES,
    CONDITIONS,
    HEALTH,
    LOGS,
    TARGET_ATTRIBUTES,
)
from ops.offline.provider.lifecycle.alignment import ANY
from ops.offline.provider.lifecycle.deletes.compute import find_record
from ops.offline.provider.lifecycle.existing import Existing
from ops.offline.provider.lifecycle.live import Live, Reading, walk
from ops.offline.provider.lifecycle.reads.registry import add


def _attributes(
    existing: Existing, operation: str, parameter: str, names: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the attributes by input, and all of them by their own names."""
    answer = existing.call("elbv2", operation, **{parameter: existing.id})
    held = {entry["Key"]: entry["Value"] for entry in answer["Attributes"]}
    return {key: _typed(held[name]) for key, name in names.items() if name in held}, held


def _typed(value: str) -> Any:  # noqa: ANN401 - attributes are texts of anything
    if value in {"true", "false"}:
        return value == "true"
    return int(value) if value.isdigit() else value


def _balancer(existing: Existing, found: Mapping[str, Any]) -> dict[str, Any]:
    told, held = _attributes(
        existing,
        "describe_load_balancer_attributes",
        "LoadBalancerArn",
        BALANCER_ATTRIBUTES,
    )
    for key, prefix in LOGS.items():
        on = held.get(f"{prefix}.s3.enabled") == "true"
        if on or key in existing.inputs:
            log = {"bucket": held.get(f"{prefix}.s3.bucket", ""), "enabled": on}
            log["prefix"] = held.get(f"{prefix}.s3.prefix") or None
            told[key] = {name: value for name, value in log.items() if value is not None}
    return {
        **told,
        "internal": found.get("Scheme") == "internal",
        "subnets": [zone["SubnetId"] for zone in found["AvailabilityZones"]],
    }


def _target_group(existing: Existing, found: Mapping[str, Any]) -> dict[str, Any]:
    told, held = _attributes(
        existing,
        "describe_target_group_attributes",
        "TargetGroupArn",
        TARGET_ATTRIBUTES,
    )
    health = {key: walk(found, name) for key, name in HEALTH.items()}
    stickiness: dict[str, Any] = {
        "enabled": held.get("stickiness.enabled") == "true",
        "type": held.get("stickiness.type", "lb_cookie"),
    }
    if "stickiness.lb_cookie.duration_seconds" in held:
        stickiness["cookieDuration"] = int(held["stickiness.lb_cookie.duration_seconds"])
    return {
        **told,
        "healthCheck": {key: value for key, value in health.items() if value is not None},
        "stickiness": stickiness,
    }


def _conditions(existing: Existing, found: Mapping[str, Any]) -> dict[str, Any]:
    blocks = {field: key for key, field in CONDITIONS.items()}
    told: list[dict[str, Any]] = []
    for condition in found["Conditions"]:
        key = blocks[condition["Field"]]
        config = condition.get(f"{key[0].upper()}{key[1:]}Config")
        if key == "queryStrings":
            pairs = condition["QueryStringConfig"]["Values"]
            told.append({key: [{name.lower(): pair[name] for name in pair} for pair in pairs]})
        elif config is None:
            told.append({key: {"values": condition.get("Values", [])}})
        else:
            told.append({key: {name[0].lower() + name[1:]: config[name] for name in config}})
    return {"conditions": told, "listenerArn": existing.get("listenerArn")}


def _certificate_of_listener(existing: Existing) -> Live | None:
    answer = existing.ask(
        "elbv2", "describe_listener_certificates", ListenerArn=existing.get("listenerArn")
    )
    held = {entry["CertificateArn"] for entry in answer["Certificates"]} if answer else set()
    if existing.get("certificateArn") not in held:
        return None
    return Live(inputs=existing.inputs, outputs=existing.outputs)


def _certificate(existing: Existing, found: Mapping[str, Any]) -> dict[str, Any]:
    others = list(found.get("SubjectAlternativeNames", ()))
    proofs = found.get("DomainValidationOptions", ())
    alone = others == [found["DomainName"]] and "subjectAlternativeNames" not in existing.inputs
    return {
        "subjectAlternativeNames": None if alone else others,
        "validationMethod": proofs[0].get("ValidationMethod") if proofs else None,
    }


def _validation(existing: Existing) -> Live | None:
    """Return what was given for as long as the certificate is issued."""
    arn = existing.get("certificateArn")
    answer = existing.ask("acm", "describe_certificate", CertificateArn=arn)
    if answer is None or answer["Certificate"]["Status"] != "ISSUED":
        return None
    return Live(inputs=existing.inputs, outputs=existing.outputs)


def _record(existing: Existing) -> Live | None:
    entry = find_record(existing)
    return None if entry is None else _RECORD.live(existing, _record_inputs(existing, entry))


def _record_inputs(existing: Existing, entry: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "zoneId": existing.get("zoneId"),
        "name": existing.get("name"),
        "type": entry["Type"],
        "ttl": entry.get("TTL"),
        "setIdentifier": entry.get("SetIdentifier"),
        "healthCheckId": entry.get("HealthCheckId"),
    }
    alias = entry.get("AliasTarget")
    if alias:
        told["aliases"] = [
            {
                "name": alias["DNSName"],
                "zoneId": alias["HostedZoneId"],
                "evaluateTargetHealth": alias["EvaluateTargetHealth"],
            }
        ]
    values = [record["Value"] for record in entry.get("ResourceRecords") or ()]
    if values:
        quoted = entry["Type"] in {"TXT", "SPF"}
        told["records"] = [json.loads(value) if quoted else value for value in values]
    return told


_RECORD = Reading(
    service="route53",
    operation="list_resource_record_sets",
    parameters={"HostedZoneId": "{zoneId}"},
    untold=("allowOverwrite",),
)

add(
    {
        "aws:lb/loadBalancer:LoadBalancer": Reading(
            service="elbv2",
            operation="describe_load_balancers",
            parameters={"LoadBalancerArns": ["{id}"]},
            at="LoadBalancers.0",
            renames={"name": "LoadBalancerName", "loadBalancerType": "Type"},
            untold=("subnetMappings",),
            defaults={
                "clientKeepAlive": 3600,
                "desyncMitigationMode": "defensive",
                "enableHttp2": True,
                "idleTimeout": 60,
                "ipAddressType": "ipv4",
                "loadBalancerType": "application",
                "xffHeaderProcessingMode": "append",
            },
            more=_balancer,
        ),
        "aws:lb/targetGroup:TargetGroup": Reading(
            service="elbv2",
            operation="describe_target_groups",
            parameters={"TargetGroupArns": ["{id}"]},
            at="TargetGroups.0",
            renames={"name": "TargetGroupName"},
            untold=("targetFailovers", "targetGroupHealth", "targetHealthStates"),
            defaults={
                "deregistrationDelay": 300,
                "healthCheck": ANY,
                "healthCheck.port": "traffic-port",
                "ipAddressType": "ipv4",
                "loadBalancingAlgorithmType": "round_robin",
                "loadBalancingAnomalyMitigation": "off",
                "loadBalancingCrossZoneEnabled": "use_load_balancer_configuration",
                "protocolVersion": "HTTP1",
                "slowStart": 0,
                "stickiness": ANY,
                "stickiness.cookieDuration": 86400,
                "targetType": "instance",
            },
            more=_target_group,
        ),
        "aws:lb/listener:Listener": Reading(
            service="elbv2",
            operation="describe_listeners",
            parameters={"ListenerArns": ["{id}"]},
            at="Listeners.0",
            renames={
                **{f"defaultActions.{key}": name for key, name in ACTIONS.items()},
                "certificateArn": "Certificates.CertificateArn",
            },
            defaults={
                "defaultActions.forward": ANY,
                "defaultActions.forward.stickiness": ANY,
                "defaultActions.order": ANY,
                "defaultActions.redirect.host": "#{host}",
                "defaultActions.redirect.path": "/#{path}",
                "defaultActions.redirect.query": "#{query}",
                "defaultActions.targetGroupArn": ANY,
                "sslPolicy": ANY,
            },
        ),
        "aws:lb/listenerRule:ListenerRule": Reading(
            service="elbv2",
            operation="describe_rules",
            parameters={"RuleArns": ["{id}"]},
            at="Rules.0",
            renames={f"actions.{key}": name for key, name in ACTIONS.items()},
            defaults={
                "actions.forward": ANY,
                "actions.forward.stickiness": ANY,
                "actions.order": ANY,
                "actions.targetGroupArn": ANY,
            },
            more=_conditions,
        ),
        "aws:lb/listenerCertificate:ListenerCertificate": _certificate_of_listener,
        "aws:acm/certificate:Certificate": Reading(
            service="acm",
            operation="describe_certificate",
            parameters={"CertificateArn": "{id}"},
            at="Certificate",
            # moto takes every key for one of RSA.
            untold=(
                "certificateBody",
                "certificateChain",
                "earlyRenewalDuration",
                "keyAlgorithm",
                "privateKey",
            ),
            defaults={"options": ANY, "options.export": "DISABLED", "validationOptions": ANY},
            more=_certificate,
        ),
        "aws:acm/certificateValidation:CertificateValidation": _validation,
        "aws:route53/record:Record": _record,
        "aws:route53/zone:Zone": Reading(
            service="route53",
            operation="get_hosted_zone",
            parameters={"Id": "{id}"},
            at="HostedZone",
            renames={"comment": "Config.Comment"},
            untold=("delegationSetId", "forceDestroy", "vpcs"),
            defaults={"comment": "Managed by Pulumi"},
            more=lambda _existing, found: {"name": found["Name"].rstrip(".")},
        ),
    }
)
