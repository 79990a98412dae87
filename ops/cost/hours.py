"""How many machine-hours a month an auto scaling group runs, as far as its program says."""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from ops.cost.prices import HOURS_PER_MONTH

_DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_DAY: Final = 24 * 60
_WEEK: Final = 7 * _DAY
_UNCHANGED: Final = -1
"""What the provider takes for a size that a scheduled action leaves alone."""
_CRON: Final = re.compile(r"(\d{1,2}) (\d{1,2}) \* \* (\S+)")


def machine_hours(
    group: Mapping[str, Any], schedules: Sequence[Mapping[str, Any]]
) -> Decimal | None:
    """Return machines times hours in a month of 730 hours.

    Without a schedule the group runs what it starts with (`desiredCapacity`, at least `minSize`)
    all the time: what scaling adds or takes away depends on traffic. With schedules, each sets the
    number until the next one does, or the fewest where it leaves the number alone: what runs beyond
    those depends on traffic, too. The week repeats, and its hours are stretched to a month.

    Args:
        group: inputs of the group.
        schedules: inputs of its scheduled actions.

    Returns:
        Hours; None where a number is not known, or a schedule is not the same every week.
    """
    if not schedules:
        usual = _usual(group)
        return None if usual is None else usual * HOURS_PER_MONTH
    turns: list[tuple[int, int]] = []
    for schedule in schedules:
        capacity, minutes = _set(schedule), weekly(schedule.get("recurrence"))
        if capacity is None or minutes is None:
            return None
        turns += [(minute, capacity) for minute in minutes]
    turns.sort()
    following = [*(minute for minute, _ in turns[1:]), turns[0][0] + _WEEK]
    run = sum(
        capacity * (until - minute)
        for (minute, capacity), until in zip(turns, following, strict=True)
    )
    return Decimal(run) * HOURS_PER_MONTH / Decimal(_WEEK)


def most_hours(group: Mapping[str, Any]) -> Decimal | None:
    """Return the hours of every machine the group may have, all the time; None if unknown."""
    most = group.get("maxSize")
    return most * HOURS_PER_MONTH if isinstance(most, int) else None


def weekly(recurrence: object) -> list[int] | None:
    """Return the minutes of a week, from Sunday 00:00, at which a cron line fires.

    Only lines that fire at one time of day, on days of the week, are understood; None for others.
    """
    found = _CRON.fullmatch(recurrence) if isinstance(recurrence, str) else None
    if found is None:
        return None
    minute, hour, days = int(found[1]), int(found[2]), _days(found[3])
    if minute > 59 or hour > 23 or not days:  # noqa: PLR2004 - a clock's last minute and hour
        return None
    return [day * _DAY + hour * 60 + minute for day in sorted(days)]


def _days(text: str) -> set[int] | None:
    """Return the days of the week that cron writes: `*`, `MON-FRI`, `1,3,SAT`."""
    if text == "*":
        return set(range(7))
    days: set[int] = set()
    for part in text.split(","):
        ends = [_day(end) for end in part.split("-")]
        if None in ends or len(ends) > 2:  # noqa: PLR2004 - first and last
            return None
        first, last = ends[0], ends[-1]
        days |= set(_span(first or 0, last or 0))
    return days


def _span(first: int, last: int) -> Iterator[int]:
    """Return the days from one to another, over the end of the week if need be."""
    yield first
    while first != last:
        first = (first + 1) % 7
        yield first


def _day(name: str) -> int | None:
    if name.upper() in _DAYS:
        return _DAYS.index(name.upper())
    return int(name) % 7 if name in set("01234567") else None


def _set(schedule: Mapping[str, Any]) -> int | None:
    """Return the number of machines that a scheduled action leaves a group with, as if unused."""
    for size in ("desiredCapacity", "minSize"):
        number = schedule.get(size, _UNCHANGED)
        if number != _UNCHANGED:
            return number if isinstance(number, int) and number >= 0 else None
    return None


def _usual(group: Mapping[str, Any]) -> int | None:
    counts = [group.get("minSize"), group.get("desiredCapacity", group.get("minSize"))]
    known = [count for count in counts if isinstance(count, int)]
    return max(known) if len(known) == len(counts) else None
