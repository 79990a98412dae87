"""What moto 5.2.5 lacks or gets wrong of the calls this product makes; see docs/adr/0602.

Each patch names its gap. Nothing is weakened: a call that moto refuses for a reason stays refused.
Deletions that AWS refuses are in `refusals`, inputs that moto forgets in `scaling_patches` and
`network_patches`, what a bucket's policy refuses in `bucket_patches`.
`tests/ops/offline/simulator/test_moto_patches.py` fails when an upgrade of moto makes one
unnecessary.
"""

import json
import os
import re
import uuid
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

import moto.route53.models as route53
import moto.settings
from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError
from moto.autoscaling.responses import AutoScalingResponse
from moto.cloudwatch.models import Statistics
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow
from moto.ec2.models import ec2_backends
from moto.s3.models import LOGGING_SERVICE_PRINCIPAL, FakeBucket
from moto.ssm.models import Parameter, ParameterDict

from ops.offline.simulator import (
    bucket_patches,
    monitoring_patches,
    network_patches,
    refusals,
    scaling_patches,
)

GPU_IMAGES = tuple(
    f"/aws/service/deeplearning/ami/x86_64/{name}/latest/ami-id"
    for name in (
        "base-oss-nvidia-driver-gpu-amazon-linux-2023",
        "base-oss-nvidia-driver-gpu-ubuntu-22.04",
        "base-oss-nvidia-driver-gpu-ubuntu-24.04",
    )
)
"""Public parameters of the newest Deep Learning AMI (AWS Deep Learning AMIs release notes)."""

_PERCENTILE = re.compile(r"^p(\d{1,2}(?:\.\d{1,10})?|100)$")
_REFRESH_STEPS = ("Pending", "InProgress", "Successful")


def install() -> None:
    """Change moto in this process; a second call changes nothing more."""
    # A certificate is issued at once: whoever proves a domain here proves it to nobody.
    moto.settings.ACM_VALIDATION_WAIT = 0
    # AmazonSSMManagedInstanceCore and its like exist in every account.
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    if getattr(AutoScalingResponse, "start_instance_refresh", None) is _start_instance_refresh:
        return
    refusals.install()
    bucket_patches.install()
    monitoring_patches.install()
    network_patches.install()
    scaling_patches.install()
    AutoScalingResponse.start_instance_refresh = _start_instance_refresh
    AutoScalingResponse.describe_instance_refreshes = _describe_instance_refreshes
    AutoScalingResponse.cancel_instance_refresh = _cancel_instance_refresh
    AutoScalingResponse.complete_lifecycle_action = _complete_lifecycle_action
    AutoScalingResponse.put_scaling_policy = _policy_answer(AutoScalingResponse.put_scaling_policy)
    CloudWatchResponse.put_composite_alarm = _put_composite_alarm
    Statistics.get_statistics_for_type = _with_percentiles(Statistics.get_statistics_for_type)
    route53.create_route53_zone_id = _zone_id
    FakeBucket._log_permissions_enabled_policy = staticmethod(may_receive_logs)  # noqa: SLF001 - its own rule
    ParameterDict._check_loading_status = _with_gpu_images(  # noqa: SLF001 - the one place that fills in public parameters
        ParameterDict._check_loading_status  # noqa: SLF001 - as above
    )


def _zone_id(**_identity: object) -> str:
    """Return an id that begins with Z, as Route 53's do and the program expects."""
    return "Z" + uuid.uuid4().hex[:20].upper()


def _policy_answer(original: Callable[[Any], ActionResult]) -> Callable[[Any], ActionResult]:
    """Answer with the model's `PolicyARN`: boto3 drops moto's `PolicyArn`."""

    def put_scaling_policy(self: Any) -> ActionResult:  # noqa: ANN401 - moto is untyped here
        answer = original(self)
        arn = answer.result.get("PolicyArn")
        return ActionResult({**answer.result, "PolicyARN": arn, "Alarms": []})

    return put_scaling_policy


def _put_composite_alarm(self: Any) -> ActionResult:  # noqa: ANN401 - moto is untyped here
    """Keep a composite alarm, which moto lacks: its metric alarms keep an `AlarmRule`."""
    answer: ActionResult = self.put_metric_alarm()
    return answer


def _group(response: Any) -> tuple[Any, str]:  # noqa: ANN401 - moto is untyped here
    backend = response.autoscaling_backend
    name = response._get_param("AutoScalingGroupName")  # noqa: SLF001 - how moto's responses read
    if name not in backend.autoscaling_groups:
        raise ValidationError(
            f"AutoScalingGroup name not found - AutoScalingGroup {name} not found"
        )
    return backend, name


def _refreshes(backend: Any) -> dict[str, list[dict[str, Any]]]:  # noqa: ANN401 - moto is untyped here
    """Return refreshes, kept on the backend so that moto's reset forgets them too."""
    found: dict[str, list[dict[str, Any]]] = backend.__dict__.setdefault("perch_refreshes", {})
    return found


