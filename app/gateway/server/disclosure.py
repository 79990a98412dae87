"""Who may see what a gateway tells of itself: its version, colour, counts, and why it is not ready.

A stranger is told what a load balancer needs, a status: versions say which holes are open, counts
what an attack achieves.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from starlette.requests import Request

from app.gateway.core import Gateway
from app.gateway.identity.identity import Scope

_SIGNS_OF_OTHERS: Final = ("forwarded", "x-forwarded-", "x-real-ip", "via", "origin")
"""How names of headers begin that a program does not send for itself: a proxy names its client, or
itself, and a browser its page."""


async def may_see_details(gateway: Gateway, request: Request) -> bool:
    """Say whether who asks is no stranger.

    These are not: a program of this machine or of `APP_DETAILS_NETWORKS` that asks for itself, and
    whoever shows a token of scope `admin`. Where no token is asked for, everybody may do
    everything, and nobody is a stranger. A token that lets nobody in makes a stranger and no
    error: the answer is a load balancer's too.
    """
    if not gateway.access.requires_token or is_local(request):
        return True
    if _is_among(gateway, request):
        return True
    return await gateway.access.grants(request, Scope.ADMIN)


def is_local(request: Request) -> bool:
    """Say whether a request comes from a program of this machine, for itself."""
    peer = _own_peer(request)
    return peer is not None and peer.is_loopback


def _is_among(gateway: Gateway, request: Request) -> bool:
    peer = _own_peer(request)
    networks = gateway.settings.app_details_networks
    return peer is not None and any(peer in network for network in networks)


def _own_peer(request: Request) -> IPv4Address | IPv6Address | None:
    """Return the address of who asks; None where somebody may stand behind it."""
    if any(name.startswith(_SIGNS_OF_OTHERS) for name in request.headers.keys()):  # noqa: SIM118
        return None
    if request.client is None:
        return None
    try:
        peer = ip_address(request.client.host)
    except ValueError:
        return None
    mapped = peer.ipv4_mapped if isinstance(peer, IPv6Address) else None
    return mapped or peer
