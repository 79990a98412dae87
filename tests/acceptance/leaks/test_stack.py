"""The whole product on this machine: no secret of it comes out, and nothing else of it is open.

`perch up` runs as a person's shell with secrets in it starts it, and API keys are used on it. What
a machine in AWS has open is said by its security groups (infra/policies); that those let nobody
else in is AWS's to do.
"""

from __future__ import annotations

import os
import socket
import ssl
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Final

import boto3
import httpx
import pytest

from ops.local.open_ports import OPEN_PORTS
from ops.offline.simulator.credentials import load
from tests.acceptance.leaks.places import command_lines, environments, files
from tests.acceptance.leaks.sockets import addresses_of_this_machine, open_sockets
from tests.acceptance.leaks.stack_visits import KeysOfAStack
from tests.support.leaks.search import Search, Text
from tests.support.leaks.secrets import Secret, plain, private_key
from tests.support.port_rows import free_row
from tests.support.up_process import Up, running_up

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ops.local.state import StateFolder

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.xdist_group("tests/ops/local/test_up.py"),
]

SHELL: Final = {
    name: plain(f"{name} of the person's shell")
    for name in (
        "APP_AUTH_TOKENS",
        "APP_RESUME_KEYS",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "PULUMI_ACCESS_TOKEN",
        "PULUMI_CONFIG_PASSPHRASE",
        "RIVA_API_KEY",
    )
}
PROXY: Final = plain("the password of a proxy")
COMMANDS: Final = (
    ("outputs",),
    ("outputs", "--json"),
    ("status",),
    ("status", "--json"),
    ("smoke", "--json"),
    ("doctor",),
    ("logs",),
    ("recognition",),
    ("canary", "--help"),
)
"""Those that read; what they say is looked at, whatever they exit with."""


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("up")
    more = {name: secret.text for name, secret in SHELL.items()}
    more["HTTPS_PROXY"] = f"http://person:{PROXY.text}@127.0.0.1:9"
    with running_up(folder, "--ports-from", str(free_row()), more=more) as running:
        yield running


@pytest.fixture(scope="module")
def keys(up: Up) -> KeysOfAStack:
    """API keys, and single-use tokens that were given for them, used on the stack."""
    made = KeysOfAStack(up)
    made.use()
    return made


@pytest.fixture(scope="module")
def secrets(up: Up, keys: KeysOfAStack) -> list[Secret]:
    """What was planted, and what the run has made up by itself."""
    key = load(up.folder.aws_credentials)
    client = boto3.client(
        "secretsmanager",
        endpoint_url=up.state.aws["AWS_ENDPOINT_URL"],
        region_name=up.state.aws["AWS_REGION"],
        aws_access_key_id=key.id,
        aws_secret_access_key=key.secret,
    )
    arn = up.outputs.secret_arns.gateway_resume_keys
    resume = client.get_secret_value(SecretId=arn)["SecretString"]
    return [
        *SHELL.values(),
        PROXY,
        *keys.secrets,
        Secret("the access key of the run", key.secret.encode()),
        Secret("the keys of resume tokens", resume.encode()),
        *(
            private_key(f"the private key {path.name}", path)
            for path in up.folder.path.rglob("*")
            if path.is_file() and _has_a_key(path)
        ),
    ]


def holds_a_secret_on_purpose(up: Up) -> set[str]:
    """Names of the files that are there to hold one, for their owner alone."""
    return {
        path.name
        for path in up.folder.path.rglob("*")
        if path.is_file() and (path in _on_purpose(up.folder) or _has_a_key(path))
    }


def _on_purpose(folder: StateFolder) -> set[Path]:
    # The list has hashes alone: with one nobody gets in, and nobody else has to see it either.
    return {folder.aws_credentials, folder.resume_keys, folder.access_list}


def _has_a_key(path: os.PathLike[str]) -> bool:
    with open(path, "rb") as file:  # noqa: PTH123 - any path
        return b"PRIVATE KEY-----" in file.read()


