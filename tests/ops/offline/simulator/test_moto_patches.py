"""Each patch of moto, by the call that needs it.

A test that fails after an upgrade of moto may mean that its patch is no longer needed.
"""

import datetime as dt
import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from ops.offline.simulator import moto_patches

pytestmark = [pytest.mark.xdist_group("moto"), pytest.mark.usefixtures("aws_in_process")]


def _client(service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    return boto3.client(service, region_name="us-west-2")  # type: ignore[call-overload]


@pytest.fixture(scope="module")
def group() -> str:
    _client("ec2").create_launch_template(
        LaunchTemplateName="template",
        LaunchTemplateData={"ImageId": "ami-1", "InstanceType": "g6.xlarge"},
    )
    scaling = _client("autoscaling")
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="group",
        MinSize=0,
        MaxSize=1,
        AvailabilityZones=["us-west-2a"],
        LaunchTemplate={"LaunchTemplateName": "template", "Version": "1"},
    )
    return "group"


def test_a_scaling_policy_answers_its_arn(group: str) -> None:
    answer = _client("autoscaling").put_scaling_policy(
        AutoScalingGroupName=group,
        PolicyName="p",
        PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration={
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"},
            "TargetValue": 50.0,
        },
    )
    assert answer["PolicyARN"].startswith("arn:aws:autoscaling:us-west-2:")


def test_an_instance_refresh_goes_from_pending_to_successful(group: str) -> None:
    scaling = _client("autoscaling")
    begun = scaling.start_instance_refresh(AutoScalingGroupName=group)["InstanceRefreshId"]
    with pytest.raises(ClientError, match="already in progress"):
        scaling.start_instance_refresh(AutoScalingGroupName=group)
    seen = [
        scaling.describe_instance_refreshes(AutoScalingGroupName=group, InstanceRefreshIds=[begun])[
            "InstanceRefreshes"
        ][0]["Status"]
        for _ in range(4)
    ]
    assert seen == ["Pending", "InProgress", "Successful", "Successful"]


def test_a_refresh_that_is_cancelled_lets_another_begin(group: str) -> None:
    scaling = _client("autoscaling")
    begun = scaling.start_instance_refresh(AutoScalingGroupName=group)["InstanceRefreshId"]
    with pytest.raises(ClientError, match=r"\(InstanceRefreshInProgress\)"):
        scaling.start_instance_refresh(AutoScalingGroupName=group)
    ended = scaling.cancel_instance_refresh(AutoScalingGroupName=group)
    assert ended["InstanceRefreshId"] == begun
    with pytest.raises(ClientError, match=r"\(ActiveInstanceRefreshNotFound\)"):
        scaling.cancel_instance_refresh(AutoScalingGroupName=group)
    scaling.start_instance_refresh(AutoScalingGroupName=group)
    scaling.cancel_instance_refresh(AutoScalingGroupName=group)


def test_metrics_of_a_group_are_added_and_taken_away(group: str) -> None:
    scaling = _client("autoscaling")

    def metrics() -> set[str]:
        [found] = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])[
            "AutoScalingGroups"
        ]
        return {metric["Metric"] for metric in found["EnabledMetrics"]}

    for metric in ("GroupMinSize", "GroupMaxSize"):
        scaling.enable_metrics_collection(
            AutoScalingGroupName=group, Metrics=[metric], Granularity="1Minute"
        )
    assert metrics() == {"GroupMinSize", "GroupMaxSize"}
    scaling.disable_metrics_collection(AutoScalingGroupName=group, Metrics=["GroupMinSize"])
    assert metrics() == {"GroupMaxSize"}
    scaling.disable_metrics_collection(AutoScalingGroupName=group)
    assert metrics() == set()


def test_another_size_leaves_a_group_its_templates_and_settings(group: str) -> None:
    scaling = _client("autoscaling")
    named = {"LaunchTemplateName": "template", "Version": "1"}
    scaling.create_auto_scaling_group(
        AutoScalingGroupName=f"{group}-mixed",
        MinSize=0,
        MaxSize=1,
        AvailabilityZones=["us-west-2a"],
        MixedInstancesPolicy={
            "LaunchTemplate": {
                "LaunchTemplateSpecification": named,
                "Overrides": [{"InstanceType": "g6.xlarge"}],
            }
        },
        DefaultInstanceWarmup=60,
        InstanceMaintenancePolicy={"MinHealthyPercentage": 100, "MaxHealthyPercentage": 200},
    )

    def found() -> dict[str, Any]:
        answer = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[f"{group}-mixed"])
        one: dict[str, Any] = answer["AutoScalingGroups"][0]
        return one

    before = found()
    assert before["DefaultInstanceWarmup"] == 60
    assert before["InstanceMaintenancePolicy"]["MaxHealthyPercentage"] == 200
    scaling.update_auto_scaling_group(AutoScalingGroupName=f"{group}-mixed", MaxSize=3)
    assert found()["MixedInstancesPolicy"] == before["MixedInstancesPolicy"]
    cleared = {"MinHealthyPercentage": -1, "MaxHealthyPercentage": -1}
    scaling.update_auto_scaling_group(
        AutoScalingGroupName=f"{group}-mixed", InstanceMaintenancePolicy=cleared
    )
    assert "InstanceMaintenancePolicy" not in found()
    scaling.delete_auto_scaling_group(AutoScalingGroupName=f"{group}-mixed")


def test_a_refresh_of_an_unknown_group_is_refused() -> None:
    with pytest.raises(ClientError, match="not found"):
        _client("autoscaling").start_instance_refresh(AutoScalingGroupName="nobody")


