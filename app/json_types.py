"""Field types for what comes in as JSON, which knows numbers and no kinds of them."""

from typing import Annotated, Final

from pydantic import BeforeValidator, Strict

_LARGEST: Final = 2**53
"""Up to here every integer is a float (RFC 8259, 6)."""


def _whole(value: object) -> object:
    """Take 16000.0 and 1.6e4 for 16000, as JSON Schema does; leave everything else alone."""
    # What is larger is no count of anything, and an error shows it as it was written.
    if isinstance(value, float) and value.is_integer() and abs(value) <= _LARGEST:
        return int(value)
    return value


WHOLE: Final = BeforeValidator(_whole)
"""Lets a strict `int` take what JSON calls an integer. Last of the annotations: bounds that came
after it would be missing in the JSON schema."""

JsonNumber = Annotated[float, Strict()]
"""Any number; neither true nor "5" is one."""

JsonFlag = Annotated[bool, Strict()]
"""true or false; neither 1 nor "yes" is one of them."""
