"""What a host does for the gateways of a local stack, against the AWS that moto plays.

`test_up.py` shows that gateways follow.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from ops.local.host import ParameterFollower, fetch, keep_secrets, keep_word
from tests.support.moto import bare_aws

NAME = "/perch/local/recognition"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-2")
    with bare_aws():
        yield


@pytest.mark.usefixtures("aws")
def test_keys_come_from_the_stacks_secret_and_are_its_owners_alone(tmp_path: Path) -> None:
    manager = boto3.client("secretsmanager")
    arn = manager.create_secret(Name="keys", SecretString="first\nsecond")["ARN"]
    fetch(arn, tmp_path / "keys")
    assert (tmp_path / "keys").read_text() == "first\nsecond"
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("aws")
def test_a_secret_without_a_value_is_an_error_and_no_empty_file(tmp_path: Path) -> None:
    arn = boto3.client("secretsmanager").create_secret(Name="keys")["ARN"]
    with pytest.raises(ClientError):
        fetch(arn, tmp_path / "keys")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("aws")
def test_the_file_says_what_the_parameter_says(tmp_path: Path) -> None:
    ssm, file = boto3.client("ssm"), tmp_path / "recognition"
    follower = ParameterFollower(ssm, NAME, keep_word(file))
    for word in ("on", "off", "on"):
        ssm.put_parameter(Name=NAME, Value=word, Type="String", Overwrite=True)
        follower.look()
        assert file.read_text() == f"{word}\n"


@pytest.mark.usefixtures("aws")
def test_secrets_are_fetched_again_when_their_version_is_another_and_at_no_other_time(
    tmp_path: Path,
) -> None:
    manager, ssm, file = boto3.client("secretsmanager"), boto3.client("ssm"), tmp_path / "key"
    arn = manager.create_secret(Name="key", SecretString="first")["ARN"]
    follower = ParameterFollower(ssm, NAME, keep_secrets({arn: file}))
    ssm.put_parameter(Name=NAME, Value="0", Type="String")
    follower.look()
    assert file.read_text() == "first"
    manager.put_secret_value(SecretId=arn, SecretString="second")  # pragma: allowlist secret
    follower.look()
    assert file.read_text() == "first"
    ssm.put_parameter(Name=NAME, Value="1", Overwrite=True)
    follower.look()
    assert file.read_text() == "second"


@pytest.mark.usefixtures("aws")
def test_a_secret_that_cannot_be_had_is_asked_for_again_and_the_old_one_stays(
    tmp_path: Path,
) -> None:
    manager, ssm, file = boto3.client("secretsmanager"), boto3.client("ssm"), tmp_path / "key"
    arn = manager.create_secret(Name="key", SecretString="first")["ARN"]
    follower = ParameterFollower(ssm, NAME, keep_secrets({arn: file}))
    ssm.put_parameter(Name=NAME, Value="0", Type="String")
    follower.look()
    manager.put_secret_value(SecretId=arn, SecretString="second")  # pragma: allowlist secret
    manager.delete_secret(SecretId=arn)
    ssm.put_parameter(Name=NAME, Value="1", Overwrite=True)
    follower.look()
    assert file.read_text() == "first"
    manager.restore_secret(SecretId=arn)
    follower.look()
    assert file.read_text() == "second"


def test_without_an_answer_the_last_word_stays_and_it_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ssm = boto3.client(
        "ssm", region_name="us-east-2", aws_access_key_id="x", aws_secret_access_key="x"
    )
    file = tmp_path / "recognition"
    follower = ParameterFollower(ssm, NAME, keep_word(file))
    asked = {"Name": NAME}
    with Stubber(ssm) as stub, caplog.at_level(logging.INFO):
        stub.add_response("get_parameter", {"Parameter": {"Value": "off"}}, asked)
        for _ in range(3):
            stub.add_client_error("get_parameter", "ThrottlingException", expected_params=asked)
        stub.add_response("get_parameter", {"Parameter": {"Value": "off"}}, asked)
        stub.add_client_error("get_parameter", "InternalServerError", expected_params=asked)
        for _ in range(6):
            follower.look()
        stub.assert_no_pending_responses()
    assert file.read_text() == "off\n"
    said = [record.getMessage() for record in caplog.records if record.name == "perch.host"]
    assert len([line for line in said if "holds" in line]) == 2
    assert len([line for line in said if line == "recognition is off"]) == 1
