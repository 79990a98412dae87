"""Whether the ports that a stack wants on this machine are free, and who has them when not."""

import socket
from collections.abc import Mapping

import psutil

LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


def _can_bind(family: socket.AddressFamily, port: int) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: an address that merely waits out a closed connection is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            probe.bind((LOOPBACK[family], port))
        except OSError:
            return False
    return True


def families() -> tuple[socket.AddressFamily, ...]:
    """Return the address families whose loopback address this machine has; IPv4 always."""
    present = (family for family in LOOPBACK if family == socket.AF_INET or _can_bind(family, 0))
    return tuple(present)


def is_free(port: int) -> bool:
    """Say whether a server could listen on ``port`` of every loopback address now."""
    return all(_can_bind(family, port) for family in families())


def holder(port: int) -> str | None:
    """Name who listens on ``port``, as `nginx (process 123)`; None when that cannot be seen."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return None
    for connection in connections:
        if not _listens_on(connection.status, connection.laddr, port):
            continue
        if connection.pid is None:
            return None
        try:
            return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
        except psutil.NoSuchProcess:
            return None
    return None


def listens(port: int, pid: int) -> bool:
    """Say whether process ``pid``, or one that it started, listens on ``port``."""
    try:
        process = psutil.Process(pid)
        family = (process, *process.children(recursive=True))
        connections = [one for member in family for one in member.net_connections(kind="tcp")]
    except psutil.NoSuchProcess:
        return False
    return any(_listens_on(one.status, one.laddr, port) for one in connections)


def _listens_on(status: str, address: object, port: int) -> bool:
    return status == psutil.CONN_LISTEN and getattr(address, "port", None) == port


def problems(wanted: Mapping[str, int]) -> list[str]:
    """Return a sentence part for each port that cannot be used.

    Args:
        wanted: Port by the name of what is to listen there.
    """
    found: list[str] = []
    seen: dict[int, str] = {}
    for name, port in wanted.items():
        if port in seen:
            found.append(f"port {port} is wanted by {seen[port]} and by {name}")
        elif not is_free(port):
            found.append(f"port {port} for {name} is taken by {holder(port) or 'another program'}")
        seen.setdefault(port, name)
    return found
