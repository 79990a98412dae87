"""`perch status` of a stack in the AWS that moto plays; of one on this machine it is in test_up.

Not proved: what CloudWatch answers a minute after a machine has reported.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from infra.boot.settings import METRICS_NAMESPACE
from infra.entrance.load_balancer import READINESS_PATH
from infra.observability.alarm_table import entrance_alarms
from ops.console.errors import CommandFailedError
from ops.fleet import Machine
from ops.status import alarms, command, here, in_aws
from ops.status.asking import ask
from ops.status.money import so_far
from ops.status.report import MachineFact
from ops.status.shown import _age, _machine
from tests.support.account import BLUE, GREEN, REGION, Account, account, forward


@pytest.fixture(scope="module")
def aws() -> Iterator[Account]:
    with account() as made:
        yield made


@pytest.fixture
def folder(aws: Account, tmp_path: Path) -> Path:
    (tmp_path / "outputs.json").write_text(json.dumps(aws.outputs))
    return tmp_path


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(command.command, ["--state-dir", str(folder), *arguments])


def told(folder: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(run(folder, "--json").stdout)
    return report


def test_machines_targets_weights_and_artefacts_of_both_colours_are_told(
    aws: Account, folder: Path
) -> None:
    blue, green = told(folder)["colours"]
    [machine] = blue["machines"]
    assert (machine["id"], machine["type"]) == (aws.machines[0], "g6.xlarge")
    assert (machine["zone"], machine["state"]) == ("us-east-2a", "InService")
    assert [target["id"] for target in blue["targets"]] == aws.machines
    assert (blue["weight"], green["weight"]) == (100, 0)
    assert told(folder)["in_service"] == "blue"
    assert (blue["desired"], blue["fewest"], blue["most"]) == (1, 0, 2)
    assert (green["machines"], green["targets"], green["sessions"]) == ([], [], 0)
    assert (blue["image"], blue["gateway_artifact"]) == ("nim/parakeet:1.5.0", "repository:0.1.0")


def test_weights_are_the_listeners_own_and_not_those_it_was_made_with(
    aws: Account, folder: Path
) -> None:
    blue, green = (aws.outputs["colours"][name]["target_group_arn"] for name in ("blue", "green"))
    elb, listener = aws.clients["elbv2"], aws.outputs["listener_arn"]
    elb.modify_listener(ListenerArn=listener, DefaultActions=[forward(blue, green, 30, 70)])
    assert [colour["weight"] for colour in told(folder)["colours"]] == [30, 70]
    fixed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}
    elb.modify_listener(ListenerArn=listener, DefaultActions=[fixed])
    assert [colour["weight"] for colour in told(folder)["colours"]] == [None, None]
    elb.modify_listener(ListenerArn=listener, DefaultActions=[forward(blue, green, 100, 0)])


def test_sessions_are_what_machines_reported_and_none_is_made_up(
    aws: Account, folder: Path
) -> None:
    before = told(folder)
    assert (before["sessions"], before["colours"][0]["sessions"]) == (None, None)
    assert before["not_known"]["sessions of blue"] == "no machine reported any in 5 minutes"
    dimensions = [{"Name": "AutoScalingGroupName", "Value": BLUE}]
    for minutes, value in ((3, 9.0), (1, 4.0)):
        at = datetime.now(UTC) - timedelta(minutes=minutes)
        one = {"MetricName": "ActiveSessions", "Dimensions": dimensions, "Value": value}
        aws.clients["cloudwatch"].put_metric_data(
            Namespace=METRICS_NAMESPACE, MetricData=[one | {"Timestamp": at}]
        )
    report = told(folder)
    assert (report["sessions"], report["colours"][0]["sessions"]) == (4, 4)
    assert "sessions      4 active" in run(folder).stdout


def test_alarms_in_alarm_are_told_but_not_those_that_scale_or_are_of_another_stack(
    aws: Account, folder: Path
) -> None:
    assert "alarms        none in ALARM" in run(folder).stdout
    scaling = f"arn:aws:autoscaling:{REGION}:123456789012:scalingPolicy:1:x"
    for name, actions in (
        ("perch-local-blue-nearly-full", []),
        ("perch-local-blue-gpu-memory", []),
        ("perch-local-blue-idle", [scaling]),
        ("perch-local-2-blue-nearly-full", []),
    ):
        aws.clients["cloudwatch"].put_metric_alarm(
            AlarmName=name,
            AlarmDescription="page: why it matters",
            MetricName="x",
            Namespace="Perch",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
            AlarmActions=actions,
        )
        if "gpu" not in name:
            aws.clients["cloudwatch"].set_alarm_state(
                AlarmName=name, StateValue="ALARM", StateReason="as a test says"
            )
    [alarm] = told(folder)["alarms"]
    assert alarm["name"] == "perch-local-blue-nearly-full"
    assert alarm["why"] == "page: why it matters"
    assert "alarms        1 in ALARM" in run(folder).stdout


def test_a_stack_of_an_older_program_has_no_record_of_the_colour_in_service(
    aws: Account, folder: Path
) -> None:
    (folder / "outputs.json").write_text(
        json.dumps(aws.outputs | {"in_service_parameter_name": None})
    )
    report = told(folder)
    said = "a program that keeps no record of it made this stack"
    assert (report["in_service"], report["not_known"]["in service"]) == (None, said)


def test_what_cannot_be_had_is_named_and_the_rest_is_told(aws: Account, folder: Path) -> None:
    outputs = aws.outputs | {"recognition_parameter_name": "/perch/nowhere"}
    colours = outputs["colours"]
    lost = colours["green"] | {"auto_scaling_group_name": "perch-gone"}
    (folder / "outputs.json").write_text(
        json.dumps(outputs | {"colours": colours | {"green": lost}})
    )
    done = run(folder)
    assert done.exit_code == 1
    assert "recognition   not known" in done.stdout
    assert "  recognition: parameter /perch/nowhere of stack local cannot be read" in done.stdout
    assert "  machines of green: stack local has no group perch-gone in AWS" in done.stdout
    report = told(folder)
    assert (report["recognition"], report["cost"], report["failed"]) == (None, None, True)
    assert report["colours"][0]["machines"] is not None


NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def machine(**changes: Any) -> Machine:  # noqa: ANN401 - any field
    usual: dict[str, Any] = {
        "id": "i-1",
        "type": "g5.xlarge",
        "zone": "us-east-2a",
        "state": "InService",
        "health": "Healthy",
        "launched": NOON - timedelta(hours=2),
        "is_spot": False,
    }
    return Machine(**(usual | changes))


def test_cost_is_hours_since_launch_times_the_tables_price() -> None:
    cost = so_far([machine(), machine(launched=NOON - timedelta(minutes=30))], REGION, NOON)
    # 1.006 USD an hour (ops/cost/prices.toml), two hours and a half.
    assert (cost.usd, cost.usd_per_hour) == (Decimal("2.52"), Decimal("2.012"))
    assert cost.not_priced == ()
    assert so_far([], REGION, NOON).usd == Decimal("0.00")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"is_spot": True}, "i-1: a spot machine, whose price changes by the hour"),
        ({"type": "x9.huge"}, "i-1: no price of x9.huge in us-east-2 in the table"),
        ({"launched": None}, "i-1: EC2 does not say when it was launched"),
    ],
)
def test_a_machine_without_a_price_is_named_and_not_guessed(
    changes: dict[str, Any], reason: str
) -> None:
    alone = so_far([machine(**changes)], REGION, NOON)
    assert (alone.usd, alone.usd_per_hour, alone.not_priced) == (None, None, (reason,))
    beside = so_far([machine(**changes), machine(id="i-2")], REGION, NOON)
    assert (beside.usd, beside.not_priced) == (Decimal("2.01"), (reason,))


def test_a_machine_is_told_with_its_age_and_whether_aws_may_take_it_back() -> None:
    fact = MachineFact(
        id="i-1",
        type="g6.xlarge",
        zone="us-east-2a",
        state="Terminating:Wait",
        health="Healthy",
        launched_at=NOON - timedelta(hours=26, minutes=4),
        is_spot=True,
        ami_id=None,
    )
    said = "i-1 g6.xlarge in us-east-2a: Terminating:Wait, up 1 d 2 h, spot"
    assert _machine(fact, NOON) == said
    assert _age(timedelta(hours=3, minutes=12)) == "3 h 12 min"


def test_a_question_that_fails_costs_no_other_one_its_answer() -> None:
    def refused() -> int:
        raise CommandFailedError("not today")

    assert ask({"one": lambda: 1, "two": refused}) == (
        {"one": 1, "two": None},
        {"two": "not today"},
    )


def test_names_that_the_program_gives_are_known_here() -> None:
    assert in_aws.NAMESPACE == METRICS_NAMESPACE
    own = {alarm.slug for alarm in entrance_alarms(may_be_empty=False)}
    assert own | {"any"} == alarms.ENTRANCE_ALARMS
    assert here.READINESS == READINESS_PATH
    assert alarms.is_of("local", f"{GREEN}-any")
    assert not alarms.is_of("local", "perch-local-2-any")
