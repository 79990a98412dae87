"""`perch ami` against the Systems Manager, EC2 and Auto Scaling that moto plays.

Not proved: that AWS's parameter names an image of that kind, which docs/unverified.md has.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import boto3
import pytest
from click.testing import CliRunner, Result
from moto.ec2.models import ec2_backends

from ops import ami
from ops.offline.simulator import moto_patches
from tests.support.moto import bare_aws

PARAMETER = "/perch/test/image"
REGION = "us-east-2"
FILE = """\
# Production.
config:
  aws:region: us-east-2
  perch:blue:
    ami_parameter: /perch/test/image  # ours
    ami_id: {pin}
    weight: 100
  perch:green:
    ami_parameter: /perch/test/image
    weight: 0
"""


@pytest.fixture
def images() -> Iterator[tuple[str, str]]:
    """An account with an image of May and one of June, which is current; one machine of blue."""
    moto_patches.install()
    with bare_aws():
        ec2 = boto3.client("ec2", region_name=REGION)
        made = []
        for day in ("2026-05-04", "2026-06-01"):
            image = ec2.register_image(Name=f"base image {day}")["ImageId"]
            known = ec2_backends["123456789012"][REGION].amis[image]
            known.creation_date = datetime.fromisoformat(f"{day}T10:00:00Z")
            made.append(image)
        boto3.client("ssm", region_name=REGION).put_parameter(
            Name=PARAMETER, Value=made[1], Type="String"
        )
        scaling = boto3.client("autoscaling", region_name=REGION)
        scaling.create_launch_configuration(
            LaunchConfigurationName="t", ImageId=made[0], InstanceType="g6.xlarge"
        )
        for colour, machines in (("blue", 1), ("green", 0)):
            scaling.create_auto_scaling_group(
                AutoScalingGroupName=f"perch-prod-{colour}",
                LaunchConfigurationName="t",
                MinSize=0,
                MaxSize=2,
                DesiredCapacity=machines,
                AvailabilityZones=["us-east-2a"],
            )
        yield made[0], made[1]


@pytest.fixture
def file(images: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stack's file in a project of its own, with blue pinned to the image of May."""
    (tmp_path / "Pulumi.yaml").write_text("name: perch\nstackConfigDir: stacks\nmain: .\n")
    (tmp_path / "stacks").mkdir()
    path = tmp_path / "stacks" / "Pulumi.prod.yaml"
    path.write_text(FILE.format(pin=images[0]))
    monkeypatch.chdir(tmp_path)
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(ami.command, ["--stack", "prod", *arguments])


@pytest.mark.usefixtures("file")
def test_it_says_what_is_pinned_what_runs_and_what_is_new(images: tuple[str, str]) -> None:
    may, june = images
    assert run().stdout.splitlines() == [
        f"blue: pinned to {may} (base image 2026-05-04, 2026-05-04); 1 machine runs {may}",
        f"  current: {june} (base image 2026-06-01, 2026-06-01), 28 days newer",
        "  `perch ami --stack prod --colour blue --pin` takes it",
        "green: takes what is current at each `pulumi up`; no machine runs",
        f"  current: {june} (base image 2026-06-01, 2026-06-01)",
    ]
    assert run("--colour", "green").stdout.startswith("green: ")


def test_a_pin_changes_the_one_line_of_the_file(images: tuple[str, str], file: Path) -> None:
    may, june = images
    done = run("--colour", "blue", "--pin")
    assert done.stdout.splitlines() == [
        (f"blue: pinned to {june} (base image 2026-06-01, 2026-06-01) in stacks/Pulumi.prod.yaml"),
        "the next `pulumi up` replaces the machines of blue, one after the other",
    ]
    assert file.read_text() == FILE.format(pin=june)
    again = run("--colour", "blue", "--pin")
    assert again.stdout.startswith(f"blue: pinned to it already, {june}")
    assert run("--colour", "blue").stdout.startswith(f"blue: pinned to the current one, {june}")
    assert may not in file.read_text()


def test_a_colour_without_a_pin_gets_one_behind_its_keys(
    images: tuple[str, str], file: Path
) -> None:
    before = file.read_text()
    assert run("--colour", "green", "--pin").exit_code == 0
    assert file.read_text() == f"{before}    ami_id: {images[1]}\n"


@pytest.mark.usefixtures("images")
def test_an_image_that_is_gone_is_said_to_be(file: Path) -> None:
    file.write_text(FILE.format(pin="ami-0000000000000000a"))
    first, second, _ = run("--colour", "blue").stdout.splitlines()
    assert first.startswith("blue: pinned to ami-0000000000000000a (AWS does not show it); ")
    assert second.endswith("2026-06-01)")


@pytest.mark.usefixtures("file")
def test_wrong_usage_is_said_and_nothing_is_written(file: Path) -> None:
    before = file.read_text()
    refused = run("--pin")
    assert "--pin is for one colour at a time; give --colour as well" in refused.stderr
    file.write_text(before.replace("perch:blue:\n", "perch:blue: none\n", 1).split("    ami")[0])
    assert "blue of stack prod is no map of keys" in run("--colour", "blue").stderr
    file.write_text(before.replace(PARAMETER, "/nowhere"))
    unknown = run("--colour", "blue", "--pin")
    assert "parameter /nowhere of stack prod cannot be read" in unknown.stderr
    file.write_text(before.replace("  aws:region: us-east-2\n", ""))
    assert "stack prod names no region" in run().stderr


@pytest.mark.usefixtures("images")
def test_a_file_that_cannot_be_changed_stays(file: Path) -> None:
    text = (
        "x: &x {ami_parameter: /perch/test/image}\n"
        "config: {aws:region: us-east-2, perch:blue: *x}\n"
    )
    file.write_text(text)
    refused = run("--colour", "blue", "--pin")
    assert "cannot be changed alone, as the file is written" in refused.stderr
    assert file.read_text() == text


def test_a_stack_of_this_machine_has_no_image(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del file
    monkeypatch.setattr("ops.aws_clients.connect", lambda *_: (object(), True))
    assert "its gateways run on this machine" in run().stderr
