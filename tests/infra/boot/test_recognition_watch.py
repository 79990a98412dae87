"""The switch of recognition on a machine: real bash, curl and SSM as moto plays it.

Our own server checks curl's signature with botocore, as moto checks none. Not proved: that AWS
takes it, and that curl of the machine image signs as this one does (docs/unverified.md).
"""

import http.server
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.server import ThreadedMotoServer

from infra.boot.gateway import RECOGNITION_FILE, RUN
from tests.infra.boot.standins.host import Host
from tests.infra.boot.standins.starting import start, stop
from tests.support.boot_settings import REGION

NAME = "/perch/dev/recognition"
KEYS = {
    "AccessKeyId": "ASIAMADEUPFORATEST00",  # pragma: allowlist secret
    "SecretAccessKey": "made+up/for/a/test",  # pragma: allowlist secret
    "Token": "a+session/token==",
}
FROM_IMDS = (
    '{\n  "Code" : "Success",\n  "Type" : "AWS-HMAC",\n'
    + "".join(f'  "{name}" : "{value}",\n' for name, value in KEYS.items())
    + '  "Expiration" : "2026-11-23T01:00:00Z"\n}'
)


@pytest.fixture
def machine(host: Host) -> Host:
    """A machine whose role has credentials."""
    host.metadata.values["iam/security-credentials/"] = "perch-dev-blue"
    host.metadata.values["iam/security-credentials/perch-dev-blue"] = FROM_IMDS
    return host


@dataclass
class Watch:
    """The script while it runs.

    Attributes:
        process: its process.
        host: the machine.
        said: what it has said so far.
    """

    process: subprocess.Popen[str]
    host: Host
    said: list[str] = field(default_factory=list)

    def until(self, text: str) -> str:
        """Wait for a line; the test's own deadline ends a wait for nothing."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)
            if text in line:
                return line
        raise AssertionError("".join(self.said))

    @property
    def word(self) -> str:
        file = self.host.run_folder / RECOGNITION_FILE.removeprefix(f"{RUN}/")
        assert file.stat().st_mode & 0o777 == 0o644
        return file.read_text()


@contextmanager
def watching(host: Host, ssm: str, script: str = "recognition-watch") -> Iterator[Watch]:
    process = start(
        [host.library / script],
        host.environment | {"PERCH_SSM": ssm, "no_proxy": "127.0.0.1"},
    )
    try:
        yield Watch(process, host)
    finally:
        stop(process)


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """Address of an AWS API that believes every key: the machine has one of its own."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def turn(aws: str, word: str, name: str = NAME) -> None:
    boto3.client(
        "ssm",
        endpoint_url=aws,
        region_name=REGION,
        aws_access_key_id="offline",
        aws_secret_access_key="offline",  # pragma: allowlist secret
    ).put_parameter(Name=name, Value=word, Type="String", Overwrite=True)


def test_follows_the_parameter_and_keeps_a_word_it_does_not_know_out(
    machine: Host, aws: str
) -> None:
    turn(aws, "off")
    with watching(machine, aws) as watch:
        watch.until("recognition is off")
        assert watch.word == "off\n"
        turn(aws, "fallback")
        watch.until("recognition is fallback")
        assert watch.word == "fallback\n"
        turn(aws, "maybe")
        watch.until("the last word stays")
        assert watch.word == "fallback\n"
        turn(aws, "on")
        watch.until("recognition is on")
        assert watch.word == "on\n"
        assert not list((machine.run_folder / "recognition").glob("*.new"))


