"""Small plots as inline SVG, without a library: lines over numbers, and bars by name."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH: Final = 560
HEIGHT: Final = 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 30, 38
COLOURS: Final = ("#0b62a4", "#c4501b", "#2e7d32", "#7b1fa2", "#5d4037")
_STEPS: Final = (1.0, 2.0, 5.0, 10.0)
_LETTER: Final = 6.2
"""Width of a letter of a legend, about."""
_ROW: Final = 13
_ACROSS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a plot.

    Attributes:
        name: For the legend.
        points: Pairs of x and y; a y of None leaves a gap.
        dots: Whether each point is marked, and told under the pointer.
    """

    name: str
    points: Sequence[tuple[float, float | None]]
    dots: bool = True


def ticks(most: float, wanted: int = 4, *, least: float = 0.0) -> list[float]:
    """Return round numbers from 0 up to the first one at or beyond a value.

    Args:
        most: The largest value shown; 0 or less is taken for 1 where nothing is below 0.
        wanted: About how many steps.
        least: The smallest value shown; where it is below 0, they begin at or below it.
    """
    least = min(0.0, least)
    most = max(0.0, most) if least < 0 else most if most > 0 and math.isfinite(most) else 1.0
    span = most - least
    size = 10.0 ** math.floor(math.log10(span / wanted))
    step = next(size * factor for factor in _STEPS if size * factor * wanted >= span * (1 - 1e-9))
    first, last = math.floor(least / step + 1e-9), math.ceil(most / step - 1e-9)
    return [step * turn for turn in range(first, last + 1)]


def lines(
    title: str,
    drawn: Sequence[Line],
    *,
    x: str,
    y: str,
    limit: float | None = None,
) -> str:
    """Draw lines over a numeric axis, and a limit as a dashed one.

    Args:
        title: Above the plot.
        drawn: At least one point in one of them, or the plot says that there is none.
        x: What the horizontal axis shows.
        y: What the vertical axis shows, with its unit.
        limit: A target to be seen beside the lines.
    """
    known = [(a, b) for line in drawn for a, b in line.points if b is not None]
    if not known:
        return _nothing(title)
    across = ticks(max(a for line in drawn for a, _ in line.points), _ACROSS)
    heights = [*(b for _, b in known), limit or 0.0]
    up = ticks(max(heights), least=min(heights))
    legend, rows = _legend(drawn)
    at = _Scale(across[-1], up[0], up[-1], _TOP + _ROW * (rows - 1))
    parts = [*_frame((title, x, y), across, up, at)]
    if limit is not None:
        level = at.y(limit)
        parts.append(
            f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{level:.1f}" y2="{level:.1f}" '
            'stroke="#b00020" stroke-dasharray="5 4"/>'
        )
    for number, line in enumerate(drawn):
        colour = COLOURS[number % len(COLOURS)]
        parts += [
            f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{piece}"/>'
            for piece in _pieces(line, at)
        ]
        marked = line.points if line.dots or _is_lone(line) else ()
        parts += [
            f'<circle cx="{at.x(a):.1f}" cy="{at.y(b):.1f}" r="2.5" fill="{colour}">'
            f"<title>{escape(line.name)}: {a:g}, {b:.4g}</title></circle>"
            for a, b in marked
            if b is not None
        ]
    return _svg(title, parts + legend)


def _is_lone(line: Line) -> bool:
    """Say whether a line has points and none beside another, so that no stroke would show them."""
    known = [b is not None for _, b in line.points]
    return not any(one and following for one, following in pairwise(known))


def _legend(drawn: Sequence[Line]) -> tuple[list[str], int]:
    """Return the names of lines, side by side in as many rows as they need, and those rows."""
    parts: list[str] = []
    x, row = float(_LEFT + 8), 0
    for number, line in enumerate(drawn):
        width = _LETTER * len(line.name) + 14
        if x + width > WIDTH and x > _LEFT + 8:
            x, row = float(_LEFT + 8), row + 1
        parts.append(
            f'<text x="{x:.0f}" y="{_TOP - 2 + _ROW * row}" '
            f'fill="{COLOURS[number % len(COLOURS)]}" font-size="11">{escape(line.name)}</text>'
        )
        x += width
    return parts, row + 1


