"""What moto 5.2.5 forgets of auto scaling groups and of what belongs to them."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import AutoScalingBackend
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult, EmptyResult


def install() -> None:
    """Change moto in this process; call it once."""
    AutoScalingBackend.put_scheduled_update_group_action = _of_its_group(
        AutoScalingBackend.put_scheduled_update_group_action
    )
    AutoScalingBackend.delete_scheduled_action = _delete_scheduled_action
    AutoScalingBackend.enable_metrics_collection = _enable_metrics_collection
    AutoScalingResponse.disable_metrics_collection = _disable_metrics_collection
    AutoScalingBackend.update_auto_scaling_group = _keeping_its_template(
        AutoScalingBackend.update_auto_scaling_group
    )
    AutoScalingResponse.create_auto_scaling_group = _remembering(
        AutoScalingResponse.create_auto_scaling_group
    )
    AutoScalingResponse.update_auto_scaling_group = _remembering(
        AutoScalingResponse.update_auto_scaling_group
    )


def _of_its_group(original: Callable[..., Any]) -> Callable[..., Any]:
    """Keep schedules of two groups apart that bear one name: moto keeps one a name."""

    def put_scheduled_update_group_action(self: Any, **named: Any) -> Any:  # noqa: ANN401 - moto is untyped here
        action = original(self, **named)
        name = named["scheduled_action_name"]
        self.scheduled_actions[named["name"], name] = self.scheduled_actions.pop(name)
        return action

    return put_scheduled_update_group_action


def _delete_scheduled_action(
    self: Any,  # noqa: ANN401 - moto is untyped here
    auto_scaling_group_name: str,
    scheduled_action_name: str,
) -> None:
    found = self.scheduled_actions.pop((auto_scaling_group_name, scheduled_action_name), None)
    if found is None:
        raise ValidationError("Scheduled action name not found")


def _remembering(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Keep what a group is given and moto leaves out."""

    def answer(self: Any) -> Any:  # noqa: ANN401 - moto is untyped here
        answered = original(self)
        given = self._get_params()
        group = self.autoscaling_backend.autoscaling_groups[given["AutoScalingGroupName"]]
        for parameter, (attribute, kind) in _LEFT_OUT.items():
            if parameter in given:
                setattr(group, attribute, kind(given[parameter]))
        return answered

    return answer


def _flag(value: object) -> bool:
    return str(value).lower() == "true"


def _number(value: object) -> int | None:
    """Return a number; -1 takes a setting back."""
    number = int(str(value))
    return None if number == -1 else number


def _numbers(value: dict[str, Any]) -> dict[str, int] | None:
    numbers = {key: int(number) for key, number in value.items()}
    return None if set(numbers.values()) == {-1} else numbers


_LEFT_OUT: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "CapacityRebalance": ("capacity_rebalance", _flag),
    "DefaultCooldown": ("default_cooldown", int),
    "DefaultInstanceWarmup": ("default_instance_warmup", _number),
    "InstanceMaintenancePolicy": ("instance_maintenance_policy", _numbers),
    "MaxInstanceLifetime": ("max_instance_lifetime", int),
    "ServiceLinkedRoleARN": ("service_linked_role_arn", str),
    "TerminationPolicies": ("termination_policies", list),
}
"""Parameter -> attribute that the describing call shows, and its type."""


def _keeping_its_template(original: Callable[..., Any]) -> Callable[..., Any]:
    """Leave a group its mixed instances policy in a change of something else; moto drops it."""

    def update_auto_scaling_group(self: Any, **named: Any) -> Any:  # noqa: ANN401 - moto is untyped here
        group = self.autoscaling_groups.get(named["name"])
        given = ("launch_config_name", "launch_template", "mixed_instances_policy")
        if group and not any(named.get(key) for key in given):
            named["mixed_instances_policy"] = _by_id_alone(group.mixed_instances_policy)
        return original(self, **named)

    return update_auto_scaling_group


def _by_id_alone(policy: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return a policy that names its template once: moto adds the name and then refuses both."""
    if not policy:
        return policy
    copied = deepcopy(policy)
    named = copied["LaunchTemplate"]["LaunchTemplateSpecification"]
    if named.get("LaunchTemplateId"):
        named.pop("LaunchTemplateName", None)
    return copied


def _enable_metrics_collection(self: Any, group_name: str, metrics: list[str]) -> None:  # noqa: ANN401 - moto is untyped here
    """Add to what is measured; moto puts the new in the place of the old."""
    group = self.describe_auto_scaling_groups([group_name])[0]
    group.metrics = list(dict.fromkeys([*group.metrics, *metrics]))


def _disable_metrics_collection(self: Any) -> ActionResult:  # noqa: ANN401 - moto is untyped here
    """Measure less, which moto lacks; without a list, nothing any more."""
    name = self._get_param("AutoScalingGroupName")
    ended = self._get_param("Metrics", [])
    group = self.autoscaling_backend.describe_auto_scaling_groups([name])[0]
    group.metrics = [metric for metric in group.metrics if ended and metric not in ended]
    return EmptyResult()
