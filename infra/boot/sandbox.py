"""The sandbox that every unit is in, written into each: what a unit says itself goes before it.

A drop-in for all of them would go before what a unit says, so a unit's exception could not stand in
the unit.
"""

from collections.abc import Iterable, Iterator
from typing import Final

_SERVICE: Final = "[Service]\n"


def sandboxed(unit: str, sandbox: Iterable[str]) -> str:
    """Return a unit with the directives of the sandbox that it lacks; one of no service as it is.

    Args:
        unit: Text of a unit without comments.
        sandbox: Directives, `Name=value`.
    """
    head, section, rest = unit.partition(_SERVICE)
    if not section:
        return unit
    own = {line.partition("=")[0] for line in rest.splitlines()}
    lacking = "".join(f"{one}\n" for one in sandbox if one.partition("=")[0] not in own)
    return head + section + lacking + rest


def directives(text: str) -> Iterator[str]:
    """Yield the directives of a text with comments."""
    for line in text.splitlines():
        if line and not line.startswith("#"):
            yield line
