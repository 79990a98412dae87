"""Which part of a VPC's range each subnet gets."""

import ipaddress
from dataclasses import dataclass
from typing import Final

MAX_ZONES: Final = 3
"""Three quarters of the range are private, one a zone; the fourth holds all public subnets."""


@dataclass(frozen=True, slots=True)
class SubnetPlan:
    """IPv4 ranges of one zone's subnets, in CIDR notation."""

    public: str
    private: str


def plan_subnets(cidr: str, zones: int) -> tuple[SubnetPlan, ...]:
    """Divide a VPC's range over its zones.

    A zone's ranges depend on its place alone, so that a third zone can be added to two without
    moving either.

    Args:
        cidr: The VPC's range, /16 to /24.
        zones: How many zones, 1 to `MAX_ZONES`.

    Returns:
        One plan a zone: a private quarter of the range and a public sixteenth.

    Raises:
        ValueError: If the range is too small for subnets AWS accepts (/28) or `zones` is out of
            range.
    """
    network = ipaddress.IPv4Network(cidr)
    if not 1 <= zones <= MAX_ZONES:
        raise ValueError(f"zones is {zones}; accepted: 1 to {MAX_ZONES}")
    if network.prefixlen > 24:  # noqa: PLR2004 - a sixteenth of a /24 is a /28, AWS's smallest subnet
        raise ValueError(f"cidr is {cidr}; accepted: a range of /24 or larger")
    *private, shared = network.subnets(prefixlen_diff=2)
    public = list(shared.subnets(prefixlen_diff=2))
    return tuple(SubnetPlan(str(public[zone]), str(private[zone])) for zone in range(zones))
