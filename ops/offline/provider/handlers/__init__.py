"""Handlers of create requests, a module for each kind of resource.

Importing this package registers all of them in `HANDLERS`, by type token. To add a type: a row of a
module's table where one call creates it, else a function under `@handles(token)`.
"""

from ops.offline.provider.create_request import HANDLERS
from ops.offline.provider.handlers import (
    auto_scaling,
    buckets,
    certificates,
    identity,
    launch_templates,
    load_balancing,
    monitoring,
    networks,
    security_groups,
)

__all__ = [
    "HANDLERS",
    "auto_scaling",
    "buckets",
    "certificates",
    "identity",
    "launch_templates",
    "load_balancing",
    "monitoring",
    "networks",
    "security_groups",
]
