"""Which function deletes which type."""

from collections.abc import Callable
from typing import TypeAlias

from ops.offline.provider.lifecycle.existing import Existing

Delete: TypeAlias = Callable[[Existing], None]

DELETES: dict[str, Delete] = {}
"""By type token. Filled by the modules beside this one."""


def deletes(token: str) -> Callable[[Delete], Delete]:
    """Register the deletion of a type."""

    def register(delete: Delete) -> Delete:
        if token in DELETES:
            raise ValueError(f"{token} is deleted in two ways")
        DELETES[token] = delete
        return delete

    return register