def test_a_lifecycle_action_is_completed_only_for_a_hook_of_the_group(group: str) -> None:
    scaling = _client("autoscaling")
    scaling.put_lifecycle_hook(
        AutoScalingGroupName=group,
        LifecycleHookName="ready",
        LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING",
    )
    done = {"AutoScalingGroupName": group, "LifecycleActionResult": "CONTINUE"}
    scaling.complete_lifecycle_action(LifecycleHookName="ready", InstanceId="i-1", **done)
    with pytest.raises(ClientError, match="No active Lifecycle Action"):
        scaling.complete_lifecycle_action(LifecycleHookName="other", InstanceId="i-1", **done)


def test_a_composite_alarm_is_kept_with_its_rule_and_can_be_set() -> None:
    watch = _client("cloudwatch")
    watch.put_composite_alarm(AlarmName="any", AlarmRule='ALARM("a") OR ALARM("b")')
    watch.set_alarm_state(AlarmName="any", StateValue="ALARM", StateReason="test")
    [alarm] = watch.describe_alarms(AlarmNames=["any"], AlarmTypes=["CompositeAlarm"])[
        "CompositeAlarms"
    ]
    assert (alarm["AlarmRule"], alarm["StateValue"]) == ('ALARM("a") OR ALARM("b")', "ALARM")


def test_a_percentile_of_a_metric_can_be_asked_for() -> None:
    watch = _client("cloudwatch")
    now = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
    watch.put_metric_data(
        Namespace="Perch",
        MetricData=[
            {"MetricName": "Latency", "Value": float(value), "Timestamp": now}
            for value in range(101)
        ],
    )
    metric = {"Namespace": "Perch", "MetricName": "Latency"}
    [answer] = watch.get_metric_data(
        MetricDataQueries=[
            {"Id": "p", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "p95"}}
        ],
        StartTime=now,
        EndTime=now + dt.timedelta(minutes=1),
    )["MetricDataResults"]
    assert answer["Values"] == [95.0]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats(0, 100))
def test_a_percentile_lies_between_the_smallest_and_the_largest(
    values: list[float], percent: float
) -> None:
    ordered = sorted(values)
    found = moto_patches.percentile(ordered, percent)
    assert ordered[0] <= found <= ordered[-1] or found == pytest.approx(ordered[0])
    assert moto_patches.percentile(ordered, 0) == ordered[0]
    assert moto_patches.percentile(ordered, 100) == ordered[-1]


def test_the_newest_gpu_image_is_found_by_its_public_parameter() -> None:
    found = _client("ssm").get_parameter(Name=moto_patches.GPU_IMAGES[1])["Parameter"]["Value"]
    [image] = _client("ec2").describe_images(ImageIds=[found])["Images"]
    assert image["Name"] == "base-oss-nvidia-driver-gpu-ubuntu-22.04"
    with pytest.raises(ClientError, match="ParameterNotFound"):
        _client("ssm").get_parameter(Name="/aws/service/deeplearning/ami/x86_64/no/latest/ami-id")


def test_policies_that_aws_manages_exist() -> None:
    arn = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
    assert _client("iam").get_policy(PolicyArn=arn)["Policy"]["Arn"] == arn


def test_a_certificate_is_issued_at_once() -> None:
    acm = _client("acm")
    arn = acm.request_certificate(DomainName="a.example.com", ValidationMethod="DNS")[
        "CertificateArn"
    ]
    acm.describe_certificate(CertificateArn=arn)
    assert acm.describe_certificate(CertificateArn=arn)["Certificate"]["Status"] == "ISSUED"


class _Bucket:
    partition = "aws"
    name = "logs"

    def __init__(self, policy: str) -> None:
        self.policy = policy.encode()


_ALLOW = (
    '{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}, '
    '{"Effect": "%s", "Principal": {"Service": ["logging.s3.amazonaws.com"]}, '
    '"Action": ["%s"], "Resource": ["arn:aws:s3:::logs/%s*"]}]}'
)


@pytest.mark.parametrize(
    ("policy", "may"),
    [
        (_ALLOW % ("Allow", "s3:PutObject", "s3/"), True),
        (_ALLOW % ("Allow", "s3:Put*", ""), True),
        (_ALLOW % ("Allow", "s3:PutObject", "alb/"), False),
        (_ALLOW % ("Allow", "s3:GetObject", ""), False),
        (_ALLOW % ("Deny", "s3:PutObject", ""), False),
        ("", False),
    ],
)
def test_a_bucket_receives_logs_where_its_policy_says_so(policy: str, may: bool) -> None:
    assert moto_patches.may_receive_logs(_Bucket(policy), "s3/models/") is may


@pytest.mark.parametrize(("condition", "taken"), [("false", True), (None, False)])
def test_a_bucket_that_refuses_calls_without_tls_takes_the_others(
    condition: str | None, taken: bool
) -> None:
    """And one that refuses every call refuses these too."""
    s3, name = _client("s3"), f"tls-{taken}".lower()
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    statement: dict[str, Any] = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["s3:*"],
        "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
    }
    if condition:
        statement["Condition"] = {"Bool": {"aws:SecureTransport": condition}}
    s3.put_bucket_policy(
        Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    if taken:
        assert s3.put_object(Bucket=name, Key="k", Body=b"v")["ETag"]
    else:
        with pytest.raises(ClientError, match=r"403|AccessDenied|Forbidden"):
            s3.put_object(Bucket=name, Key="k", Body=b"v")
