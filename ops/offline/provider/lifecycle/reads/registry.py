"""Which reading belongs to which type."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from ops.offline.provider.lifecycle.existing import Existing
from ops.offline.provider.lifecycle.live import Live

Read: TypeAlias = Callable[[Existing], Live | None]

READS: dict[str, Read] = {}
"""By type token. Filled by the modules beside this one."""


def add(rows: Mapping[str, Read]) -> None:
    """Register the readings of one table."""
    for token, read in rows.items():
        if token in READS:
            raise ValueError(f"{token} is read in two ways")
        READS[token] = read
