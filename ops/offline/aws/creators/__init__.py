"""Every type that can be created; importing this package fills the table."""

from ops.offline.aws.creators import (
    balancing,
    buckets,
    fleets,
    identity,
    machines,
    names,
    networks,
    security_groups,
    watching,
)
from ops.offline.aws.making import CREATORS

__all__ = [
    "CREATORS",
    "balancing",
    "buckets",
    "fleets",
    "identity",
    "machines",
    "names",
    "networks",
    "security_groups",
    "watching",
]
