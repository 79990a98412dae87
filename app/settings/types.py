"""Kinds of settings that several groups of them have."""

from pathlib import Path
from typing import Annotated

from annotated_types import Ge, Gt, Le
from pydantic import AfterValidator, BeforeValidator


def empty_is_none(value: object) -> object:
    """Take an empty value as one that is not set."""
    return None if value == "" else value


def _can_be_looked_up(name: str) -> str:
    """Refuse what no resolver takes: nothing, a label that is empty or too long, half a character.

    Raises:
        ValueError: It is no name.
    """
    if not name.strip() or not name.encode("idna"):
        raise ValueError("nothing is called so")
    return name


EmptyIsNone = BeforeValidator(empty_is_none)
HostName = Annotated[str, AfterValidator(_can_be_looked_up)]
OptionalPath = Annotated[Path | None, EmptyIsNone]
OptionalSeconds = Annotated[float, Ge(0), Le(86_400)]
Seconds = Annotated[float, Gt(0), Le(86_400)]
