"""`perch start`, `stop` and `scale` against the AWS that moto plays, whose machines come at once.

Not proved: how long machines of AWS take, and that those that go drain their sessions first.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from ops import scale
from ops.fleet import Fleet
from tests.support.account import BLUE, GREEN, Account, account, forward


@pytest.fixture(scope="module")
def aws() -> Iterator[Account]:
    with account() as made:
        yield made


@pytest.fixture
def folder(aws: Account, tmp_path: Path) -> Iterator[Path]:
    """State folder; whatever a test asks for, the next one finds one machine of blue."""
    (tmp_path / "outputs.json").write_text(json.dumps(aws.outputs))
    yield tmp_path
    for group, machines in ((BLUE, 1), (GREEN, 0)):
        aws.clients["autoscaling"].set_desired_capacity(
            AutoScalingGroupName=group, DesiredCapacity=machines
        )


def run(command: click.Command, folder: Path, colour: str, *arguments: str) -> Result:
    told = ["--state-dir", str(folder), "--colour", colour, "--every", "0", *arguments]
    return CliRunner().invoke(command, told)


def desired(aws: Account, group: str) -> int:
    found = aws.clients["autoscaling"].describe_auto_scaling_groups(AutoScalingGroupNames=[group])
    number: int = found["AutoScalingGroups"][0]["DesiredCapacity"]
    return number


def test_a_colour_is_started_and_waited_for(aws: Account, folder: Path) -> None:
    done = run(scale.start, folder, "green", "--wait")
    assert (done.exit_code, desired(aws, GREEN)) == (0, 1), done.output
    assert done.stdout.splitlines() == [
        f"{GREEN}: 1 asked for, before that 0",
        f"{GREEN}: 1 machines, 1 in service, 1 healthy, 1 asked for",
    ]
    again = run(scale.start, folder, "green", "--machines", "2")
    assert again.stdout == f"{GREEN}: 2 asked for, before that 1\n"
    fewer = run(scale.start, folder, "green")
    assert (fewer.stdout, desired(aws, GREEN)) == (f"{GREEN}: 2 asked for already\n", 2)


def test_bounds_are_the_groups_and_stay(aws: Account, folder: Path) -> None:
    refused = run(scale.start, folder, "green", "--machines", "3")
    assert (refused.exit_code, desired(aws, GREEN)) == (2, 0)
    assert f"--machines is 3; accepted for {GREEN}: 0 to 2" in refused.stderr
    api = aws.clients["autoscaling"]
    api.update_auto_scaling_group(AutoScalingGroupName=BLUE, MinSize=1)
    try:
        held = run(scale.stop, folder, "blue", "--even-in-service")
        assert f"--machines is 0; accepted for {BLUE}: 1 to 2" in held.stderr
        run(scale.scale, folder, "blue", "--machines", "2")
        [group] = api.describe_auto_scaling_groups(AutoScalingGroupNames=[BLUE])[
            "AutoScalingGroups"
        ]
        assert [group[key] for key in ("MinSize", "DesiredCapacity", "MaxSize")] == [1, 2, 2]
    finally:
        api.update_auto_scaling_group(AutoScalingGroupName=BLUE, MinSize=0)


@pytest.mark.parametrize("command", [scale.stop, scale.scale])
def test_the_colour_that_has_weight_or_is_in_service_keeps_its_machines(
    aws: Account, folder: Path, command: click.Command
) -> None:
    number = ("--machines", "0") if command is scale.scale else ()
    refused = run(command, folder, "blue", *number)
    assert (refused.exit_code, desired(aws, BLUE)) == (1, 1)
    assert "it has weight 100 and it is the colour in service" in refused.stderr
    done = run(command, folder, "blue", *number, "--even-in-service", "--wait")
    assert (done.exit_code, desired(aws, BLUE)) == (0, 0), done.output
    assert f"{BLUE}: 0 machines, 0 in service, 0 healthy, 0 asked for" in done.stdout


def test_a_colour_without_weight_that_is_in_service_all_the_same_keeps_its_machines(
    aws: Account, folder: Path
) -> None:
    """As while a canary has all the weight and is not promoted yet."""
    blue, green = (aws.outputs["colours"][name]["target_group_arn"] for name in ("blue", "green"))
    elb, listener = aws.clients["elbv2"], aws.outputs["listener_arn"]
    elb.modify_listener(ListenerArn=listener, DefaultActions=[forward(blue, green, 0, 100)])
    try:
        refused = run(scale.stop, folder, "blue")
    finally:
        elb.modify_listener(ListenerArn=listener, DefaultActions=[forward(blue, green, 100, 0)])
    assert refused.exit_code == 1
    assert "blue of stack local keeps its machines: it is the colour in service;" in refused.stderr


def test_the_idle_colour_is_stopped(aws: Account, folder: Path) -> None:
    run(scale.start, folder, "green")
    done = run(scale.stop, folder, "green")
    assert (done.stdout, desired(aws, GREEN)) == (f"{GREEN}: 0 asked for, before that 1\n", 0)


def test_waiting_ends_at_its_bound_and_where_somebody_asks_for_another_number(
    aws: Account, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unhealthy: Any = lambda *_: ()  # noqa: E731 - a stand-in
    monkeypatch.setattr(Fleet, "targets", unhealthy)
    late = run(scale.start, folder, "green", "--wait", "--minutes", "0")
    assert late.exit_code == 1
    assert f"{GREEN} is not there after 0 minutes; AWS goes on." in late.stderr

    def meanwhile(*_: object) -> tuple[()]:
        aws.clients["autoscaling"].set_desired_capacity(
            AutoScalingGroupName=GREEN, DesiredCapacity=1
        )
        return ()

    monkeypatch.setattr(Fleet, "targets", meanwhile)
    changed = run(scale.start, folder, "green", "--machines", "2", "--wait", "--minutes", "1")
    assert f"{GREEN} is asked for 1 machines meanwhile, by scaling or by" in changed.stderr
