"""The record of the colour in service, against the SSM that moto plays."""

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from mypy_boto3_ssm import SSMClient

from infra.entrance.in_service import PATTERN
from ops import in_service
from ops.console.errors import CommandFailedError, ConfigurationError
from tests.support.moto import bare_aws
from tests.support.outputs import OUTPUTS

NAME = "/perch/local/in-service"


@pytest.fixture
def ssm() -> Iterator[SSMClient]:
    """Systems Manager, with the record as the program makes it."""
    with bare_aws():
        api = boto3.client("ssm", region_name="us-east-2")
        api.put_parameter(Name=NAME, Value="blue", Type="String", AllowedPattern=PATTERN)
        yield api


def outputs(folder: Path, **changes: object) -> Path:
    (folder / "outputs.json").write_text(json.dumps(OUTPUTS | changes))
    return folder


def test_what_is_written_is_read_by_whoever_knows_the_stacks_name(
    ssm: SSMClient, tmp_path: Path
) -> None:
    folder = outputs(tmp_path)
    assert in_service.colour_in_service("local", folder) == "blue"
    in_service.InService("local", NAME, ssm).write("green")
    assert in_service.colour_in_service("local", folder) == "green"


def test_every_version_takes_a_colour_and_nothing_else(ssm: SSMClient) -> None:
    in_service.InService("local", NAME, ssm).write("green")
    [described] = ssm.describe_parameters()["Parameters"]
    assert described["AllowedPattern"] == PATTERN == in_service.PATTERN


@pytest.mark.usefixtures("ssm")
def test_a_stack_of_an_older_program_has_no_record_and_says_how_to_get_one(tmp_path: Path) -> None:
    folder = outputs(tmp_path, in_service_parameter_name=None)
    assert in_service.colour_in_service("local", folder) is None
    record = in_service.InService("prod", None, boto3.client("ssm", region_name="us-east-2"))
    with pytest.raises(ConfigurationError, match="`pulumi up --stack prod` makes it"):
        record.write("green")


def test_a_record_that_is_gone_is_named(ssm: SSMClient) -> None:
    ssm.delete_parameter(Name=NAME)
    with pytest.raises(CommandFailedError, match=f"parameter {NAME} of stack local cannot be read"):
        in_service.InService("local", NAME, ssm).read()


def test_a_word_that_is_no_colour_is_told_and_not_taken(ssm: SSMClient) -> None:
    """As where somebody wrote by hand, and with that took the pattern away."""
    ssm.put_parameter(Name=NAME, Value="red", Type="String", Overwrite=True)
    with pytest.raises(CommandFailedError, match="says 'red'; accepted: blue or green"):
        in_service.InService("local", NAME, ssm).read()


def test_each_colour_is_the_others_other() -> None:
    assert [in_service.other(colour) for colour in ("blue", "green")] == ["green", "blue"]
