"""Every socket that waits for somebody, as the kernel lists them, and whose it is."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LISTENS: Final = "0A"
"""TCP_LISTEN of the kernel's `enum` in tcp_states.h; a UDP socket has no such state."""


@dataclass(frozen=True, slots=True)
class OpenSocket:
    """A socket that strangers could send to.

    Attributes:
        protocol: tcp or udp.
        address: Where; an IPv4 address also where an IPv6 socket listens on one.
        port: Which.
        pid: Of the process that holds it.
    """

    protocol: str
    address: IPv4Address | IPv6Address
    port: int
    pid: int


def open_sockets(pids: Iterable[int]) -> set[OpenSocket]:
    """Return what some processes, and those they started, have open."""
    found: set[OpenSocket] = set()
    for pid in {one for parent in pids for one in _family(parent)}:
        inodes = set(_inodes(pid))
        for table in ("tcp", "tcp6", "udp", "udp6"):
            found |= {one for inode, one in _listed(table, pid) if inode in inodes}
    return found


def _family(pid: int) -> Iterator[int]:
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        yield pid
        yield from (child.pid for child in process.children(recursive=True))


def _inodes(pid: int) -> Iterator[str]:
    with suppress(FileNotFoundError, ProcessLookupError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                name = str(entry.readlink())
                if name.startswith("socket:["):
                    yield name.removeprefix("socket:[").removesuffix("]")


def _listed(table: str, pid: int) -> Iterator[tuple[str, OpenSocket]]:
    for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
        fields = line.split()
        local, remote, state, inode = fields[1], fields[2], fields[3], fields[9]
        protocol = table.removesuffix("6")
        # A UDP socket that is connected takes from its peer alone.
        if state == _LISTENS if protocol == "tcp" else int(remote.rpartition(":")[2], 16) == 0:
            address, _, port = local.partition(":")
            yield inode, OpenSocket(protocol, _address(address), int(port, 16), pid)


def _address(text: str) -> IPv4Address | IPv6Address:
    """Read an address: words of four bytes in the order of this machine, which is little-endian."""
    words = [bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8)]
    address = ip_address(b"".join(words))
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def addresses_of_this_machine() -> set[str]:
    """Return every address that others could reach this machine by, but for loopback ones."""
    every = (one.address for ones in psutil.net_if_addrs().values() for one in ones)
    return {text for text in map(_reachable, every) if text}


def _reachable(text: str) -> str:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return ""  # of a network card
    return "" if address.is_loopback or address.is_link_local else str(address)
