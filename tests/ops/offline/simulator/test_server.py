"""The AWS API on this machine, as the process that `perch up` starts.

Who may speak to it is proved here against the real server; `test_sigv4.py` has what counts as a
signature. Not proved: that browsers send the headers by which they are known.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import psutil
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from ops.offline.applier import apply
from ops.offline.errors import OfflineError
from ops.offline.simulator.credentials import AccessKey, load
from ops.offline.simulator.server import main
from tests.ops.offline.conftest import HARBOUR
from tests.support.cases import few
from tests.support.moto import BARE

REGION = "us-east-2"
JSON = {"X-Amz-Target": "AmazonSSM.PutParameter", "Content-Type": "application/x-amz-json-1.1"}
OFF = b'{"Name": "/perch/local/recognition", "Value": "off", "Type": "String"}'


@dataclass(frozen=True)
class Server:
    """A running simulated AWS."""

    process: "subprocess.Popen[str]"
    url: str
    credentials: Path

    @property
    def key(self) -> AccessKey:
        return load(self.credentials)

    def client(self, service: str, key: AccessKey | None = None) -> Any:  # noqa: ANN401 - any service
        key = key or self.key
        session = boto3.Session(key.id, key.secret, region_name=REGION)
        once = Config(retries={"total_max_attempts": 1}, proxies={})
        return session.client(service, endpoint_url=self.url, config=once)  # type: ignore[call-overload]  # the service is data

    def signed(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> AWSRequest:
        request = AWSRequest(method, f"{self.url}{path}", headers=headers, data=body)
        SigV4Auth(Credentials(self.key.id, self.key.secret), "ssm", REGION).add_auth(request)
        return request

    def ask(self, method: str, path: str = "/", **options: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        return httpx.request(method, f"{self.url}{path}", trust_env=False, timeout=30, **options)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    file = tmp_path_factory.mktemp("aws") / "credentials"
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "ops.offline.simulator.server"),
            *("--port", "0", "--credentials", str(file)),
        ],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **BARE, "PYTHONWARNINGS": "default"},
    )
    with process:
        assert process.stdout is not None
        yield Server(process, process.stdout.readline().rpartition(" ")[2].strip(), file)
        process.kill()


def test_a_stack_is_created_through_the_server(server: Server) -> None:
    assert server.url.startswith("http://127.0.0.1:")
    applied = apply("quay", endpoint_url=server.url, credentials=server.credentials, root=HARBOUR)
    assert applied.outputs["vpc_id"].startswith("vpc-")


def test_a_stack_is_not_created_without_the_runs_access_key(server: Server, tmp_path: Path) -> None:
    with pytest.raises(OfflineError, match="InvalidClientTokenId"):
        apply("quay", endpoint_url=server.url, root=HARBOUR)
    with pytest.raises(OfflineError, match=r"credentials file .*: No such file"):
        apply("quay", endpoint_url=server.url, credentials=tmp_path / "none", root=HARBOUR)


def test_the_access_key_is_its_owners_alone_and_on_no_command_line(server: Server) -> None:
    assert server.credentials.stat().st_mode & 0o777 == 0o600
    process = psutil.Process(server.process.pid)
    assert server.key.secret not in " ".join((*process.cmdline(), *process.environ().values()))


@pytest.mark.parametrize(
    "service",
    few(("ec2", "elbv2", "iam", "route53", "s3", "ssm", "sts"), ("ec2", "route53", "s3", "ssm")),
)
def test_every_protocol_of_aws_is_told_that_its_key_is_wrong(server: Server, service: str) -> None:
    calls = {
        "ec2": "describe_vpcs",
        "elbv2": "describe_load_balancers",
        "iam": "list_roles",
        "route53": "list_hosted_zones",
        "s3": "list_buckets",
        "ssm": "describe_parameters",
        "sts": "get_caller_identity",
    }
    right = server.key
    for key, code in (
        (
            AccessKey("AKIAIOSFODNN7EXAMPLE", right.secret),  # pragma: allowlist secret
            "InvalidClientTokenId",
        ),  # pragma: allowlist secret
        (AccessKey(right.id, right.secret[::-1]), "SignatureDoesNotMatch"),
    ):
        with pytest.raises(ClientError) as refused:
            getattr(server.client(service, key), calls[service])()
        assert refused.value.response["Error"]["Code"] == code
    getattr(server.client(service), calls[service])()


def test_what_is_not_signed_is_refused(server: Server) -> None:
    for method in ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"):
        refused = server.ask(method, headers=JSON, content=OFF)
        assert refused.status_code == 403
        assert refused.headers["x-amzn-errortype"] == "MissingAuthenticationToken"
    assert_nothing_was_set(server)


@pytest.mark.parametrize(
    "header",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Host": "evil.example:8440"},
        {"Host": "localhost.evil.example"},
        {"Host": "127.0.0.1:1@evil.example"},
        {"Host": ""},
    ],
    ids=str,
)
def test_a_web_page_is_refused_even_with_the_access_key(
    server: Server, header: dict[str, str]
) -> None:
    request = server.signed("POST", "/", OFF, {**JSON, **header})
    refused = server.ask("POST", headers=dict(request.headers.items()), content=OFF)
    assert (refused.status_code, refused.json()["__type"]) == (403, "AccessDenied")
    assert not any(name.startswith("access-control-") for name in refused.headers)
    assert_nothing_was_set(server)


def test_no_browser_is_told_that_it_may_read_or_send(server: Server) -> None:
    preflight = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-amz-target,authorization",
    }
    body = b'{"Name": "/nothing"}'
    read = {**JSON, "X-Amz-Target": "AmazonSSM.GetParameter"}
    request = server.signed("POST", "/", body, read)
    answered = server.ask("POST", headers=dict(request.headers.items()), content=body)
    assert "ParameterNotFound" in answered.text
    for answer in (answered, server.ask("OPTIONS", headers=preflight)):
        assert not any(name.startswith("access-control-") for name in answer.headers)


def test_a_signed_request_cannot_be_sent_with_another_body_or_to_another_place(
    server: Server,
) -> None:
    headers = dict(server.signed("POST", "/", OFF, JSON).headers.items())
    for path, body in (("/", OFF.replace(b"off", b"on")), ("/?x=1", OFF), ("/other", OFF)):
        refused = server.ask("POST", path, headers=headers, content=body)
        assert refused.json()["__type"] == "SignatureDoesNotMatch"
    assert_nothing_was_set(server)


def test_motos_own_pages_are_closed_to_everybody(server: Server) -> None:
    for path in ("/moto-api/reset", "/moto-api/data.json", "/latest/meta-data/iam/"):
        request = server.signed("POST", path, b"", {})
        refused = server.ask("POST", path, headers=dict(request.headers.items()))
        assert refused.status_code == 403
        assert "moto's own pages are closed here" in refused.text


def assert_nothing_was_set(server: Server) -> None:
    assert server.client("ssm").describe_parameters()["Parameters"] == []


def test_a_taken_port_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port), "--credentials", str(tmp_path / "key")]) == 1
    assert capsys.readouterr().err == f"--port {port}: Address already in use; choose another\n"


def test_credentials_that_cannot_be_written_are_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "no" / "key"
    assert main(["--port", "0", "--credentials", str(file)]) == 1
    assert capsys.readouterr().err == (
        f"--credentials {file}: No such file or directory; name a file in a folder that can be"
        " written to\n"
    )


def test_a_signal_ends_it_cleanly(server: Server) -> None:
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(30) == 0
