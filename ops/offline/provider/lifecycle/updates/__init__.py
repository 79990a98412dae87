"""Changes in place, by type and input.

Importing this package registers all of them in `UPDATES`. A type has a step for each group of
inputs that one call changes; one whose creating call replaces what is there makes it again.
"""

from ops.offline.provider.lifecycle.updates import (
    again,
    entrance,
    identity,
    monitoring,
    networks,
    scaling,
)
from ops.offline.provider.lifecycle.updates.registry import EVERY, UPDATES

__all__ = [
    "EVERY",
    "UPDATES",
    "again",
    "entrance",
    "identity",
    "monitoring",
    "networks",
    "scaling",
]
