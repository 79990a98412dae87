"""The way to a machine's port 22: a program of AWS whose standard streams are one socket."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from ops.console.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Way = str
"""`ssm` or `connect`."""
WAYS: Final[tuple[Way, ...]] = ("ssm", "connect")
TUNNEL_SECONDS: Final = 3600
"""What an Instance Connect endpoint allows at most (`--max-tunnel-duration`)."""
STOP_SECONDS: Final = 5.0
SAID_BYTES: Final = 4_000
"""Of what the program says, the end of it: enough for AWS's reason of a refusal."""


def proxy_command(way: Way, *, region: str, machine: str, endpoint: str | None) -> tuple[str, ...]:
    """Return the command whose standard streams are a machine's port 22.

    Args:
        way: By Session Manager, or by the stack's Instance Connect endpoint.
        region: AWS region of the stack.
        machine: EC2 id.
        endpoint: The endpoint's id, the output `connect_endpoint_id`.

    Raises:
        ConfigurationError: The stack has no endpoint, or a program is missing here.
    """
    _need("aws", "the AWS CLI, version 2", "https://docs.aws.amazon.com/cli/")
    if way == "connect":
        if endpoint is None:
            raise ConfigurationError(
                "--via connect needs an Instance Connect endpoint, which the stack lacks; "
                "the key network.connect_endpoint makes one; accepted without it: ssm"
            )
        return (
            *("aws", "ec2-instance-connect", "open-tunnel", "--region", region),
            *("--instance-id", machine, "--instance-connect-endpoint-id", endpoint),
            *("--remote-port", "22", "--max-tunnel-duration", str(TUNNEL_SECONDS)),
        )
    _need(
        "session-manager-plugin",
        "the Session Manager plugin of the AWS CLI",
        "https://docs.aws.amazon.com/systems-manager/latest/userguide/"
        "session-manager-working-with-install-plugin.html",
    )
    return (
        *("aws", "ssm", "start-session", "--region", region, "--target", machine),
        *("--document-name", "AWS-StartSSHSession", "--parameters", "portNumber=22"),
    )


def _need(program: str, what: str, where: str) -> None:
    if shutil.which(program) is None:
        raise ConfigurationError(
            f"`perch host` needs {what}, and there is no `{program}` on the PATH; {where}"
        )


class Tunnel:
    """A running proxy command.

    Attributes:
        socket: Its standard input and output; the owner of the tunnel closes it.
    """

    def __init__(self, process: subprocess.Popen[bytes], near: socket.socket) -> None:
        self.socket = near
        self._process = process
        self._said = b""
        self._listener = threading.Thread(target=self._listen, name="tunnel-stderr", daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self._process.stderr is not None  # noqa: S101 - opened below
        while chunk := self._process.stderr.read1(SAID_BYTES):  # type: ignore[attr-defined]  # a BufferedReader
            self._said = (self._said + chunk)[-SAID_BYTES:]

    def said(self) -> str:
        """Return in one line what the program complained of, which may still be on its way."""
        if self._process.poll() is not None:
            self._listener.join(STOP_SECONDS)
        return " ".join(self._said.decode("utf-8", "replace").split())

    def close(self) -> None:
        """End the program and what it started."""
        self.socket.close()
        for number in (signal.SIGTERM, signal.SIGKILL):
            # The AWS CLI starts the plugin: both are in the group that the program leads.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
                break
        self._listener.join(STOP_SECONDS)
        if self._process.stderr is not None and not self._listener.is_alive():
            self._process.stderr.close()


@contextmanager
def opened(command: Sequence[str]) -> Iterator[Tunnel]:
    """Run a proxy command while the block lasts.

    Raises:
        ConfigurationError: It cannot be started.
    """
    near, far = socket.socketpair()
    try:
        # A session of its own: Ctrl-C is ours to handle, and must not cut the way first.
        process = subprocess.Popen(
            list(command),
            stdin=far.fileno(),
            stdout=far.fileno(),
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        near.close()
        raise ConfigurationError(f"{command[0]} cannot be started: {error.strerror}") from None
    finally:
        far.close()
    tunnel = Tunnel(process, near)
    try:
        yield tunnel
    finally:
        tunnel.close()