def _start_instance_refresh(self: Any) -> ActionResult:  # noqa: ANN401 - moto is untyped here
    """Begin a refresh, which moto lacks; each look at it takes it one step on."""
    backend, name = _group(self)
    refreshes = _refreshes(backend).setdefault(name, [])
    if any(refresh["Status"] in _REFRESH_STEPS[:-1] for refresh in refreshes):
        raise AutoscalingClientError(
            "InstanceRefreshInProgress",
            "An Instance Refresh is already in progress and blocks the execution",
        )
    refresh = {
        "InstanceRefreshId": str(uuid.uuid4()),
        "AutoScalingGroupName": name,
        "Status": _REFRESH_STEPS[0],
        "StartTime": utcnow(),
        "PercentageComplete": 0,
        "Preferences": self._get_param("Preferences", {}),
        "InstancesToUpdate": len(backend.autoscaling_groups[name].instance_states),
    }
    refreshes.insert(0, refresh)
    return ActionResult({"InstanceRefreshId": refresh["InstanceRefreshId"]})


def _cancel_instance_refresh(self: Any) -> ActionResult:  # noqa: ANN401 - moto is untyped here
    """End the refresh that is under way, which moto lacks."""
    backend, name = _group(self)
    for refresh in _refreshes(backend).get(name, []):
        if refresh["Status"] in _REFRESH_STEPS[:-1]:
            refresh["Status"] = "Cancelled"
            return ActionResult({"InstanceRefreshId": refresh["InstanceRefreshId"]})
    raise AutoscalingClientError(
        "ActiveInstanceRefreshNotFound", "No in progress or pending Instance Refresh found"
    )


def _describe_instance_refreshes(self: Any) -> ActionResult:  # noqa: ANN401 - moto is untyped here
    """Return refreshes, newest first; each takes its next step once it has been seen."""
    backend, name = _group(self)
    wanted = self._get_param("InstanceRefreshIds", [])
    refreshes = [
        refresh
        for refresh in _refreshes(backend).get(name, [])
        if not wanted or refresh["InstanceRefreshId"] in wanted
    ]
    seen = [dict(refresh) for refresh in refreshes]
    for refresh in refreshes:
        _advance(refresh)
    return ActionResult({"InstanceRefreshes": seen})


def _advance(refresh: dict[str, Any]) -> None:
    step = _REFRESH_STEPS.index(refresh["Status"])
    if step + 1 == len(_REFRESH_STEPS):
        return
    refresh["Status"] = _REFRESH_STEPS[step + 1]
    if refresh["Status"] == _REFRESH_STEPS[-1]:
        refresh.update(PercentageComplete=100, InstancesToUpdate=0, EndTime=utcnow())


def _complete_lifecycle_action(self: Any) -> ActionResult:  # noqa: ANN401 - moto is untyped here
    """Accept the end of a lifecycle hook that the group has; moto lacks it."""
    backend, name = _group(self)
    hook = self._get_param("LifecycleHookName")
    if not backend.describe_lifecycle_hooks(name, [hook]):
        raise ValidationError(
            f"No active Lifecycle Action found with hook {hook} for Auto Scaling group {name}"
        )
    return EmptyResult()


def _with_percentiles(original: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    """Interpolate percentiles as CloudWatch does; moto raises TypeError for `p95`."""

    def get_statistics_for_type(self: Any, stat: str) -> Any:  # noqa: ANN401 - moto is untyped here
        found = _PERCENTILE.match(stat or "")
        if found is None:
            return original(self, stat)
        return percentile(sorted(self.metric_single_values_list), float(found[1]))

    return get_statistics_for_type


def percentile(ordered: list[float], percent: float) -> float:
    """Return what `percent` of the ordered values lie below, linear between neighbours."""
    if not ordered:
        return 0.0
    place = (len(ordered) - 1) * percent / 100
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _with_gpu_images(original: Callable[[Any, str], None]) -> Callable[[Any, str], None]:
    """Give moto the Deep Learning AMIs; `put_parameter` under /aws is refused, rightly."""

    def check(self: Any, key: str) -> None:  # noqa: ANN401 - moto is untyped here
        original(self, key)
        if key in GPU_IMAGES and not dict.__contains__(self, key):
            backend = ec2_backends[self.account_id][self.region_name]
            image = backend.register_image(name=key.split("/")[-3], description="Deep Learning AMI")
            parameter = Parameter(
                account_id=self.account_id,
                name=key,
                value=image.id,
                parameter_type="String",
                description=None,
                allowed_pattern=None,
                keyid=None,
                last_modified_date=utcnow(),
                version=1,
                data_type="aws:ec2:image",
            )
            dict.__setitem__(self, key, [parameter])

    return check


def may_receive_logs(target_bucket: Any, target_prefix: str | None) -> bool:  # noqa: ANN401 - moto is untyped here
    """Return whether a bucket's policy lets S3 write access logs under a prefix.

    moto reads only statements that name one principal, one action list and one literal resource,
    and fails on a principal of `*`; policies say all of these in other ways too.
    """
    if not target_bucket.policy:
        return False
    bucket = f"arn:{target_bucket.partition}:s3:::{target_bucket.name}"
    written = f"{bucket}/{target_prefix or ''}2026-01-31-00-00-00-0000000000000000"
    return any(
        statement.get("Effect") == "Allow"
        and LOGGING_SERVICE_PRINCIPAL in _services(statement.get("Principal", {}))
        and any(fnmatchcase("s3:PutObject", action) for action in _listed(statement["Action"]))
        and any(fnmatchcase(written, resource) for resource in _listed(statement["Resource"]))
        for statement in _listed(json.loads(target_bucket.policy)["Statement"])
    )


def _services(principal: object) -> list[Any]:
    if principal == "*":
        return [LOGGING_SERVICE_PRINCIPAL]
    return _listed(principal.get("Service", [])) if isinstance(principal, dict) else []


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]
