"""`perch doctor` of a stack in the AWS that moto plays, and of this machine.

Not proved: what AWS's own quotas and clock are; of quotas moto knows none of EC2's.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result

from ops.cost.quota import quota_uses
from ops.doctor import command, files, machine
from ops.doctor.finding import Finding, looked
from ops.doctor.in_aws import InAws
from ops.offline.engine.recording import Recording
from ops.offline.recorder import record
from ops.stack import StackOutputs
from tests.support.account import Account, account


@pytest.fixture(scope="module")
def aws() -> Iterator[Account]:
    with account() as made:
        made.clients["logs"].create_log_group(
            logGroupName=made.outputs["log_group_names"]["system"]
        )
        topic = made.clients["sns"].create_topic(Name="perch-local-alarms")["TopicArn"]
        yield Account(made.clients, made.outputs | {"alarm_topic_arn": topic})


@pytest.fixture(scope="module")
def recording() -> Recording:
    return record("local")


def doctor(aws: Account, **clients: object) -> InAws:
    outputs = StackOutputs.model_validate(aws.outputs)
    return InAws("local", outputs, {**aws.clients, **clients})


def test_who_asks_is_told_and_another_account_is_a_fault(aws: Account) -> None:
    found = doctor(aws).credentials()
    assert (found.level, "123456789012" in found.detail) == ("ok", True)
    listener = aws.outputs["listener_arn"].replace("123456789012", "210987654321")
    other = Account(aws.clients, aws.outputs | {"listener_arn": listener})
    wrong = doctor(other).credentials()
    assert wrong.level == "fail"
    assert wrong.detail.endswith("is of account 123456789012, the stack of 210987654321")


class Sts:
    """Answers at a time of its own, or refuses."""

    def __init__(self, headers: Mapping[str, str] | None) -> None:
        self._headers = headers

    def get_caller_identity(self) -> Mapping[str, Any]:
        if self._headers is None:
            answer: Any = {"Error": {"Code": "ExpiredToken", "Message": "it has expired"}}
            raise ClientError(answer, "GetCallerIdentity")
        return {"ResponseMetadata": {"HTTPHeaders": self._headers}}


def test_credentials_that_are_refused_are_a_fault(aws: Account) -> None:
    refused = doctor(aws, sts=Sts(None)).credentials()
    assert (refused.level, "ExpiredToken" in refused.detail) == ("fail", True)


@pytest.mark.parametrize(
    ("off", "level"), [(0, "ok"), (60, "warn"), (-60, "warn"), (600, "fail"), (-600, "fail")]
)
def test_a_clock_that_is_off_is_told_before_aws_refuses_what_it_signs(
    aws: Account, off: int, level: str
) -> None:
    told = format_datetime(datetime.now(UTC) + timedelta(seconds=off), usegmt=True)
    assert doctor(aws, sts=Sts({"date": told})).clock().level == level


def test_an_answer_without_a_date_leaves_the_clock_not_known(aws: Account) -> None:
    found = looked("clock", doctor(aws, sts=Sts({})).clock)
    assert (found.level, found.detail) == ("warn", "not known: the answer had no date")


def test_alarms_that_nobody_is_told_of_are_a_warning(aws: Account) -> None:
    none = doctor(aws).recipients()
    assert (none.level, none.detail) == ("warn", "nobody is told of alarms")
    aws.clients["sns"].subscribe(
        TopicArn=aws.outputs["alarm_topic_arn"], Protocol="email", Endpoint="oncall@example.com"
    )
    assert doctor(aws).recipients().detail == "1 told of alarms"

    class Pending:
        def get_paginator(self, _: str) -> "Pending":
            return self

        def paginate(self, **_: str) -> list[dict[str, Any]]:
            one = {"Endpoint": "a@example.com", "SubscriptionArn": "PendingConfirmation"}
            return [{"Subscriptions": [one]}]

    pending = doctor(aws, sns=Pending()).recipients()
    assert (pending.level, pending.detail) == ("warn", "not confirmed: a@example.com")


def test_a_machine_in_service_that_writes_nothing_is_named(aws: Account) -> None:
    [serving] = aws.machines
    silent = doctor(aws).agents()
    assert (silent.level, silent.detail.endswith(f"from {serving}")) == ("warn", True)
    logs, group = aws.clients["logs"], aws.outputs["log_group_names"]["system"]
    logs.create_log_stream(logGroupName=group, logStreamName=f"{serving}/host")
    now = int(datetime.now(UTC).timestamp() * 1000)
    logs.put_log_events(
        logGroupName=group,
        logStreamName=f"{serving}/host",
        logEvents=[{"timestamp": now, "message": "here"}],
    )
    assert doctor(aws).agents().detail == "1 machine(s) in service, each writes"


class Quotas:
    """An account with so many vCPUs of each quota."""

    def __init__(self, vcpus: float) -> None:
        self._vcpus = vcpus

    def get_service_quota(self, **_: str) -> dict[str, Any]:
        return {"Quota": {"Value": self._vcpus}}


def test_quotas_are_held_against_what_the_stacks_machines_may_take(
    aws: Account, recording: Recording
) -> None:
    [use] = quota_uses(recording.as_document()["resources"])
    for vcpus, level in ((use.most, "ok"), (use.most - 1, "warn"), (use.first - 1, "fail")):
        found = doctor(aws, **{"service-quotas": Quotas(vcpus)}).quota(recording)
        assert found.level == level, found
    assert f"{use.first} to {use.most} wanted" in found.detail


def test_a_stack_that_is_not_what_its_file_says_is_told_with_both(recording: Recording) -> None:
    deployed = StackOutputs.model_validate(recording.outputs)
    assert files.compared(deployed, recording).level == "ok"
    green = deployed.colours.green.model_copy(update={"image": "nim/other:1"})
    colours = deployed.colours.model_copy(update={"green": green})
    found = files.compared(deployed.model_copy(update={"colours": colours}), recording)
    assert found.level == "warn"
    assert found.detail.startswith("green.image is nim/other:1, in the file 123456789012.dkr.ecr")


def script(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_tools_are_looked_for_and_asked_their_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.tool("pulumi").detail == "not on the PATH"
    script(tmp_path, "pulumi", "echo v3.270.0")
    assert machine.tool("pulumi").detail == f"3.270.0 at {tmp_path / 'pulumi'}"
    script(tmp_path, "aws", "exit 3")
    broken = machine.tool("aws")
    assert (broken.level, "(exit code 3)" in broken.detail) == ("fail", True)


def test_the_python_is_this_one() -> None:
    assert machine.python().level in {"ok", "warn"}
    assert sys.prefix in machine.python().detail


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(command.command, ["--state-dir", str(folder), *arguments])


def test_a_name_that_does_not_resolve_and_a_certificate_that_is_not_seen_fail_it(
    aws: Account, tmp_path: Path
) -> None:
    outputs = aws.outputs | {"endpoint_url": "https://perch.invalid"}
    (tmp_path / "outputs.json").write_text(json.dumps(outputs))
    done = run(tmp_path)
    assert done.exit_code == 1
    assert "FAIL  name: perch.invalid does not resolve" in done.stdout
    assert "FAIL  certificate: " in done.stdout
    assert "OK    credentials: " in done.stdout
    # moto has no quotas of EC2, and none is made up for it.
    assert "WARN  quota: not known: " in done.stdout


def test_without_outputs_this_machine_is_looked_at_all_the_same(tmp_path: Path) -> None:
    done = run(tmp_path / "none", "--json")
    report = json.loads(done.stdout)
    assert (done.exit_code, report["ok"]) == (1, False)
    levels = {one["name"]: one["level"] for one in report["findings"]}
    assert levels["outputs"] == "fail"
    assert {"python", "pulumi"} <= levels.keys()


def test_a_finding_is_a_line_with_what_to_do() -> None:
    found = Finding(name="clock", level="warn", detail="late", advice="set it")
    assert str(found) == "WARN  clock: late; set it"
    assert os.linesep not in str(found)
