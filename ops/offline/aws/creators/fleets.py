"""Auto scaling groups and what moves them."""

from ops.offline.aws.making import Created, Making, creates
from ops.offline.aws.rows import Row, add

_PROVIDER_WAITS = (
    "forceDelete",
    "forceDeleteWarmPool",
    "ignoreFailedScalingActivities",
    "minElbCapacity",
    "waitForCapacityTimeout",
    "waitForElbCapacity",
)

_TEMPLATE = {"id": "LaunchTemplateId", "name": "LaunchTemplateName"}

_RENAMES = {
    "name": "AutoScalingGroupName",
    "initialLifecycleHooks": "LifecycleHookSpecificationList",
    "initialLifecycleHooks.name": "LifecycleHookName",
    "protectFromScaleIn": "NewInstancesProtectedFromScaleIn",
    **{f"launchTemplate.{key}": name for key, name in _TEMPLATE.items()},
}


@creates("aws:autoscaling/group:Group")
def _group(making: Making) -> Created:
    name = making.physical_name()
    making.ignore(*_PROVIDER_WAITS)
    # What a change of the group does to its machines; a group that is new has none.
    making.ignore("instanceRefresh")
    suspended = making.take("suspendedProcesses", [])
    metrics = making.take("enabledMetrics", [])
    granularity = making.take("metricsGranularity", "1Minute")
    subnets = making.take("vpcZoneIdentifiers", [])
    if subnets:
        making.inputs["vpcZoneIdentifier"] = ",".join(subnets)
    parameters = making.parameters("autoscaling", "create_auto_scaling_group", _RENAMES)
    making.call("autoscaling", "create_auto_scaling_group", **parameters)
    if metrics:
        making.call(
            "autoscaling",
            "enable_metrics_collection",
            AutoScalingGroupName=name,
            Granularity=granularity,
            Metrics=metrics,
        )
    if suspended:
        making.call(
            "autoscaling",
            "suspend_processes",
            AutoScalingGroupName=name,
            ScalingProcesses=suspended,
        )
    found = making.call(
        "autoscaling", "describe_auto_scaling_groups", AutoScalingGroupNames=[name]
    )["AutoScalingGroups"][0]
    return Created(
        id=name,
        outputs={
            "arn": found["AutoScalingGroupARN"],
            "name": name,
            "availabilityZones": sorted(found["AvailabilityZones"]),
            "desiredCapacity": found["DesiredCapacity"],
            "defaultCooldown": found["DefaultCooldown"],
            "healthCheckType": found["HealthCheckType"],
        },
    )


add(
    {
        "aws:autoscaling/lifecycleHook:LifecycleHook": Row(
            service="autoscaling",
            operation="put_lifecycle_hook",
            id="={name}",
            named="name",
            renames={"name": "LifecycleHookName"},
        ),
        "aws:autoscaling/policy:Policy": Row(
            service="autoscaling",
            operation="put_scaling_policy",
            id="={name}",
            named="name",
            renames={
                "name": "PolicyName",
                "targetTrackingConfiguration.customizedMetricSpecification.metricDimensions": (
                    "Dimensions"
                ),
                "targetTrackingConfiguration.customizedMetricSpecification.metrics"
                ".metricStat.metric.dimensions": "Dimensions",
            },
        ),
        "aws:autoscaling/schedule:Schedule": Row(
            service="autoscaling",
            operation="put_scheduled_update_group_action",
            id="={scheduledActionName}",
            outputs={
                "arn": "arn:aws:autoscaling:{region}:{account}:scheduledUpdateGroupAction:"
                "{id}:autoScalingGroupName/{autoscalingGroupName}"
                ":scheduledActionName/{scheduledActionName}"
            },
        ),
    }
)
