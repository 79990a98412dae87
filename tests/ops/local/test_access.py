"""The way to the AWS API of a local stack, beside whatever AWS settings a person has.

`tests/ops/local/test_up.py` shows that it leads there.
"""

from pathlib import Path

import pytest

from ops.console.errors import CommandFailedError
from ops.local.access import local_session
from ops.local.children import aws_access
from ops.offline.simulator.credentials import issue


def test_the_persons_profile_and_files_are_neither_used_nor_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("this is [no file of AWS's")
    monkeypatch.setenv("AWS_PROFILE", "that-does-not-exist")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")  # pragma: allowlist secret
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    key = issue(tmp_path / "credentials")
    access = aws_access("http://127.0.0.1:1", "us-east-2", tmp_path / "credentials")
    session = local_session(access)
    client = session.client("ssm", endpoint_url=access["AWS_ENDPOINT_URL"])
    found = session.get_credentials()
    assert found is not None
    assert (found.access_key, found.secret_key) == (key.id, key.secret)
    assert client.meta.region_name == "us-east-2"


def test_a_stack_whose_credentials_are_gone_is_one_sentence(tmp_path: Path) -> None:
    access = aws_access("http://127.0.0.1:1", "us-east-2", tmp_path / "credentials")
    with pytest.raises(CommandFailedError, match="`make up` starts it"):
        local_session(access)
