"""Identifies the client of a connection, for limits by client.

A client is the name of its identity, or its address where no token is required. Limits count by a
keyed hash of it, whose key is lost with the process.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from starlette.requests import HTTPConnection

from app.contract import ContractError, ErrorCode, limits
from app.contract.limits import MAX_ECHO_CHARS
from app.gateway.identity.identity import NO_LIMITS, ClientLimits, Identity

Network = IPv4Network | IPv6Network

_HASH_BYTES: Final = 16
_IPV6_SITE_BITS: Final = 64
"""RFC 4291 section 2.5.4: one subscriber has at least so many low bits to choose addresses from."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """The client of a connection, as admission sees it.

    Attributes:
        client: Keyed hash of its name or address.
        wait_s: Seconds it would wait for a session, None where it does not wait.
        identity: Who its token says it is; None where no token is asked for.
        marks: Returns what resume tokens know it by, at every gateway: the first is put into them.
            Made anew each time, as their keys are rotated while it is connected.
    """

    client: bytes
    wait_s: float | None = None
    identity: Identity | None = None
    marks: Callable[[], tuple[str, ...]] = field(default=lambda: ("",), compare=False)

    @property
    def limits(self) -> ClientLimits:
        """Its own limits."""
        return NO_LIMITS if self.identity is None else self.identity.limits

    @property
    def has_token(self) -> bool:
        """Whether a token says who it is."""
        return self.identity is not None


class Clients:
    """Identifies clients.

    Args:
        trusted_proxies: Networks of the load balancers whose X-Forwarded-For is believed.
        marks: Makes of a client what resume tokens know it by.
    """

    def __init__(
        self,
        trusted_proxies: Iterable[Network],
        marks: Callable[[bytes], tuple[str, ...]] = lambda _: ("",),
    ) -> None:
        self._trusted = tuple(trusted_proxies)
        self._marks = marks
        self._key = secrets.token_bytes(32)

    def visitor(self, connection: HTTPConnection, identity: Identity | None) -> Visitor:
        """Return the client of a connection.

        Args:
            connection: The request.
            identity: Who it showed that it is; None where no token is asked for.

        Raises:
            ContractError: `bad_request`: `wait` of the address is not a number of seconds.
        """
        if identity is not None:
            name, kind = identity.client.encode("utf-8", "surrogateescape"), b"token"
        else:
            name, kind = self._site(connection).encode(), b"address"
        known_by = hashlib.blake2b(name, digest_size=_HASH_BYTES, key=self._key, person=kind)
        return Visitor(
            known_by.digest(),
            requested_wait(connection),
            identity=identity,
            marks=partial(self._marks, kind + b" " + name),
        )

    def _site(self, connection: HTTPConnection) -> str:
        peer = connection.client.host if connection.client is not None else ""
        if self._is_trusted(peer):
            # Each proxy appends who it was reached by: only the last entry is its own word.
            entries = ",".join(connection.headers.getlist("x-forwarded-for")).split(",")
            return _site(entries[-1]) or peer
        return _site(peer) or peer

    def _is_trusted(self, peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._trusted)


def requested_wait(connection: HTTPConnection) -> float | None:
    """Return the seconds a client would wait for a session, None where it does not wait.

    Raises:
        ContractError: `bad_request`.
    """
    text = connection.query_params.get("wait")
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    # Not the other way round: NaN is in no range.
    if not limits.MIN_WAIT_S <= seconds <= limits.MAX_WAIT_S:
        raise ContractError(
            ErrorCode.BAD_REQUEST,
            detail=f"wait is {text[:MAX_ECHO_CHARS]!r}; accepted: a number of seconds "
            f"from {limits.MIN_WAIT_S:g} to {limits.MAX_WAIT_S:g}",
        )
    return seconds


def _site(entry: str) -> str | None:
    """Return an IPv4 address itself, an IPv6 address's network of 64 bits, None for neither."""
    text = entry.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        # AWS appends the port where the load balancer is told to preserve it.
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ip_network((int(address), _IPV6_SITE_BITS), strict=False))
    return str(address)
