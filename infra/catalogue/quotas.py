"""Which quota of EC2 counts the vCPUs of an instance type.

Names are those of the EC2 User Guide (On-Demand Instance quotas, Spot Instance quotas; a new
account has 0 of each), codes those of Service Quotas, read November 2026.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Quota:
    """One quota of an account in a region, in vCPUs."""

    name: str
    code: str


ON_DEMAND_G: Final = Quota("Running On-Demand G and VT instances", "L-DB2E81BA")
ON_DEMAND_P: Final = Quota("Running On-Demand P instances", "L-417A185B")
SPOT_G: Final = Quota("All G and VT Spot Instance Requests", "L-3819A6DF")
SPOT_P: Final = Quota("All P4, P3 and P2 Spot Instance Requests", "L-7212CCBC")
SPOT_P5: Final = Quota("All P5 Spot Instance Requests", "L-C4BD4855")


def quota_of(kind: str, *, spot: bool) -> Quota:
    """Return the quota that machines of a type count towards.

    Args:
        kind: An instance type with a GPU, such as g6.xlarge.
        spot: Whether they are spot machines.

    Raises:
        ValueError: It is of no family with GPUs.
    """
    if kind.startswith("g"):
        return SPOT_G if spot else ON_DEMAND_G
    if kind.startswith("p"):
        if not spot:
            return ON_DEMAND_P
        return SPOT_P5 if kind.startswith("p5") else SPOT_P
    raise ValueError(f"{kind!r} is of no family with GPUs; accepted: g..., p...")
