"""Draws dashboards as SVG and as one page: the same panels as Grafana's, in Perch's own drawing."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Final

from ops.observe.panels import SCREENS
from ops.pages import html, svg

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ops.dashboards.asking import Drawn, Window
    from ops.observe.panels import Panel, Screen

COLUMNS: Final = 2
"""Grafana has three; with two, words can be read where the picture is as wide as a page."""
_GAP: Final = 12
_HEAD: Final = 46
_CELL: Final = svg.HEIGHT + 40
_WIDTH: Final = _GAP + COLUMNS * (svg.WIDTH + _GAP)
_LETTERS: Final = 96
_GREY: Final = "#666"

_UNITS: Final[Mapping[str, tuple[str, float]]] = {
    # Grafana's unit -> what stands at the axis, and by how much a value is multiplied for it.
    "percentunit": ("%", 100.0),
    "s": ("s", 1.0),
    "bytes": ("MB", 1e-6),
    "celsius": ("°C", 1.0),
    "short": ("number", 1.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A panel with what a Prometheus said.

    Attributes:
        panel: What was asked.
        lines: The answer; empty where there are no data.
    """

    panel: Panel
    lines: tuple[Drawn, ...]


def picture(
    screen: Screen,
    answers: tuple[Answered, ...],
    window: Window,
    address: Callable[[str], str],
) -> str:
    """Return one dashboard as an SVG that stands alone.

    Args:
        screen: What it shows.
        answers: Its panels, in order.
        window: What was looked at.
        address: Where a dashboard of that uid is, for the links between them.
    """
    rows = -(-len(answers) // COLUMNS)
    height = _HEAD + rows * _CELL
    cells = "\n".join(
        f'<g transform="translate({_GAP + number % COLUMNS * (svg.WIDTH + _GAP)},'
        f'{_HEAD + number // COLUMNS * _CELL})">{_cell(one, window, address)}</g>'
        for number, one in enumerate(answers)
    )
    return (
        f'<svg role="img" aria-label="{escape(screen.title, quote=True)}" width="{_WIDTH}" '
        f'height="{height}" viewBox="0 0 {_WIDTH} {height}" font-family="system-ui,sans-serif" '
        'xmlns="http://www.w3.org/2000/svg">\n<rect width="100%" height="100%" fill="#fff"/>\n'
        f'<text x="{_GAP}" y="20" font-size="17">{escape(screen.title)}</text>\n'
        f'<text x="{_GAP}" y="37" font-size="12" fill="{_GREY}">{escape(screen.about)} '
        f"{escape(_when(window))}</text>\n{cells}\n</svg>\n"
    )


def page(pictures: Mapping[str, str], remarks: tuple[str, ...]) -> str:
    """Return all dashboards as one HTML file, nothing fetched.

    Args:
        pictures: Uid -> SVG whose links lead to `#uid`.
        remarks: Sentences to be seen first.
    """
    return html.page(
        "Perch: dashboards",
        [
            *(html.said(one) for one in remarks),
            *(f'<div id="{escape(uid)}">{drawn}</div>' for uid, drawn in pictures.items()),
        ],
    )


def without_data(answers: tuple[Answered, ...]) -> tuple[str, ...]:
    """Return the titles of panels that have no data though every stack could have them."""
    return tuple(one.panel.title for one in answers if not one.lines and one.panel.needs is None)


def _cell(one: Answered, window: Window, address: Callable[[str], str]) -> str:
    panel = one.panel
    unit, times = _UNITS[panel.unit]
    if one.lines:
        plot = svg.lines(
            panel.title,
            [
                svg.Line(
                    name=line.legend,
                    points=[
                        (at / 60, None if value is None else value * times)
                        for at, value in line.points
                    ],
                    dots=False,
                )
                for line in one.lines
            ],
            x=f"minutes from {_clock(window.begins)} UTC",
            y=unit,
            limit=None if panel.limit is None else panel.limit * times,
        )
    else:
        why = f"needs {panel.needs}" if panel.needs else "nothing of it in this window"
        plot = (
            f'<text x="6" y="14" font-size="13">{escape(panel.title)}</text>'
            f'<text x="{svg.WIDTH // 2}" y="{svg.HEIGHT // 2}" text-anchor="middle" '
            f'font-size="13" fill="{_GREY}">No data: {escape(why)}.</text>'
        )
    return plot + _link(panel, address) + _about(panel.about)


def _about(about: str) -> str:
    return "".join(
        f'<text x="6" y="{svg.HEIGHT + 10 + 13 * number}" font-size="11" fill="{_GREY}">'
        f"{escape(line)}</text>"
        for number, line in enumerate(textwrap.wrap(about, _LETTERS))
    )


def _link(panel: Panel, address: Callable[[str], str]) -> str:
    if panel.leads_to is None:
        return ""
    title = next(one.title for one in SCREENS if one.uid == panel.leads_to)
    return (
        f'<a href="{escape(address(panel.leads_to), quote=True)}"><title>{escape(title)}</title>'
        f'<text x="{svg.WIDTH - 12}" y="14" text-anchor="end" font-size="12" fill="#0b62a4" '
        'text-decoration="underline">Why?</text></a>'
    )


def _when(window: Window) -> str:
    day = datetime.fromtimestamp(window.begins, UTC).date().isoformat()
    return f"{day}, {_clock(window.begins)} to {_clock(window.ends)} UTC."


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M")
