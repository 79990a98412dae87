"""Auto scaling groups and what moves them."""

from ops.offline.provider.create_request import CreateRequest, CreateResult, handles
from ops.offline.provider.rows import Row, add

_PROVIDER_WAITS = (
    "forceDelete",
    "forceDeleteWarmPool",
    "ignoreFailedScalingActivities",
    "minElbCapacity",
    "waitForCapacityTimeout",
    "waitForElbCapacity",
)

_TEMPLATE = {"id": "LaunchTemplateId", "name": "LaunchTemplateName"}

RENAMES = {
    "name": "AutoScalingGroupName",
    "initialLifecycleHooks": "LifecycleHookSpecificationList",
    "initialLifecycleHooks.name": "LifecycleHookName",
    "protectFromScaleIn": "NewInstancesProtectedFromScaleIn",
    **{f"launchTemplate.{key}": name for key, name in _TEMPLATE.items()},
}

POLICY_RENAMES = {
    "name": "PolicyName",
    "targetTrackingConfiguration.customizedMetricSpecification.metricDimensions": ("Dimensions"),
    "targetTrackingConfiguration.customizedMetricSpecification.metrics"
    ".metricStat.metric.dimensions": "Dimensions",
}


@handles("aws:autoscaling/group:Group")
def _group(request: CreateRequest) -> CreateResult:
    name = request.physical_name()
    request.ignore(*_PROVIDER_WAITS)
    # What a change of the group does to its machines; a group that is new has none.
    request.ignore("instanceRefresh")
    suspended = request.take("suspendedProcesses", [])
    metrics = request.take("enabledMetrics", [])
    granularity = request.take("metricsGranularity", "1Minute")
    subnets = request.take("vpcZoneIdentifiers", [])
    if subnets:
        request.inputs["vpcZoneIdentifier"] = ",".join(subnets)
    parameters = request.parameters("autoscaling", "create_auto_scaling_group", RENAMES)
    request.call("autoscaling", "create_auto_scaling_group", **parameters)
    if metrics:
        request.call(
            "autoscaling",
            "enable_metrics_collection",
            AutoScalingGroupName=name,
            Granularity=granularity,
            Metrics=metrics,
        )
    if suspended:
        request.call(
            "autoscaling",
            "suspend_processes",
            AutoScalingGroupName=name,
            ScalingProcesses=suspended,
        )
    found = request.call(
        "autoscaling", "describe_auto_scaling_groups", AutoScalingGroupNames=[name]
    )["AutoScalingGroups"][0]
    return CreateResult(
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


_SCHEDULE = Row(
    service="autoscaling",
    operation="put_scheduled_update_group_action",
    id="={scheduledActionName}",
    outputs={
        "arn": "arn:aws:autoscaling:{region}:{account}:scheduledUpdateGroupAction:"
        "{id}:autoScalingGroupName/{autoscalingGroupName}"
        ":scheduledActionName/{scheduledActionName}"
    },
)

_UNCHANGED = -1
"""What the provider takes for a size that is left alone, and does not pass on to AWS."""


@handles("aws:autoscaling/schedule:Schedule")
def _schedule(request: CreateRequest) -> CreateResult:
    for size in ("minSize", "maxSize", "desiredCapacity"):
        if request.inputs.get(size) == _UNCHANGED:
            request.ignore(size)
    return _SCHEDULE(request)


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
            renames=POLICY_RENAMES,
        ),
    }
)
