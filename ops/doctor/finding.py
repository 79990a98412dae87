"""One line of a diagnosis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict

from ops.console.errors import CommandFailedError

Level = Literal["ok", "warn", "fail"]


class Finding(BaseModel):
    """What one check found.

    Attributes:
        name: What was looked at.
        level: `fail` where work or service suffers now, `warn` where a person should look.
        detail: What was seen.
        advice: The one sentence of what to do; None where nothing is to be done.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    level: Level
    detail: str
    advice: str | None = None

    def __str__(self) -> str:
        """Return the line that a person reads."""
        line = f"{self.level.upper():<5} {self.name}: {self.detail}"
        return line if self.advice is None else f"{line}; {self.advice}"


Check = Callable[[], Finding]


def ok(name: str, detail: str) -> Finding:
    """Return a finding without a fault."""
    return Finding(name=name, level="ok", detail=detail)


def looked(name: str, check: Check) -> Finding:
    """Make a check; one that could not be made is a warning with the reason."""
    try:
        return check()
    except CommandFailedError as error:
        return Finding(
            name=name,
            level="warn",
            detail=f"not known: {error.format_message()}",
            advice="see to that first, and ask again",
        )
