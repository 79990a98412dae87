"""Parses Host and Origin headers, and accepts the hosts a server is known as.

A page of a stranger can have its own name resolve to the address of a server behind its reader's
firewall ("DNS rebinding"). The browser then takes both for one site, and only the name in Host
tells. Two kinds need no list: an address has no name that could be made to resolve to another one,
and `localhost` is resolved by the reader's own machine (RFC 6761, 6.3).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Self

DEFAULT_PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443, "ws": 80, "wss": 443}

_AUTHORITY: Final = re.compile(r"(?P<host>\[[0-9a-f:.]+\]|[^\[\]:@/?#\s]+)(?::(?P<port>\d{0,5}))?")
_ORIGIN: Final = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<authority>.+)", re.DOTALL)
_ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class Authority:
    """A host and a port.

    Attributes:
        host: A name in lower case and without the dot at its end, or an IP address.
        port: None where none is said.
    """

    host: str
    port: int | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the value of a Host header (RFC 9110, 7.2).

        Raises:
            ValueError: It is none.
        """
        found = _AUTHORITY.fullmatch(text.strip().lower())
        if found is None:
            raise ValueError(f"{text!r} is no host")
        host = found["host"].rstrip(".")
        if host.startswith("["):
            host = str(ip_address(host[1:-1]))
        if not host:
            raise ValueError(f"{text!r} is no host")
        return cls(host, int(found["port"]) if found["port"] else None)

    @property
    def is_address(self) -> bool:
        """Whether the host is an IP address."""
        try:
            ip_address(self.host)
        except ValueError:
            return False
        return True

    def at(self, scheme: str) -> "Authority":
        """Return the same with the scheme's default port where none is given."""
        return Authority(self.host, self.port or DEFAULT_PORTS.get(scheme))


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port of a page (RFC 6454, 7)."""

    scheme: str
    authority: Authority

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Parse the value of an Origin header; None where it names no host, as `null` and `file://`.

        Raises:
            ValueError: Where a host would stand, there is none.
        """
        found = _ORIGIN.fullmatch(text.strip().lower())
        if found is None:
            return None
        scheme = found["scheme"]
        return cls(scheme, Authority.parse(found["authority"]).at(scheme))


class AcceptedHosts:
    """Accepts or refuses the hosts of requests.

    Args:
        listed: Names, `*.example.org` for all names below one, or `*` for every name. Addresses and
            `localhost` are accepted whatever is listed. With none listed, so are names without a
            dot: public DNS has none to give to a stranger's page (ICANN, SAC 053).
    """

    def __init__(self, listed: Iterable[str]) -> None:
        entries = tuple(listed)
        self._any = _ANY in entries
        self._dotless = not entries
        self._names = frozenset({"localhost", *entries})
        self._below = (".localhost", *(one[1:] for one in entries if one.startswith("*.")))

    def accept(self, host: str) -> bool:
        """Return whether a Host header's text names an accepted host."""
        try:
            authority = Authority.parse(host)
        except ValueError:
            return False
        name = authority.host
        return (
            self._any
            or authority.is_address
            or name in self._names
            or name.endswith(self._below)
            or (self._dotless and "." not in name)
        )
