"""Changes of auto scaling groups."""

from collections.abc import Mapping
from typing import Any

from ops.offline.provider.api import RefusedCallError
from ops.offline.provider.handlers.auto_scaling import RENAMES
from ops.offline.provider.lifecycle.existing import Existing
from ops.offline.provider.lifecycle.updates.registry import difference, request_of, updates

_GROUP = "aws:autoscaling/group:Group"

_TEMPLATE = ("launchTemplate", "mixedInstancesPolicy")

_RESET: Mapping[str, Any] = {
    "capacityRebalance": False,
    "defaultCooldown": 300,
    "defaultInstanceWarmup": -1,
    "healthCheckGracePeriod": 300,
    "healthCheckType": "EC2",
    "instanceMaintenancePolicy": {"minHealthyPercentage": -1, "maxHealthyPercentage": -1},
    "maxInstanceLifetime": 0,
    "protectFromScaleIn": False,
    "terminationPolicies": ["Default"],
}
"""What takes a setting back (UpdateAutoScalingGroup; -1 clears)."""

_SETTINGS = (
    *_RESET,
    *_TEMPLATE,
    "availabilityZones",
    "desiredCapacity",
    "maxSize",
    "minSize",
    "serviceLinkedRoleArn",
    "vpcZoneIdentifiers",
)


@updates(_GROUP, *_SETTINGS)
def _group(existing: Existing, inputs: Mapping[str, Any]) -> dict[str, Any]:
    wanted = {
        key: inputs.get(key, _RESET.get(key))
        for key in _SETTINGS
        if inputs.get(key) != existing.inputs.get(key)
    }
    subnets = wanted.pop("vpcZoneIdentifiers", None)
    if subnets:
        wanted["vpcZoneIdentifier"] = ",".join(subnets)
    request = request_of(existing, wanted)
    parameters = request.parameters("autoscaling", "update_auto_scaling_group", RENAMES)
    existing.call(
        "autoscaling",
        "update_auto_scaling_group",
        AutoScalingGroupName=existing.id,
        **parameters,
    )
    if any(inputs.get(key) != existing.inputs.get(key) for key in _TEMPLATE):
        _refresh(existing, inputs.get("instanceRefresh"))
    found = existing.call(
        "autoscaling", "describe_auto_scaling_groups", AutoScalingGroupNames=[existing.id]
    )["AutoScalingGroups"][0]
    return {"desiredCapacity": found["DesiredCapacity"]}


def _refresh(existing: Existing, refresh: Mapping[str, Any] | None) -> None:
    """Have the machines replaced by such as the new template starts, where the program says so."""
    if not refresh:
        return
    request = request_of(existing, {key: refresh[key] for key in refresh if key != "triggers"})
    parameters = request.parameters("autoscaling", "start_instance_refresh")
    named = {"AutoScalingGroupName": existing.id}
    try:
        existing.call("autoscaling", "start_instance_refresh", **named, **parameters)
    except RefusedCallError as error:
        if error.code != "InstanceRefreshInProgress":
            raise
        # One that leads to a template that is no longer wanted gives way.
        existing.call("autoscaling", "cancel_instance_refresh", **named)
        existing.call("autoscaling", "start_instance_refresh", **named, **parameters)


@updates(_GROUP, "enabledMetrics", "metricsGranularity")
def _metrics(existing: Existing, inputs: Mapping[str, Any]) -> None:
    added, removed = difference(existing.inputs.get("enabledMetrics"), inputs.get("enabledMetrics"))
    named = {"AutoScalingGroupName": existing.id}
    if removed:
        existing.call("autoscaling", "disable_metrics_collection", Metrics=removed, **named)
    if added:
        existing.call(
            "autoscaling",
            "enable_metrics_collection",
            Granularity=inputs.get("metricsGranularity", "1Minute"),
            Metrics=added,
            **named,
        )


@updates(_GROUP, "suspendedProcesses")
def _processes(existing: Existing, inputs: Mapping[str, Any]) -> None:
    added, removed = difference(
        existing.inputs.get("suspendedProcesses"), inputs.get("suspendedProcesses")
    )
    for operation, processes in (("resume_processes", removed), ("suspend_processes", added)):
        if processes:
            existing.call(
                "autoscaling",
                operation,
                AutoScalingGroupName=existing.id,
                ScalingProcesses=processes,
            )


@updates(_GROUP, "targetGroupArns")
def _target_groups(existing: Existing, inputs: Mapping[str, Any]) -> None:
    added, removed = difference(
        existing.inputs.get("targetGroupArns"), inputs.get("targetGroupArns")
    )
    for operation, arns in (
        ("attach_load_balancer_target_groups", added),
        ("detach_load_balancer_target_groups", removed),
    ):
        if arns:
            existing.call(
                "autoscaling", operation, AutoScalingGroupName=existing.id, TargetGroupARNs=arns
            )


@updates(_GROUP, "tags")
def _tags(existing: Existing, inputs: Mapping[str, Any]) -> None:
    """Change the tags of a group, which say of each whether its machines bear it too."""
    wanted = {tag["key"]: tag for tag in inputs.get("tags") or ()}
    of = {"ResourceId": existing.id, "ResourceType": "auto-scaling-group"}
    gone = [tag["key"] for tag in existing.inputs.get("tags") or () if tag["key"] not in wanted]
    if gone:
        existing.call("autoscaling", "delete_tags", Tags=[{**of, "Key": key} for key in gone])
    if wanted:
        tags = [
            {
                **of,
                "Key": key,
                "Value": str(tag["value"]),
                "PropagateAtLaunch": bool(tag["propagateAtLaunch"]),
            }
            for key, tag in wanted.items()
        ]
        existing.call("autoscaling", "create_or_update_tags", Tags=tags)
