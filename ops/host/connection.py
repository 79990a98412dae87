"""SSH to one machine: its host key proven, ours made up for this one call."""

from __future__ import annotations

import io
import logging
import select
import time
from base64 import b64decode
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from paramiko import SSHException

from ops.console.errors import CommandFailedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ops.host.machines import Machine
    from ops.host.tunnel import Tunnel

KEY_TYPE: Final = "ssh-ed25519"
CHUNK_BYTES: Final = 32_768
KEEPALIVE_SECONDS: Final = 15
"""A tunnel without a byte is closed by Session Manager after minutes."""
UNREACHED: Final = 255
"""Exit code where no command of ours ran or its end is not known, as ssh has it."""

# What it has to say is in the exceptions, and ends in one sentence of ours.
logging.getLogger("paramiko").addHandler(logging.NullHandler())
logging.getLogger("paramiko").propagate = False


class UnreachedError(CommandFailedError):
    """The machine was not reached, or the connection broke; exit code 255, as of ssh."""

    exit_code = UNREACHED


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a command on a machine came to.

    Attributes:
        status: Its exit status.
        out: Standard output, cut at the limit.
        err: Standard error, likewise.
        cut: Whether there was more.
    """

    status: int
    out: bytes
    err: bytes
    cut: bool


def ephemeral_key() -> paramiko.Ed25519Key:
    """Return a new key pair, which exists in this process alone."""
    text = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()
    )
    return paramiko.Ed25519Key(file_obj=io.StringIO(text.decode("ascii")))


class Connection:
    """An open connection to a machine.

    Args:
        machine: The machine.
        transport: Authenticated.
        tunnel: The way there, for what it says when it breaks.
    """

    def __init__(self, machine: Machine, transport: paramiko.Transport, tunnel: Tunnel) -> None:
        self._machine = machine
        self._transport = transport
        self._tunnel = tunnel

    def channel(self, seconds: float) -> paramiko.Channel:
        """Open a session of SSH.

        Raises:
            UnreachedError: The connection is gone, or the machine refuses.
        """
        try:
            return self._transport.open_session(timeout=seconds)
        except (SSHException, OSError, EOFError) as error:
            raise self.lost(error) from None

    def run(
        self,
        command: str,
        *,
        out: Callable[[bytes], object],
        err: Callable[[bytes], object],
        seconds: float | None,
        terminal: bool = False,
    ) -> int:
        """Run a command and hand on what it prints, as it comes and no faster than it is taken.

        Args:
            command: Read by the login shell of the machine's user.
            out: Takes standard output.
            err: Takes standard error; nothing comes with a terminal, which has one stream.
            seconds: Deadline for all of it; None for none.
            terminal: Whether it gets one, and so ends when we hang up.

        Returns:
            Its exit status.

        Raises:
            UnreachedError: The connection broke, the deadline passed, or a signal ended it.
        """
        until = None if seconds is None else time.monotonic() + seconds
        channel = self.channel(KEEPALIVE_SECONDS if seconds is None else seconds)
        with channel:
            try:
                if terminal:
                    channel.get_pty()
                channel.exec_command(command)
                if not terminal:
                    channel.shutdown_write()
            except (SSHException, OSError, EOFError) as error:
                raise self.lost(error) from None
            while not (channel.eof_received or channel.closed):
                self._wait(channel, until)
                _drain(channel, out, err)
            _drain(channel, out, err)
            if not channel.status_event.wait(_left(until)):
                raise self._late()
            return self.status(channel)

    def capture(self, command: str, *, seconds: float, limit: int) -> Done:
        """Run a command and return what it printed, at most ``limit`` bytes of each stream.

        Raises:
            UnreachedError: As `run`.
        """
        out, err = _Bounded(limit), _Bounded(limit)
        status = self.run(command, out=out.take, err=err.take, seconds=seconds)
        return Done(status=status, out=out.kept, err=err.kept, cut=out.cut or err.cut)

    def status(self, channel: paramiko.Channel) -> int:
        """Return the exit status of a channel that is at its end.

        Raises:
            UnreachedError: It has none.
        """
        if channel.exit_status >= 0:
            return channel.exit_status
        if self._transport.is_active():
            raise UnreachedError(f"a signal ended the command on {self._machine.identity}")
        raise self.lost(None)

    def _wait(self, channel: paramiko.Channel, until: float | None) -> None:
        ready, _, _ = select.select([channel], [], [], _left(until))
        if not ready:
            raise self._late()

    def _late(self) -> UnreachedError:
        return UnreachedError(
            f"the command on {self._machine.identity} was not done in time and is left; "
            "--timeout gives it more"
        )

    def lost(self, error: BaseException | None) -> UnreachedError:
        """Return the sentence for a connection that is gone."""
        return _unreached(self._machine, "the connection was lost", error, self._tunnel)


class _Bounded:
    """Keeps the beginning of a stream and counts no further."""

    def __init__(self, limit: int) -> None:
        self.kept = b""
        self.cut = False
        self._limit = limit

    def take(self, chunk: bytes) -> None:
        """Keep what still fits."""
        room = self._limit - len(self.kept)
        self.kept += chunk[:room]
        self.cut = self.cut or len(chunk) > room


def _left(until: float | None) -> float | None:
    return None if until is None else max(0.0, until - time.monotonic())


def _drain(
    channel: paramiko.Channel, out: Callable[[bytes], object], err: Callable[[bytes], object]
) -> None:
    while channel.recv_ready():
        out(channel.recv(CHUNK_BYTES))
    while channel.recv_stderr_ready():
        err(channel.recv_stderr(CHUNK_BYTES))


def _unreached(
    machine: Machine, what: str, error: BaseException | None, tunnel: Tunnel
) -> UnreachedError:
    reasons = [" ".join(str(error or "").split()), tunnel.said()]
    why = "; ".join(reason for reason in reasons if reason)
    return UnreachedError(f"machine {machine.identity}: {what}" + (f" ({why})" if why else ""))


def _known_key(machine: Machine) -> paramiko.PKey:
    if machine.state != "running":
        raise UnreachedError(f"machine {machine} does not run, and cannot be reached")
    if machine.host_key is None:
        raise UnreachedError(
            f"machine {machine} has published no host key, so that nobody could tell it from "
            "another; it does so in its first minutes, by perch-host-key.service. Session "
            f"Manager needs none: aws ssm start-session --target {machine.identity}"
        )
    kind, _, encoded = machine.host_key.partition(" ")
    try:
        if kind == KEY_TYPE:
            return paramiko.Ed25519Key(data=b64decode(encoded, validate=True))
    except (ValueError, SSHException, IndexError):
        pass
    raise UnreachedError(
        f"the host key that machine {machine.identity} published is {machine.host_key!a}; "
        f"accepted: {KEY_TYPE} and its base64"
    )


@contextmanager
def connected(
    machine: Machine,
    tunnel: Tunnel,
    *,
    user: str,
    push: Callable[[str], None],
    seconds: float,
) -> Iterator[Connection]:
    """Connect to a machine and keep the connection while the block lasts.

    The host key is compared before anything else is said, our key's public half included.

    Args:
        machine: The machine, with the host key it published.
        tunnel: The way to its port 22.
        user: Login name there.
        push: Makes the machine take a public key for a minute.
        seconds: Deadline for each step.

    Raises:
        UnreachedError: It is not reached, is another than it should be, or takes no key.
    """
    expected = _known_key(machine)
    key = ephemeral_key()
    try:
        transport = paramiko.Transport(tunnel.socket)
    except (SSHException, OSError, EOFError) as error:
        raise _unreached(machine, "it cannot be reached", error, tunnel) from None
    try:
        transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = seconds
        transport.get_security_options().key_types = (KEY_TYPE,)
        try:
            transport.start_client(timeout=seconds)
        except (SSHException, OSError, EOFError) as error:
            raise _unreached(machine, "it cannot be reached", error, tunnel) from None
        try:
            shown = transport.get_remote_server_key()
        except SSHException:
            # `start_client` returns at its deadline as if all were well.
            late = f"no SSH server answered in {seconds:g} s"
            raise _unreached(machine, late, None, tunnel) from None
        if shown != expected:
            raise UnreachedError(
                f"what answers for machine {machine.identity} has the host key "
                f"{shown.fingerprint}, and the machine published {expected.fingerprint}: it is "
                "another machine, or somebody stands between. Nothing was sent to it"
            )
        push(f"{key.get_name()} {key.get_base64()}")
        try:
            transport.auth_publickey(user, key)
        except (SSHException, OSError, EOFError) as error:
            raise _unreached(
                machine,
                f"it does not let {user} in by the key that EC2 Instance Connect gave it",
                error,
                tunnel,
            ) from None
        transport.set_keepalive(KEEPALIVE_SECONDS)
        yield Connection(machine, transport, tunnel)
    finally:
        transport.close()
