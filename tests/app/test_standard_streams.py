"""Standard streams that were closed before the start, or that know few characters."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.processes import free_port

PREPARED = "from app import standard_streams; standard_streams.prepare(); "
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", ""])
def test_a_socket_never_gets_the_number_of_a_stream_that_is_closed(
    closed: str, tmp_path: Path
) -> None:
    code = (
        f"{PREPARED}import socket, sys; number = socket.socket().fileno(); "
        "print('said'); print('said', file=sys.stderr); sys.stdin.fileno(); "
        f"open({str(tmp_path / 'number')!r}, 'w').write(str(number))"
    )
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int((tmp_path / "number").read_text()) > 2
    assert done.stderr.strip() in {"", "said"}


def test_what_a_terminal_cannot_show_is_written_with_escapes() -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{PREPARED}print('caf\\u00e9 \\udce9')"],
        cwd=ROOT,
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"caf\\xe9 \\udce9\n")


def test_a_gateway_without_streams_writes_its_log_to_nobodys_connection() -> None:
    port = free_port()
    command = f"exec {sys.executable} -m app.gateway --host 127.0.0.1 --port {port} <&- >&- 2>&-"
    with subprocess.Popen(["sh", "-c", command], cwd=ROOT) as process:
        try:
            streams = [Path(f"/proc/{process.pid}/fd/{number}") for number in range(3)]
            deadline = time.monotonic() + 60
            while not _listens(port):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
            assert [str(stream.readlink()) for stream in streams] == ["/dev/null"] * 3
        finally:
            process.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
