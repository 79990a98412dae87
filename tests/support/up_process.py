"""`perch up` as a process, under an environment as hostile as people's are.

Proxies, profiles, no home, no locale: a stack on this machine must not care.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import psutil
from click.testing import CliRunner, Result

from ops.cli import main
from ops.local.state import State, StateFolder
from ops.local.supervisor.records import ProcessRecord
from ops.stack import StackOutputs

UP_SECONDS = 240

HOSTILE = {
    **dict.fromkeys(("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY"), "socks5h://127.0.0.1:9"),
    **dict.fromkeys(("all_proxy", "http_proxy", "https_proxy"), "socks5h://127.0.0.1:9"),
    "AWS_PROFILE": "nobody",
    "AWS_CONFIG_FILE": "/dev",
    "AWS_ENDPOINT_URL": "https://ssm.example.invalid",
    "AWS_RETRY_MODE": "none",
    "HOME": "/proc",
    "LC_ALL": "POSIX",
    "PYTHONIOENCODING": "ascii",
    "TERM": "dumb",
    "COLUMNS": "1",
}
"""What people's shells have in them; a stack on this machine must not care."""


def clean_environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PERCH_")}
    kept |= HOSTILE
    return {name: value for name, value in kept.items() if name.lower() != "no_proxy"}


def perch(*arguments: str) -> Result:
    return CliRunner(env=clean_environment()).invoke(main, arguments, prog_name="perch")


@dataclass(frozen=True)
class Up:
    """A running `perch up`."""

    process: subprocess.Popen[str]
    folder: StateFolder
    said: Path

    def perch(self, name: str, *arguments: str) -> Result:
        return perch(name, "--state-dir", str(self.folder.path), *arguments)

    @property
    def state(self) -> State:
        state = self.folder.read()
        assert state is not None
        return state

    @property
    def outputs(self) -> StackOutputs:
        return StackOutputs.model_validate_json(self.folder.outputs.read_text())


def wait_for(up: Up, text: str, seconds: float = UP_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while text not in up.said.read_text():
        assert up.process.poll() is None, up.said.read_text()
        assert time.monotonic() < deadline, up.said.read_text()
        time.sleep(0.1)


@contextmanager
def running_up(
    folder: Path, *arguments: str, more: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Up]:
    """Start `perch up`, wait until everything is up, and kill what is left of it at the end.

    Args:
        folder: Of its state and of what it says.
        arguments: Of `perch up`.
        more: Variables that the person's shell has besides.
    """
    up = begin(folder, *arguments, more=more)
    try:
        wait_for(up, "Ctrl-C here")
        yield up
    finally:
        if up.process.poll() is None:
            up.process.kill()
        up.process.wait()


def begin(folder: Path, *arguments: str, more: Mapping[str, str] = MappingProxyType({})) -> Up:
    folder.mkdir(parents=True, exist_ok=True)
    said = folder / "said"
    with said.open("w") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "ops.cli", "up"),
                *("--state-dir", str(folder / "state"), *arguments),
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            env=clean_environment() | dict(more),
        )
    return Up(process, StateFolder(folder / "state"), said)


def opened(child: ProcessRecord) -> list[tuple[str, int]]:
    """Address and port of every listening socket of a process."""
    connections = psutil.Process(child.pid).net_connections(kind="tcp")
    listening = (one for one in connections if one.status == psutil.CONN_LISTEN)
    # gRPC listens on IPv4 by an IPv6 socket.
    return [(one.laddr.ip.removeprefix("::ffff:"), one.laddr.port) for one in listening]
