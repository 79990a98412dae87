"""Has a Prometheus answer what the panels ask, as Grafana would: over a window, in steps."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import httpx

from ops.console.errors import CommandFailedError, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ops.observe.panels import Panel

STEPS: Final = 90
"""Points of a line, about."""
_ASK_S: Final = 15.0
_SCRAPED_S: Final = 15
"""The longest usual time between two scrapes; Grafana takes it for a source that says nothing."""
_LEGEND: Final = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What is looked at.

    Attributes:
        begins: Seconds since the epoch.
        ends: Likewise.
    """

    begins: float
    ends: float

    @property
    def step_s(self) -> int:
        """Seconds between two points."""
        return max(1, round((self.ends - self.begins) / STEPS))

    @property
    def rate_s(self) -> int:
        """Seconds that a rate looks back: no less than what Grafana's `$__rate_interval` is."""
        return max(self.step_s + _SCRAPED_S, 4 * _SCRAPED_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One line of a panel.

    Attributes:
        legend: Its name.
        points: Seconds since the window's begin, and the value; None where it is no number.
    """

    legend: str
    points: tuple[tuple[float, float | None], ...]


class Prometheus:
    """A Prometheus, by its HTTP API.

    Args:
        url: Where it answers, without a path of the API.
        client: Asks it.
    """

    def __init__(self, url: str, client: httpx.Client) -> None:
        self._url = url.rstrip("/")
        self._client = client

    def answer(self, panel: Panel, window: Window) -> tuple[Drawn, ...]:
        """Return a panel's lines: those with a number in them, by name.

        Raises:
            CommandFailedError: There is no answer, or it is no Prometheus' one.
        """
        found = (
            _line(legend, series, window)
            for legend, query in panel.queries.items()
            for series in self._range(query, window)
        )
        kept = (one for one in found if any(value is not None for _, value in one.points))
        return tuple(sorted(kept, key=lambda one: one.legend))

    def _range(self, query: str, window: Window) -> list[dict[str, Any]]:
        answer = self._asked(
            "query_range",
            {
                "query": chosen(query, window),
                "start": f"{window.begins:.3f}",
                "end": f"{window.ends:.3f}",
                "step": f"{window.step_s}",
                "timeout": f"{_ASK_S:.0f}s",
            },
        )
        result: list[dict[str, Any]] = answer["result"]
        return result

    def _asked(self, what: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        try:
            response = self._client.get(
                f"{self._url}/api/v1/{what}", params=dict(parameters), timeout=_ASK_S
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise CommandFailedError(
                f"no Prometheus answers at {self._url}: {one_line(error) or type(error).__name__}"
            ) from None
        try:
            document = response.json()
            data = document["data"] if response.is_success else None
        except (ValueError, KeyError, TypeError):
            document = data = None
        if isinstance(data, dict):
            return data
        said = document.get("error") if isinstance(document, dict) else None
        raise CommandFailedError(
            f"{self._url} does not answer {what} as a Prometheus does: "
            f"{said or f'HTTP {response.status_code}'}"
        )


def chosen(query: str, window: Window) -> str:
    """Return a panel's query with every machine chosen, as at first in Grafana.

    Args:
        query: PromQL with Grafana's variables.
        window: Which its rates have to fit.
    """
    return (
        query.replace("$__rate_interval", f"{window.rate_s}s")
        .replace("$job", ".+")
        .replace("$instance", ".+")
    )


def _line(legend: str, series: Mapping[str, Any], window: Window) -> Drawn:
    labels: Mapping[str, str] = series["metric"]
    name = _LEGEND.sub(lambda found: labels.get(found[1], ""), legend).strip()
    values = {float(at): _number(text) for at, text in series["values"]}
    # A step without a sample is a gap, not a line from its neighbour to the next.
    steps = int((window.ends - window.begins) // window.step_s)
    moments = (window.begins + turn * window.step_s for turn in range(steps + 1))
    known = {round(at - window.begins): value for at, value in values.items()}
    return Drawn(
        legend=name or "all",
        points=tuple((at - window.begins, known.get(round(at - window.begins))) for at in moments),
    )


def _number(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None
