"""Changes of load balancers, target groups, listeners, rules and DNS names."""

from collections.abc import Mapping
from typing import Any

from ops.offline.provider.handlers import load_balancing as balancing
from ops.offline.provider.handlers.certificates import record_entry
from ops.offline.provider.lifecycle.deletes.compute import find_record
from ops.offline.provider.lifecycle.existing import Existing
from ops.offline.provider.lifecycle.updates.registry import request_of, updates

_BALANCER = "aws:lb/loadBalancer:LoadBalancer"
_TARGET_GROUP = "aws:lb/targetGroup:TargetGroup"
_RULE = "aws:lb/listenerRule:ListenerRule"
_OF_A_LISTENER = ("alpnPolicy", "certificateArn", "defaultActions", "port", "protocol", "sslPolicy")
_OF_A_RECORD = ("aliases", "healthCheckId", "records", "setIdentifier", "ttl", "type")


@updates(_BALANCER, *balancing.BALANCER_ATTRIBUTES, *balancing.LOGS)
def _balancer_attributes(existing: Existing, inputs: Mapping[str, Any]) -> None:
    request = request_of(existing, inputs)
    attributes = balancing.attributes(request, balancing.BALANCER_ATTRIBUTES)
    for key, prefix in balancing.LOGS.items():
        attributes += balancing.log_attributes(request.take(key), prefix)
        if key in existing.inputs and key not in inputs:
            attributes.append({"Key": f"{prefix}.s3.enabled", "Value": "false"})
    existing.call(
        "elbv2",
        "modify_load_balancer_attributes",
        LoadBalancerArn=existing.id,
        Attributes=attributes,
    )


@updates(_BALANCER, "securityGroups")
def _security_groups(existing: Existing, inputs: Mapping[str, Any]) -> None:
    existing.call(
        "elbv2",
        "set_security_groups",
        LoadBalancerArn=existing.id,
        SecurityGroups=inputs["securityGroups"],
    )


@updates(_BALANCER, "subnets")
def _subnets(existing: Existing, inputs: Mapping[str, Any]) -> None:
    existing.call("elbv2", "set_subnets", LoadBalancerArn=existing.id, Subnets=inputs["subnets"])


@updates(_BALANCER, "ipAddressType")
def _address_type(existing: Existing, inputs: Mapping[str, Any]) -> None:
    existing.call(
        "elbv2",
        "set_ip_address_type",
        LoadBalancerArn=existing.id,
        IpAddressType=inputs.get("ipAddressType", "ipv4"),
    )


@updates(_TARGET_GROUP, "healthCheck")
def _health_check(existing: Existing, inputs: Mapping[str, Any]) -> None:
    request = request_of(existing, {"healthCheck": inputs.get("healthCheck") or {}})
    renames = balancing.place_health_check(request)
    existing.call(
        "elbv2",
        "modify_target_group",
        TargetGroupArn=existing.id,
        **request.parameters("elbv2", "modify_target_group", renames),
    )


@updates(_TARGET_GROUP, *balancing.TARGET_ATTRIBUTES, "stickiness")
def _target_attributes(existing: Existing, inputs: Mapping[str, Any]) -> None:
    request = request_of(existing, inputs)
    attributes = balancing.attributes(request, balancing.TARGET_ATTRIBUTES)
    attributes += balancing.stickiness(request.take("stickiness"))
    existing.call(
        "elbv2",
        "modify_target_group_attributes",
        TargetGroupArn=existing.id,
        Attributes=attributes,
    )


@updates("aws:lb/listener:Listener", *_OF_A_LISTENER)
def _listener(existing: Existing, inputs: Mapping[str, Any]) -> None:
    request = request_of(existing, {key: inputs.get(key) for key in _OF_A_LISTENER})
    if request.inputs.get("certificateArn"):
        request.inputs["certificates"] = [{"certificateArn": request.take("certificateArn")}]
    renames = {f"defaultActions.{key}": value for key, value in balancing.ACTIONS.items()}
    existing.call(
        "elbv2",
        "modify_listener",
        ListenerArn=existing.id,
        **request.parameters("elbv2", "modify_listener", renames),
    )


@updates(_RULE, "actions", "conditions")
def _rule(existing: Existing, inputs: Mapping[str, Any]) -> None:
    request = request_of(existing, {"actions": inputs["actions"]})
    renames = {f"actions.{key}": value for key, value in balancing.ACTIONS.items()}
    parameters = request.parameters("elbv2", "modify_rule", renames)
    parameters["Conditions"] = [balancing.condition(one) for one in inputs["conditions"]]
    existing.call("elbv2", "modify_rule", RuleArn=existing.id, **parameters)


@updates(_RULE, "priority")
def _priority(existing: Existing, inputs: Mapping[str, Any]) -> None:
    existing.call(
        "elbv2",
        "set_rule_priorities",
        RulePriorities=[{"RuleArn": existing.id, "Priority": int(inputs["priority"])}],
    )


@updates("aws:route53/record:Record", *_OF_A_RECORD)
def _record(existing: Existing, inputs: Mapping[str, Any]) -> None:
    """Put the new entry in the old one's place; of another type, it takes the old one away."""
    entry = record_entry(request_of(existing, inputs))
    changes = [{"Action": "UPSERT", "ResourceRecordSet": entry}]
    held = find_record(existing)
    identity = ("type", "setIdentifier")
    if held and any(inputs.get(key) != existing.inputs.get(key) for key in identity):
        changes.insert(0, {"Action": "DELETE", "ResourceRecordSet": held})
    existing.call(
        "route53",
        "change_resource_record_sets",
        HostedZoneId=inputs["zoneId"],
        ChangeBatch={"Changes": changes},
    )


@updates("aws:route53/zone:Zone", "comment")
def _zone(existing: Existing, inputs: Mapping[str, Any]) -> None:
    existing.call(
        "route53",
        "update_hosted_zone_comment",
        Id=existing.id,
        Comment=inputs.get("comment", ""),
    )
