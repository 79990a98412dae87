"""A terminal on a machine, in the person's own."""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import sys
import termios
import tty
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from paramiko import SSHException

from ops.console.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import paramiko

    from ops.host.connection import Connection

OPEN_SECONDS: Final = 20.0
CHUNK_BYTES: Final = 4_096


def need_terminal() -> None:
    """Refuse where there is none.

    Raises:
        ConfigurationError: Input or output is a file or a pipe.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ConfigurationError(
            "`perch host shell` needs a terminal for input and output; without one: "
            "`perch host run -- COMMAND`"
        )


def talk(connection: Connection) -> int:
    """Join this terminal with a login shell on the machine until that ends.

    Returns:
        Its exit status.

    Raises:
        UnreachedError: The connection broke.
    """
    with connection.channel(OPEN_SECONDS) as channel:
        columns, lines = shutil.get_terminal_size()
        try:
            channel.get_pty(os.environ.get("TERM", "xterm"), columns, lines)
            channel.invoke_shell()
            with _raw(), _resizes() as resizes:
                _pump(channel, resizes)
        except (SSHException, OSError, EOFError) as error:
            raise connection.lost(error) from None
        channel.status_event.wait(OPEN_SECONDS)
        return connection.status(channel)


@contextmanager
def _raw() -> Iterator[None]:
    """Hand every key on while the block lasts, Ctrl-C included."""
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setraw(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


@contextmanager
def _resizes() -> Iterator[socket.socket]:
    """Give a socket that can be read when the terminal has changed its size."""
    reader, writer = socket.socketpair()
    with reader, writer:
        reader.setblocking(False)
        writer.setblocking(False)

        def tell(*_: object) -> None:
            with suppress(BlockingIOError):
                writer.send(b"\0")

        before = signal.signal(signal.SIGWINCH, tell)
        try:
            yield reader
        finally:
            signal.signal(signal.SIGWINCH, before)


def _pump(channel: paramiko.Channel, resizes: socket.socket) -> None:
    keyboard = sys.stdin.fileno()
    sources: list[int | socket.socket | paramiko.Channel] = [channel, keyboard, resizes]
    while not (channel.closed or (channel.eof_received and not channel.recv_ready())):
        # No deadline: a person may think as long as they like, and a tunnel that breaks ends it.
        ready, _, _ = select.select(sources, [], [])
        if channel in ready and (said := channel.recv(CHUNK_BYTES)):
            sys.stdout.buffer.write(said)
            sys.stdout.buffer.flush()
        if resizes in ready:
            resizes.recv(CHUNK_BYTES)
            channel.resize_pty(*shutil.get_terminal_size())
        if keyboard in ready:
            if typed := os.read(keyboard, CHUNK_BYTES):
                channel.sendall(typed)
            else:
                sources.remove(keyboard)
