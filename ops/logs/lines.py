"""One line of a log, and which lines are wanted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, get_args

Source = Literal["gateway", "asr", "system"]
SOURCES: Final[tuple[Source, ...]] = get_args(Source)
"""The gateway; the recogniser; the host with its units (locally: AWS, host and listener)."""

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_SPAN: Final = re.compile(r"(\d{1,6})([smhd])")
ACCEPTED: Final = "a span such as 90s, 10m, 2h or 3d, or a time such as 2026-11-27T09:30:00Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line.

    Attributes:
        at: When it was written, UTC; None where neither it nor one before it says.
        source: Who wrote it, as in i-0123456789abcdef0/gateway or gateway-blue.
        text: Without the line's end.
    """

    at: datetime | None
    source: str
    text: str

    def __str__(self) -> str:
        """Return it as it is printed."""
        at = (
            "-"
            if self.at is None
            else f"{self.at:%Y-%m-%dT%H:%M:%S}.{self.at.microsecond // 1000:03d}Z"
        )
        return f"{at} {self.source} {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which lines are printed.

    Attributes:
        since: None before this.
        sources: Whose.
        colour: One colour's; None for both.
        machine: One machine's; None for all.
        text: Those that have this in them, case apart; empty for all.
    """

    since: datetime
    sources: tuple[Source, ...]
    colour: str | None = None
    machine: str | None = None
    text: str = ""

    def takes(self, line: Line) -> bool:
        """Say whether a line is late enough and has the text."""
        is_late = line.at is None or line.at >= self.since
        return is_late and self.text.casefold() in line.text.casefold()


def moment(given: str, now: datetime) -> datetime:
    """Return the time that is meant.

    Args:
        given: As `ACCEPTED` says; a time without an offset is UTC.
        now: What a span is counted back from.

    Raises:
        ValueError: It is neither.
    """
    if span := _SPAN.fullmatch(given):
        number, unit = span.groups()
        return now - timedelta(**{_UNITS[unit]: int(number)})
    try:
        told = datetime.fromisoformat(given)
        return told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{given!a}; accepted: {ACCEPTED}") from None