def answers(up: Up) -> Iterator[Text]:
    """Yield what anybody on this machine is answered at every port."""
    trust = ssl.create_default_context(cafile=up.outputs.ca_certificate_path)
    pids = {child.pid: child.name for child in up.state.children}
    paths = (
        "/",
        "/healthz",
        "/readyz",
        "/health",
        "/metrics",
        "/v1/metadata",
        "/moto-api/data.json",
    )
    with httpx.Client(verify=trust, trust_env=False) as client:
        for one in open_sockets(pids):
            scheme = "https" if pids.get(one.pid) == "listener" else "http"
            for path in paths:
                url = f"{scheme}://localhost:{one.port}{path}"
                try:
                    answer = client.get(url)
                except httpx.HTTPError:
                    continue
                yield url, f"{answer.headers}\n{answer.text}"


def test_nothing_secret_is_in_anything_that_the_stack_tells(
    up: Up, secrets: list[Secret], keys: KeysOfAStack
) -> None:
    children = [child.pid for child in up.state.children]
    search = Search(secrets)
    purpose = holds_a_secret_on_purpose(up)
    kept = {path for path in up.folder.path.rglob("*") if path.name in purpose}
    every: list[Text] = [("what perch up has said", up.said.read_text())]
    for command in COMMANDS:
        done = up.perch(*command)
        every.append((f"perch {' '.join(command)}", done.output))
        every.append((f"perch {' '.join(command)}, its exception", repr(done.exception)))
    every += keys.told
    every += answers(up)
    every += files(up.folder.path, but=kept)
    every += command_lines([*children, up.state.supervisor.pid])
    every += environments(children)
    found, read = search.found_in(every)
    assert not found
    assert read > 50_000, "hardly anything was looked at"
    # The search would have seen them where they are on purpose, for their owner alone.
    assert {path.name for path in kept if search.found(path.read_bytes())} == purpose
    assert {path.stat().st_mode & 0o077 for path in kept} == {0}
    given_out = search.found(" ".join(key.text for key in keys.keys))
    assert {name.partition(",")[0] for name in given_out} == {
        "a key",
        "its successor",
        "a revoked key",
    }
    # Of keys there are hashes alone, and of single-use tokens nothing.
    listed = search.found(up.folder.access_list.read_bytes())
    assert {name.partition(",")[0] for name in listed} == {
        "the hash of a key",
        "the hash of its successor",
        "the hash of a revoked key",
    }


def test_only_what_the_table_of_ports_lists_is_open_and_on_loopback_alone(up: Up) -> None:
    processes = {child.pid: child.name for child in up.state.children}
    processes[up.state.supervisor.pid] = "perch up"
    found = open_sockets(processes)
    outside = addresses_of_this_machine()
    assert {one.protocol for one in found} == {"tcp"}
    assert all(one.address.is_loopback for one in found), found
    ports: dict[str, set[int]] = {}
    for one in found:
        ports.setdefault(processes.get(one.pid, f"a child, {one.pid}"), set()).add(one.port)
    for name in processes.values():
        rows = [row for row in OPEN_PORTS if fnmatch(name, row.process)]
        assert len(ports.pop(name, set())) == sum(row.sockets for row in rows), name
    assert not ports, "processes that the table does not know listen"
    # By connecting, too: from this machine's other addresses nobody gets in.
    for one in found:
        for address in outside:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            with socket.socket(family) as stranger:
                stranger.settimeout(2)
                assert stranger.connect_ex((address, one.port)) != 0, (address, one)


def test_the_scan_sees_a_socket_that_is_open_to_everybody() -> None:
    everybody = "0.0.0.0"  # noqa: S104 - that is what is looked for
    with socket.create_server((everybody, 0)) as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        ports = tcp.getsockname()[1], udp.getsockname()[1]
        found = {(one.protocol, str(one.address), one.port) for one in open_sockets([os.getpid()])}
    assert {("tcp", everybody, ports[0]), ("udp", "127.0.0.1", ports[1])} <= found
