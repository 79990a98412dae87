"""A session for an AWS API on this machine asks nobody's settings. Nothing is sent anywhere."""

from pathlib import Path

import pytest
from botocore.config import Config
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES, DEFAULT_S3_CONFIG_VARS

from ops.offline.simulator.credentials import AccessKey
from ops.offline.simulator.sessions import isolated_session


def variables() -> set[str]:
    """Every variable that botocore knows, and those of its HTTP client."""
    named: set[str] = {"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SSM", "AWS_ENDPOINT_URL_S3"}
    for table in (BOTOCORE_DEFAUT_SESSION_VARIABLES, DEFAULT_S3_CONFIG_VARS):
        for _, variable, _, _ in table.values():
            named |= set(variable if isinstance(variable, list) else [variable]) - {None}
    return named | {"ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY"}


@pytest.mark.parametrize("junk", ["junk", "", "/dev", "socks5://127.0.0.1:9"])
@pytest.mark.parametrize("service", ["ssm", "s3", "elbv2", "secretsmanager"])
def test_no_variable_of_the_person_changes_it_or_ends_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, junk: str, service: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".aws").mkdir()
    for name in ("config", "credentials"):
        (tmp_path / ".aws" / name).write_text("[default]\nregion = eu-west-1\nnot a line\n")
    for name in variables():
        monkeypatch.setenv(name, junk)
    session = isolated_session(AccessKey("mine", "word"), region="us-east-2")
    client = session.client(
        service,  # type: ignore[call-overload]  # as the table above has it
        endpoint_url="http://127.0.0.1:9",
        config=Config(proxies={}),
    )
    found = session.get_credentials()
    assert found is not None
    assert (found.access_key, found.secret_key, found.token) == ("mine", "word", None)
    assert client.meta.region_name == "us-east-2"
    assert client.meta.endpoint_url == "http://127.0.0.1:9"
