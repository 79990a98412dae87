"""Rules about who may speak to an environment."""

from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Final

from infra.config.sections import Settings
from infra.reading.reader import Problem, show

_PRIVATE: Final = tuple(
    map(
        IPv4Network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8"),
    )
)
"""RFC 1918, RFC 6598, and the machine itself."""
MOST_ADDRESSES: Final = 2**24
"""Of the Internet's that one organisation may have: a range of 8 bits."""
_PERMISSION: Final = "APP_ANONYMOUS"
_ISSUERS: Final = ("APP_JWT_KEYS_URL", "APP_JWT_KEYS_FILE")


def asks_who_it_is(settings: Settings) -> bool:
    """Return whether clients have to show something.

    Every stack has an access list, so it is asked unless everybody may speak.
    """
    return not settings.gateway.anonymous


def has_others_to_ask(settings: Settings) -> bool:
    """Return whether bearer tokens or an issuer say which clients may connect, beside the list."""
    gateway = settings.gateway
    return gateway.tokens or any(map(gateway.environment.get, _ISSUERS))


def strangers_are_let_in_on_purpose(settings: Settings) -> Iterator[Problem]:
    """Refuse that one says that everybody may speak, and another who."""
    gateway = settings.gateway
    if _PERMISSION in gateway.environment:
        yield Problem("gateway.environment", show(_PERMISSION), "gateway.anonymous in its place")
    if gateway.anonymous and has_others_to_ask(settings):
        yield Problem(
            "gateway.anonymous",
            "true",
            "false, as gateway.tokens or an issuer of tokens says who may connect",
        )


def internet_shows_who_it_is(settings: Settings) -> Iterator[Problem]:
    """Refuse the Internet, also in pieces, where clients need to show nothing."""
    if asks_who_it_is(settings) or settings.load_balancer.internal:
        return
    ranges = map(IPv4Network, settings.access.allowed_cidrs)
    outside = [one for one in ranges if not any(map(one.subnet_of, _PRIVATE))]
    if sum(one.num_addresses for one in outside) > MOST_ADDRESSES:
        yield Problem(
            "access.allowed_cidrs",
            show([str(one) for one in outside]),
            "ranges of your own, or gateway.anonymous: false: everybody may speak, and these are"
            " the Internet",
        )
