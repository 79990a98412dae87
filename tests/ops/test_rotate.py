"""`perch rotate` against the EC2 Auto Scaling that moto plays.

Not proved: that AWS replaces machines as the preferences ask, and for how long it takes.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result
from mypy_boto3_autoscaling import AutoScalingClient

from ops import rotate
from ops.offline.simulator import moto_patches
from tests.support.moto import bare_aws
from tests.support.outputs import COLOUR, OUTPUTS

BLUE, GREEN = "perch-local-blue", "perch-local-green"


@pytest.fixture
def scaling() -> Iterator[AutoScalingClient]:
    """EC2 Auto Scaling with two groups: blue has a machine, green has none."""
    moto_patches.install()
    with bare_aws():
        api = boto3.client("autoscaling", region_name="us-east-2")
        ec2 = boto3.client("ec2", region_name="us-east-2")
        image = ec2.register_image(Name="image")["ImageId"]
        api.create_launch_configuration(
            LaunchConfigurationName="t", ImageId=image, InstanceType="g6.xlarge"
        )
        for group, desired in ((BLUE, 1), (GREEN, 0)):
            api.create_auto_scaling_group(
                AutoScalingGroupName=group,
                LaunchConfigurationName="t",
                MinSize=0,
                MaxSize=2,
                DesiredCapacity=desired,
                AvailabilityZones=["us-east-2a"],
            )
        yield api


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """State folder of a stack that is not of this machine."""
    colours = {"blue": COLOUR, "green": COLOUR | {"auto_scaling_group_name": GREEN}}
    (tmp_path / "outputs.json").write_text(json.dumps(OUTPUTS | {"colours": colours}))
    return tmp_path


def run(folder: Path, *arguments: str) -> Result:
    told = ["--state-dir", str(folder), "--every", "0", *arguments]
    return CliRunner().invoke(rotate.command, told)


def refreshes(scaling: AutoScalingClient, group: str) -> list[Any]:
    return list(
        scaling.describe_instance_refreshes(AutoScalingGroupName=group)["InstanceRefreshes"]
    )


def test_every_machine_is_replaced_after_its_successor_and_the_way_is_told(
    scaling: AutoScalingClient, folder: Path
) -> None:
    done = run(folder)
    assert done.exit_code == 0, done.output
    [refresh] = refreshes(scaling, BLUE)
    assert done.stdout.splitlines() == [
        f"{BLUE}: refresh {refresh['InstanceRefreshId']} begins",
        f"{BLUE}: Pending, 0 %",
        f"{BLUE}: InProgress, 0 %",
        f"{BLUE}: Successful, 100 %",
        f"{GREEN}: no machine; the next one reads the secrets when it starts",
    ]
    # A machine of the same template is replaced, too: only its secrets are others.
    assert refresh["Preferences"] == {
        "MinHealthyPercentage": 100,
        "MaxHealthyPercentage": 200,
        "SkipMatching": False,
    }
    assert refreshes(scaling, GREEN) == []


def test_one_colour_is_started_and_left_to_aws(scaling: AutoScalingClient, folder: Path) -> None:
    done = run(folder, "--colour", "blue", "--no-wait")
    assert done.exit_code == 0, done.output
    [refresh] = refreshes(scaling, BLUE)
    assert done.stdout == f"{BLUE}: refresh {refresh['InstanceRefreshId']} begins\n"


def test_both_colours_are_never_started_at_once(scaling: AutoScalingClient, folder: Path) -> None:
    refused = run(folder, "--no-wait")
    assert refused.exit_code == 2
    assert "give --colour as well" in refused.stderr
    assert refreshes(scaling, BLUE) == []


def test_a_refresh_that_goes_on_already_is_told_and_not_doubled(
    scaling: AutoScalingClient, folder: Path
) -> None:
    scaling.start_instance_refresh(AutoScalingGroupName=BLUE)
    refused = run(folder)
    assert refused.exit_code == 1
    [line] = refused.stderr.splitlines()
    assert line.startswith(f"perch: group {BLUE} of stack local cannot be refreshed: ")
    assert "already in progress" in line


def test_a_group_that_is_not_there_is_named(scaling: AutoScalingClient, folder: Path) -> None:
    scaling.delete_auto_scaling_group(AutoScalingGroupName=BLUE, ForceDelete=True)
    refused = run(folder)
    assert (refused.exit_code, refused.stderr) == (
        1,
        f"perch: stack local has no group {BLUE} in AWS\n",
    )


class Scripted:
    """Refreshes that go as a test says; moto's all end well."""

    def __init__(self, *looks: dict[str, Any] | Exception) -> None:
        self._looks = list(looks)

    def describe_instance_refreshes(self, **_: object) -> dict[str, Any]:
        look = self._looks.pop(0)
        if isinstance(look, Exception):
            raise look
        return {"InstanceRefreshes": [look]}


@pytest.mark.parametrize("status", ["Failed", "Cancelled", "RollbackSuccessful", "RollbackFailed"])
def test_any_other_end_is_a_failure_with_its_reason(status: str) -> None:
    api: Any = Scripted(
        {"Status": "InProgress", "PercentageComplete": 50},
        {"Status": status, "PercentageComplete": 50, "StatusReason": "no capacity\nof g6.xlarge"},
    )
    with pytest.raises(Exception, match="were not all replaced") as failed:
        rotate.Rotation("dev", api, 0).watch(BLUE, "r-1")
    assert f"{status}, 50 % (no capacity of g6.xlarge)" in str(failed.value)


def test_a_look_that_aws_refuses_is_told_in_a_sentence() -> None:
    answer: Any = {"Error": {"Code": "AccessDenied", "Message": "not you"}}
    api: Any = Scripted(ClientError(answer, "DescribeInstanceRefreshes"))
    with pytest.raises(Exception, match=r"cannot be watched: .*AccessDenied"):
        rotate.Rotation("dev", api, 0).watch(BLUE, "r-1")
