"""Whether a setting takes what its description says is accepted, up to the very numbers."""

import re
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

SPAN = re.compile(r"(?:(above) (\d+), to|(?:from )?(?<![\w.])(-?[\d.]+) to) ([\d.]+)")


def span(field: FieldInfo) -> tuple[bool, float, float] | None:
    """Whether the least is beyond what is accepted, the least and the most; None without any."""
    found = SPAN.search(field.description or "")
    if found is None or "characters" in (field.description or ""):
        return None
    above, open_least, least, most = found.groups()
    return bool(above), float(open_least or least), float(most)


def differences(field: FieldInfo, *, zero_too: bool = False) -> list[str]:
    """What a field takes or refuses against its description.

    Args:
        field: One with a span.
        zero_too: Whether 0 stands below the least, for no limit or for none.
    """
    found = span(field)
    assert found is not None
    above, least, most = found
    step = 0.01 if _taken(field, most - 0.5) else 1
    below = 0 if zero_too else least
    wanted = {most: True, most + step: False, least + step * above: True, below - step: False}
    return [
        f"{value} is {'refused' if takes else 'taken'}"
        for value, takes in {**wanted, least: not above}.items()
        if _taken(field, value) != takes
    ]


def _taken(field: FieldInfo, value: float) -> bool:
    adapter: TypeAdapter[Any] = TypeAdapter(Annotated[field.annotation, field])  # type: ignore[arg-type]
    try:
        adapter.validate_python(str(int(value)) if value == int(value) else str(value))
    except ValidationError:
        return False
    return True
