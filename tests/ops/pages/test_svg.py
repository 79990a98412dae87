"""Axes, gaps and legends of a plot."""

import re

import pytest

from ops.pages.svg import WIDTH, Line, lines, ticks


@pytest.mark.parametrize(
    ("most", "least", "expected"),
    [
        (1.0, 0.0, [0.0, 0.5, 1.0]),
        (0.0, 0.0, [0.0, 0.5, 1.0]),
        (100.0, 0.0, [0.0, 50.0, 100.0]),
        (1.0, -0.2, [-0.5, 0.0, 0.5, 1.0]),
        (-3.0, -19.3, [-20.0, -15.0, -10.0, -5.0, 0.0]),
    ],
)
def test_an_axis_has_round_numbers_and_zero(
    most: float, least: float, expected: list[float]
) -> None:
    assert ticks(most, least=least) == expected


def test_what_is_below_zero_is_drawn_inside_the_frame() -> None:
    drawn = lines("x", [Line(name="a", points=[(0, -5), (1, 5)])], x="t", y="n")
    [points] = re.findall(r'<polyline[^>]*points="([^"]*)"', drawn)
    below, above = (float(point.split(",")[1]) for point in points.split())
    assert 30 <= above < below <= 222


def test_many_names_stand_in_rows_that_fit_the_plot() -> None:
    names = [f"a name that is long {number}" for number in range(9)]
    drawn = lines("x", [Line(name=one, points=[(0, 1), (1, 2)]) for one in names], x="t", y="n")
    places = {
        name: (float(x), float(y))
        for x, y, name in re.findall(
            r'<text x="(\d+)" y="(\d+)" fill="[^"]*" font-size="11">([^<]*)<', drawn
        )
    }
    assert list(places) == names
    assert len({y for _, y in places.values()}) > 1
    assert len(set(places.values())) == len(names)
    assert max(x for x, _ in places.values()) < WIDTH


def test_a_line_without_dots_has_them_where_a_point_stands_alone() -> None:
    lone = Line(name="a", points=[(0, 1), (1, None), (2, 3)], dots=False)
    joined = Line(name="a", points=[(0, 1), (1, 2)], dots=False)
    assert lines("x", [lone], x="t", y="n").count("<circle") == 2
    assert lines("x", [joined], x="t", y="n").count("<circle") == 0
