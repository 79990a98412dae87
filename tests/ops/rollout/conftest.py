"""The local stack in moto, created once for the tests of a release against AWS's APIs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from ops.offline.applier import IN_PROCESS, apply
from ops.rollout.place import Place, of_outputs
from ops.stack import StackOutputs
from tests.support.moto import aws_in_process
from tests.support.stacks import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["aws_in_process"]


@pytest.fixture(scope="package")
def stack_outputs(aws_in_process: None) -> StackOutputs:
    """Outputs of the local stack, which is there."""
    del aws_in_process
    applied = apply("local", endpoint_url=IN_PROCESS, overrides={}, root=SAMPLES)
    return StackOutputs.model_validate(dict(applied.outputs))


@pytest.fixture(scope="package")
def client(stack_outputs: StackOutputs) -> Callable[[str], Any]:
    """Return clients of its region."""

    def make(service: str) -> Any:  # noqa: ANN401 - boto3 knows types by literals alone
        return boto3.client(service, region_name=stack_outputs.region)  # type: ignore[call-overload]

    return make


@pytest.fixture
def place(stack_outputs: StackOutputs, client: Callable[[str], Any]) -> Place:
    """The stack's parts, with everything as it began."""
    parts = of_outputs(stack_outputs)
    groups = [
        {"TargetGroupArn": parts.target_groups["blue"], "Weight": 100},
        {"TargetGroupArn": parts.target_groups["green"], "Weight": 0},
    ]
    client("elbv2").modify_listener(
        ListenerArn=parts.listener_arn,
        DefaultActions=[
            {
                "Type": "forward",
                "ForwardConfig": {
                    "TargetGroups": groups,
                    "TargetGroupStickinessConfig": {"Enabled": False, "DurationSeconds": 1},
                },
            }
        ],
    )
    client("s3").delete_object(Bucket=parts.artefact_bucket, Key="rollout/journal.json")
    client("ssm").put_parameter(Name=parts.in_service_parameter, Value="blue", Overwrite=True)
    for name in parts.alarm_names.values():
        client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="OK", StateReason="test")
    return parts


@pytest.fixture
def folder(tmp_path: Path, stack_outputs: StackOutputs) -> Path:
    """A state folder with the stack's outputs, and no sign of `perch up`."""
    (tmp_path / "outputs.json").write_text(json.dumps(stack_outputs.model_dump(mode="json")))
    return tmp_path
