"""The AWS API on this machine, as the process that `perch up` starts."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from ops.offline.applier import apply
from ops.offline.server import main
from tests.ops.offline.conftest import HARBOUR


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "ops.offline.server", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "default"},
    )
    with process:
        assert process.stdout is not None
        yield process, process.stdout.readline().rpartition(" ")[2].strip()
        process.kill()


def test_a_stack_is_created_through_the_server(server: tuple[subprocess.Popen[str], str]) -> None:
    _, url = server
    assert url.startswith("http://127.0.0.1:")
    assert httpx.get(f"{url}/moto-api/data.json", timeout=30).status_code == 200
    applied = apply("quay", endpoint_url=url, root=HARBOUR)
    assert applied.outputs["vpc_id"].startswith("vpc-")


def test_a_taken_port_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port)]) == 1
    assert capsys.readouterr().err == f"--port {port}: Address already in use; choose another\n"


def test_a_signal_ends_it_cleanly(server: tuple[subprocess.Popen[str], str]) -> None:
    process, _ = server
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
