"""Kinds of settings that several groups of them have."""

from pathlib import Path
from typing import Annotated

from annotated_types import Ge, Gt, Le
from pydantic import BeforeValidator


def empty_is_none(value: object) -> object:
    """Take an empty value as one that is not set."""
    return None if value == "" else value


OptionalPath = Annotated[Path | None, BeforeValidator(empty_is_none)]
OptionalSeconds = Annotated[float, Ge(0), Le(86_400)]
Seconds = Annotated[float, Gt(0), Le(86_400)]
