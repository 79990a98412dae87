"""How many hours a group of machines runs by its schedules, worked out by hand."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.cost.hours import machine_hours, most_hours, weekly


@pytest.mark.parametrize(
    ("line", "minutes"),
    [
        ("0 8 * * MON-FRI", [day * 1440 + 480 for day in (1, 2, 3, 4, 5)]),
        ("30 19 * * 0,SAT", [1170, 6 * 1440 + 1170]),
        ("0 0 * * 7", [0]),
        ("5 1 * * fri-mon", [day * 1440 + 65 for day in (0, 1, 5, 6)]),
        ("0 8 * * *", [day * 1440 + 480 for day in range(7)]),
    ],
)
def test_a_weekly_cron_line_is_a_list_of_minutes(line: str, minutes: list[int]) -> None:
    assert weekly(line) == minutes


@pytest.mark.parametrize(
    "line",
    [None, "", "0 8 1 * *", "0 8 * 5 *", "*/5 8 * * *", "0 25 * * *", "60 8 * * *", "0 8 * * XYZ",
     "0 8 * * 1-2-3", "0 8 * * 9", "@daily", "[unknown]"],
)  # fmt: skip
def test_any_other_recurrence_is_not_understood(line: str | None) -> None:
    assert weekly(line) is None


def test_a_number_that_runs_over_the_weekend_counts_until_the_next_turn() -> None:
    turns = [
        {"recurrence": "0 18 * * FRI", "desiredCapacity": 3},
        {"recurrence": "0 6 * * MON", "desiredCapacity": 1},
    ]
    # Friday 18:00 to Monday 06:00 are 60 hours with three, the other 108 with one.
    assert machine_hours({}, turns) == Decimal(60 * 3 + 108) * 730 / 168


def test_a_clock_that_moves_only_the_fewest_machines_costs_what_it_holds() -> None:
    hold = {"recurrence": "0 8 * * MON-FRI", "minSize": 1, "maxSize": -1, "desiredCapacity": -1}
    stop = {"recurrence": "0 19 * * MON-FRI", "minSize": 0, "maxSize": -1, "desiredCapacity": -1}
    assert machine_hours({}, [hold, stop]) == Decimal(55) * 730 / 168
    assert machine_hours({}, [{**hold, "minSize": -1}]) is None


@pytest.mark.parametrize("capacity", [None, -1, "[unknown]"])
def test_a_schedule_without_a_number_leaves_the_hours_unknown(capacity: object) -> None:
    assert machine_hours({}, [{"recurrence": "0 8 * * *", "desiredCapacity": capacity}]) is None


def test_a_group_whose_numbers_are_not_known_has_no_hours() -> None:
    assert machine_hours({"minSize": "[unknown]", "desiredCapacity": 1}, []) is None
    assert most_hours({"maxSize": "[unknown]"}) is None


@given(st.text(max_size=30))
def test_no_recurrence_can_upset_it(line: str) -> None:
    minutes = weekly(line)
    assert minutes is None or all(0 <= minute < 7 * 1440 for minute in minutes)