def curls_on(option: str) -> list[bytes]:
    """The command lines that have the option, of whatever process runs now."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            lines.append(path.read_bytes())
    return [line for line in lines if option.encode() in line]


@dataclass
class Answering:
    """An SSM that says what it is told to.

    Attributes:
        status: of its answers.
        body: of its answers.
        asked: headers and body of every question.
        command_lines: of the processes that were asking.
    """

    status: HTTPStatus
    body: str
    asked: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    command_lines: list[bytes] = field(default_factory=list)

    @contextmanager
    def serving(self) -> Iterator[str]:
        me = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                # While curl waits for the answer, everybody on the machine can read this.
                me.command_lines += curls_on("--aws-sigv4")
                me.asked.append(({key.lower(): each for key, each in self.headers.items()}, body))
                self.send_response(me.status)
                self.send_header("Content-Length", str(len(me.body)))
                self.end_headers()
                self.wfile.write(me.body.encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def signature(url: str, headers: dict[str, str], body: bytes, signed: list[str]) -> str:
    """What botocore would sign that request with."""
    request = AWSRequest("POST", url, data=body, headers={name: headers[name] for name in signed})
    request.context["timestamp"] = headers["x-amz-date"]
    auth = SigV4Auth(
        Credentials(KEYS["AccessKeyId"], KEYS["SecretAccessKey"], KEYS["Token"]), "ssm", REGION
    )
    text = auth.string_to_sign(request, auth.canonical_request(request))
    return str(auth.signature(text, request))


def test_signs_as_aws_wants_it_and_shows_its_keys_to_nobody(machine: Host) -> None:
    ssm = Answering(HTTPStatus.OK, '{"Parameter":{"Name":"x","Value":"off","Version":2}}')
    with ssm.serving() as url, watching(machine, url) as watch:
        watch.until("recognition is off")
        shown = [
            *ssm.command_lines,
            *(each.read_bytes() for each in machine.run_folder.rglob("*") if each.is_file()),
            "".join(watch.said).encode(),
        ]
    headers, body = ssm.asked[0]
    fields = dict(
        part.split("=", 1) for part in headers["authorization"].split(" ", 1)[1].split(", ")
    )
    signed = fields["SignedHeaders"].split(";")
    assert {"host", "x-amz-date", "x-amz-security-token", "x-amz-target"} <= set(signed)
    assert headers["x-amz-security-token"] == KEYS["Token"]
    assert headers["x-amz-target"] == "AmazonSSM.GetParameter"
    assert body == b'{"Name":"/perch/dev/recognition"}'
    assert headers["host"] == urlsplit(url).netloc
    assert fields["Signature"] == signature(url, headers, body, signed)
    assert ssm.command_lines
    assert not [key for key in KEYS.values() for text in shown if key.encode() in text]


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (
            HTTPStatus.BAD_REQUEST,
            '{"__type":"AccessDeniedException","Message":"not authorized: ssm:GetParameter"}',
            "AccessDeniedException",
        ),
        (HTTPStatus.SERVICE_UNAVAILABLE, "", "503"),
        (HTTPStatus.OK, '{"Parameter":{"Value":"ON"}}', '"Value":"ON"'),
    ],
)
def test_keeps_the_last_word_when_aws_has_none_and_says_so_once(
    machine: Host, status: HTTPStatus, body: str, said: str
) -> None:
    file = machine.run_folder / "recognition" / "word"
    file.write_text("off\n")
    ssm = Answering(status, body)
    with ssm.serving() as url, watching(machine, url) as watch:
        assert said in watch.until("the last word stays")
        ssm.status, ssm.body = HTTPStatus.OK, '{"Parameter":{"Value":"on"}}'
        watch.until("recognition is on")
    assert len([line for line in watch.said if "stays" in line]) == 1
    assert file.read_text() == "on\n"


def test_waits_for_credentials_without_a_word_in_the_file(machine: Host) -> None:
    """A gateway that finds no file goes by its environment, which says on."""
    keys = machine.metadata.values.pop("iam/security-credentials/perch-dev-blue")
    ssm = Answering(HTTPStatus.OK, '{"Parameter":{"Value":"off"}}')
    with ssm.serving() as url, watching(machine, url) as watch:
        watch.until("the machine has no credentials")
        assert ssm.asked == []
        assert not (machine.run_folder / "recognition" / "word").exists()
        machine.metadata.values["iam/security-credentials/perch-dev-blue"] = keys
        watch.until("recognition is off")