def bars(
    title: str, values: Sequence[tuple[str, float | None]], *, y: str, limit: float | None = None
) -> str:
    """Draw one horizontal bar a name; None is written as a dash.

    Args:
        title: Above the plot.
        values: Names and values of 0 or more.
        y: What is shown, with its unit.
        limit: A target to be seen beside the bars.
    """
    known = [value for _, value in values if value is not None]
    most = ticks(max([*known, limit or 0.0], default=1.0))[-1]
    row, left = 18, 170
    height = 46 + row * len(values)
    span = WIDTH - left - 60
    parts = [f'<text x="6" y="16" font-size="13">{escape(title)} ({escape(y)})</text>']
    for number, (name, value) in enumerate(values):
        top = 30 + row * number
        parts.append(
            f'<text x="{left - 6}" y="{top + 12}" text-anchor="end" font-size="11">'
            f"{escape(name)}</text>"
        )
        length = 0.0 if value is None else span * value / most
        over = value is not None and limit is not None and value > limit
        fill = "#b00020" if over else COLOURS[0]
        said = "-" if value is None else f"{value:.4g}"
        parts.append(
            f'<rect x="{left}" y="{top}" width="{length:.1f}" height="{row - 4}" fill="{fill}"/>'
            f'<text x="{left + length + 4:.1f}" y="{top + 12}" font-size="11">{said}</text>'
        )
    if limit is not None:
        x = left + span * limit / most
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="26" y2="{height - 8}" stroke="#b00020" '
            'stroke-dasharray="5 4"/>'
        )
    return _svg(title, parts, height)


@dataclass(frozen=True, slots=True)
class _Scale:
    across: float
    least: float
    most: float
    top: int

    def x(self, value: float) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * value / self.across

    def y(self, value: float) -> float:
        share = (value - self.least) / (self.most - self.least)
        return HEIGHT - _BOTTOM - (HEIGHT - self.top - _BOTTOM) * share


def _pieces(line: Line, at: _Scale) -> list[str]:
    """Return the runs of points between gaps, as SVG wants them."""
    pieces: list[list[str]] = [[]]
    for a, b in line.points:
        if b is None:
            pieces.append([])
        else:
            pieces[-1].append(f"{at.x(a):.1f},{at.y(b):.1f}")
    return [" ".join(piece) for piece in pieces if len(piece) > 1]


def _frame(
    words: tuple[str, str, str], across: Sequence[float], up: Sequence[float], at: _Scale
) -> list[str]:
    title, x, y = words
    parts = [f'<text x="6" y="14" font-size="13">{escape(title)} ({escape(y)})</text>']
    for tick in up:
        level = at.y(tick)
        parts.append(
            f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{level:.1f}" y2="{level:.1f}" '
            f'stroke="#ddd"/><text x="{_LEFT - 5}" y="{level + 4:.1f}" text-anchor="end" '
            f'font-size="10">{tick:g}</text>'
        )
    parts += [
        f'<text x="{at.x(tick):.1f}" y="{HEIGHT - _BOTTOM + 14}" text-anchor="middle" '
        f'font-size="10">{tick:g}</text>'
        for tick in across
    ]
    parts.append(
        f'<text x="{WIDTH / 2:.0f}" y="{HEIGHT - 6}" text-anchor="middle" font-size="11">'
        f"{escape(x)}</text>"
    )
    return parts


def _nothing(title: str) -> str:
    said = f'<text x="6" y="14" font-size="13">{escape(title)}: not measured</text>'
    return _svg(title, [said], 24)


def _svg(title: str, parts: Sequence[str], height: int = HEIGHT) -> str:
    return (
        f'<svg role="img" aria-label="{escape(title, quote=True)}" width="{WIDTH}" '
        f'height="{height}" viewBox="0 0 {WIDTH} {height}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )
