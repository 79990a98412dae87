"""Reads auto scaling groups and what moves them."""

from collections.abc import Mapping
from typing import Any

from ops.offline.provider.handlers.auto_scaling import POLICY_RENAMES
from ops.offline.provider.lifecycle.alignment import ANY
from ops.offline.provider.lifecycle.existing import Existing
from ops.offline.provider.lifecycle.live import Reading
from ops.offline.provider.lifecycle.reads.registry import add
from ops.offline.provider.lifecycle.steering import STEERING

_GROUP = "aws:autoscaling/group:Group"

_NO_SIZE = -1
"""What the provider has for a size that a schedule leaves as it is."""


def _group(_existing: Existing, found: Mapping[str, Any]) -> dict[str, Any]:
    metrics = found.get("EnabledMetrics", ())
    subnets = found.get("VPCZoneIdentifier") or ""
    processes = [process["ProcessName"] for process in found.get("SuspendedProcesses", ())]
    return {
        "enabledMetrics": [metric["Metric"] for metric in metrics] or None,
        "metricsGranularity": metrics[0]["Granularity"] if metrics else None,
        "suspendedProcesses": processes or None,
        "vpcZoneIdentifiers": subnets.split(",") if subnets else None,
        "tags": [
            {
                "key": tag["Key"],
                "value": tag["Value"],
                "propagateAtLaunch": tag["PropagateAtLaunch"],
            }
            for tag in found.get("Tags", ())
        ],
    }


def _sizes(_existing: Existing, found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: found.get(name, _NO_SIZE)
        for key, name in (
            ("desiredCapacity", "DesiredCapacity"),
            ("maxSize", "MaxSize"),
            ("minSize", "MinSize"),
        )
    }


add(
    {
        _GROUP: Reading(
            service="autoscaling",
            operation="describe_auto_scaling_groups",
            parameters={"AutoScalingGroupNames": ["{id}"]},
            at="AutoScalingGroups.0",
            renames={
                "name": "AutoScalingGroupName",
                "protectFromScaleIn": "NewInstancesProtectedFromScaleIn",
                "launchTemplate.id": "LaunchTemplateId",
                "launchTemplate.name": "LaunchTemplateName",
                "loadBalancers": "LoadBalancerNames",
            },
            # Hooks are resources of their own; these are those of a new group.
            untold=(*STEERING[_GROUP], "initialLifecycleHooks", "trafficSources"),
            defaults={
                "availabilityZones": ANY,
                "defaultCooldown": 300,
                "desiredCapacity": ANY,
                "healthCheckGracePeriod": 300,
                "healthCheckType": "EC2",
                "launchTemplate.name": ANY,
                "mixedInstancesPolicy.instancesDistribution.onDemandAllocationStrategy": ANY,
                "mixedInstancesPolicy.instancesDistribution.onDemandBaseCapacity": 0,
                "mixedInstancesPolicy.instancesDistribution"
                ".onDemandPercentageAboveBaseCapacity": 100,
                "mixedInstancesPolicy.instancesDistribution.spotAllocationStrategy": ANY,
                "mixedInstancesPolicy.instancesDistribution.spotInstancePools": ANY,
                "mixedInstancesPolicy.launchTemplate.launchTemplateSpecification"
                ".launchTemplateName": ANY,
                "serviceLinkedRoleArn": ANY,
                "terminationPolicies": ["Default"],
            },
            more=_group,
        ),
        "aws:autoscaling/lifecycleHook:LifecycleHook": Reading(
            service="autoscaling",
            operation="describe_lifecycle_hooks",
            parameters={
                "AutoScalingGroupName": "{autoscalingGroupName}",
                "LifecycleHookNames": ["{id}"],
            },
            at="LifecycleHooks.0",
            renames={"name": "LifecycleHookName"},
            # moto makes up a topic and a role for hooks that have none.
            defaults={
                "defaultResult": "ABANDON",
                "heartbeatTimeout": 3600,
                "notificationTargetArn": ANY,
                "roleArn": ANY,
            },
        ),
        "aws:autoscaling/policy:Policy": Reading(
            service="autoscaling",
            operation="describe_policies",
            parameters={
                "AutoScalingGroupName": "{autoscalingGroupName}",
                "PolicyNames": ["{id}"],
            },
            at="ScalingPolicies.0",
            renames=POLICY_RENAMES,
            defaults={
                "enabled": True,
                "metricAggregationType": "Average",
                "predictiveScalingConfiguration": {},
            },
        ),
        "aws:autoscaling/schedule:Schedule": Reading(
            service="autoscaling",
            operation="describe_scheduled_actions",
            parameters={
                "AutoScalingGroupName": "{autoscalingGroupName}",
                "ScheduledActionNames": ["{id}"],
            },
            at="ScheduledUpdateGroupActions.0",
            more=_sizes,
            defaults={
                "desiredCapacity": _NO_SIZE,
                "endTime": ANY,
                "maxSize": _NO_SIZE,
                "minSize": _NO_SIZE,
                "startTime": ANY,
            },
        ),
    }
)
