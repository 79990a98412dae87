"""Where recognisers are: addresses as the settings name them."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

HOST_PATTERN = r"[A-Za-z0-9._\-]+"
_ENTRY = re.compile(
    rf"(?:(?P<dns>dns:)?(?P<host>{HOST_PATTERN})|\[(?P<v6>[0-9A-Fa-f:.]+)\]):(?P<port>\d{{1,5}})"
    r"(?:/(?P<http>\d{1,5}))?"
)
_HIGHEST_PORT = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One recogniser, or all those behind a name.

    Attributes:
        host: name or address.
        port: gRPC port.
        http_port: port of the readiness probe, 0 for none; None takes RIVA_HTTP_PORT.
        is_group: whether each address of the name is a recogniser of its own.
    """

    host: str
    port: int
    http_port: int | None = None
    is_group: bool = False


def bracketed(host: str) -> str:
    """Put an IPv6 address in brackets, as URLs and gRPC targets want it; keep any other host."""
    return f"[{host}]" if ":" in host else host


def checked_host(host: str) -> str:
    """Return the host as it is; an IPv6 address stands without brackets.

    Raises:
        ValueError: it is no name and no address, as with a port or a scheme.
    """
    if re.fullmatch(HOST_PATTERN, host) is None:
        ipaddress.IPv6Address(host)
    return host


def parse_addresses(text: str) -> tuple[Address, ...]:
    """Parse "host:port/http_port,dns:host:port"; an IPv6 address stands in brackets.

    With `dns:` before it a name stands for all recognisers at its addresses.

    Raises:
        ValueError: an entry is not of that form, or stands there twice.
    """
    entries = [entry for entry in (part.strip() for part in text.split(",")) if entry]
    addresses = tuple(map(_address, entries))
    places = {(address.host, address.port) for address in addresses}
    if len(places) < len(addresses):
        raise ValueError("an endpoint stands there twice")
    return addresses


def _address(entry: str) -> Address:
    match = _ENTRY.fullmatch(entry)
    if match is None:
        raise ValueError(
            f"{entry!r} is not of the form host:port/http_port or dns:host:port/http_port"
        )
    port = int(match["port"])
    http_port = None if match["http"] is None else int(match["http"])
    if not 1 <= port <= _HIGHEST_PORT or (http_port or 0) > _HIGHEST_PORT:
        raise ValueError(
            f"{entry!r} has a port that is none; accepted: 1 to {_HIGHEST_PORT}, and 0 to "
            f"{_HIGHEST_PORT} for HTTP"
        )
    return Address(
        host=match["v6"] or match["host"],
        port=port,
        http_port=http_port,
        is_group=match["dns"] is not None,
    )
