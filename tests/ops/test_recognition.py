"""`perch recognition` against the SSM that moto plays.

Not proved: what AWS does with a new version of a parameter beyond that (docs/unverified.md).
"""

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from click.testing import CliRunner, Result
from mypy_boto3_ssm import SSMClient

from infra.boot.environment import boot_environment
from infra.machines.switch import POSITIONS
from ops import recognition
from ops.local.host import POLL_SECONDS
from tests.support.boot_settings import boot_settings
from tests.support.moto import bare_aws
from tests.support.outputs import OUTPUTS

NAME = "/perch/local/recognition"


@pytest.fixture
def ssm() -> Iterator[SSMClient]:
    """Systems Manager, with the switch as the program makes it."""
    with bare_aws():
        api = boto3.client("ssm", region_name="us-east-2")
        api.put_parameter(Name=NAME, Value="on", Type="String", AllowedPattern="^(on|off)$")
        yield api


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """State folder of a stack without a fallback."""
    (tmp_path / "outputs.json").write_text(json.dumps(OUTPUTS))
    return tmp_path


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(recognition.command, ["--state-dir", str(folder), *arguments])


def value(ssm: SSMClient) -> str:
    return ssm.get_parameter(Name=NAME)["Parameter"]["Value"]


def test_shows_where_the_switch_stands_and_what_that_means(ssm: SSMClient, folder: Path) -> None:
    assert run(folder).stdout == "on: speech is recognised\n"
    ssm.put_parameter(Name=NAME, Value="maybe", Overwrite=True)
    assert run(folder).stdout == "maybe: no position of the switch; machines do not follow\n"


def test_turns_it_and_says_until_when_every_gateway_follows(ssm: SSMClient, folder: Path) -> None:
    done = run(folder, "off")
    assert (done.exit_code, value(ssm)) == (0, "off")
    assert done.stdout.splitlines() == [
        "off (was on): no speech is recognised; clients are told `recognition_off`",
        "every gateway follows within 7 s",
    ]
    assert run(folder, "off").stdout.startswith("off (as before): ")
    assert run(folder, "on").exit_code == 0
    assert value(ssm) == "on"


def test_every_version_takes_the_switchs_own_words_alone(ssm: SSMClient, folder: Path) -> None:
    run(folder, "off")
    [described] = ssm.describe_parameters()["Parameters"]
    assert described["AllowedPattern"] == "^(on|off|fallback)$"
    assert described["Type"] == "String"


def test_a_stack_without_a_fallback_refuses_it_and_turns_nothing(
    ssm: SSMClient, folder: Path
) -> None:
    refused = run(folder, "fallback")
    assert refused.exit_code == 2
    assert "stack local has no fallback; accepted: on, off" in refused.stderr
    assert value(ssm) == "on"


def test_a_stack_with_a_fallback_says_where_that_is(ssm: SSMClient, folder: Path) -> None:
    outputs = OUTPUTS | {"riva_fallback_endpoints": "10.9.0.7:50051/9000"}
    (folder / "outputs.json").write_text(json.dumps(outputs))
    done = run(folder, "fallback")
    assert (done.exit_code, value(ssm)) == (0, "fallback")
    assert "at the fallback, 10.9.0.7:50051/9000" in done.stdout


def test_a_word_that_is_no_position_is_refused_with_those_that_are(
    ssm: SSMClient, folder: Path
) -> None:
    refused = run(folder, "of")
    assert refused.exit_code == 2
    assert "'on', 'off', 'fallback'" in refused.stderr
    assert value(ssm) == "on"


def test_a_parameter_that_is_not_there_is_named(ssm: SSMClient, folder: Path) -> None:
    ssm.delete_parameter(Name=NAME)
    refused = run(folder, "off")
    assert refused.exit_code == 1
    (line,) = refused.stderr.splitlines()
    assert line.startswith(f"perch: parameter {NAME} of stack local cannot be read: ")
    assert "ParameterNotFound" in line


def test_positions_and_times_are_the_programs_and_the_machines_own() -> None:
    assert recognition.POSITIONS == POSITIONS
    assert set(recognition.MEANING) == set(POSITIONS)
    machine = boot_environment(boot_settings())
    assert float(machine["PERCH_POLL_SECONDS"]) == recognition.MACHINE_SECONDS
    assert recognition.follow_seconds(is_local=True) == pytest.approx(POLL_SECONDS + 2)
