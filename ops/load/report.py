"""A run of `perch load` as JSON, as CSV, as text and as one page."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from ops.load import targets
from ops.load.costs import StreamPrice
from ops.load.judged import LevelResult, Spread, Verdict
from ops.load.soak import Growth
from ops.pages import html, svg

NONE: Final = "-"


class LoadReport(BaseModel):
    """A whole run.

    Attributes:
        kind: Says what file this is.
        stack: Whose; None for a gateway by its address.
        url: Which gateway.
        started: UTC.
        command: How it was asked for.
        machine: Processors of the machine that made the load, and how busy it was before it began.
        machines: Gateways that shared the load.
        instances_per_machine: Recognisers of each.
        levels: Ascending.
        verdict: What they mean.
        soak: How memory went, by kind of process; None where it was no soak.
        price: Dollars; None where nothing is recommended.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    kind: Literal["perch load"] = "perch load"
    stack: str | None
    url: str
    started: AwareDatetime
    command: str
    machine: str
    machines: int = 1
    instances_per_machine: int = 1
    levels: tuple[LevelResult, ...]
    verdict: Verdict
    soak: dict[str, Growth] | None = None
    price: StreamPrice | None = None


COLUMNS: Final = (
    "sessions",
    "played",
    "errors %",
    "refused",
    "timeouts",
    "disconnects",
    "queue p95 s",
    "first p50 s",
    "first p95 s",
    "first p99 s",
    "final p50 s",
    "final p95 s",
    "final p99 s",
    "RTFx p50",
    "audio s/s",
    "outage p95 s",
    "gateway cores",
    "gateway waited",
    "gateway MiB",
    "recogniser cores",
    "recogniser MiB",
    "balancer cores",
    "GPU",
    "generator late p99 ms",
)


def row(level: LevelResult) -> list[str]:
    """Return a level's figures in the order of `COLUMNS`; a dash for what is not known."""
    failed = level.failed
    return [
        str(level.sessions),
        str(level.played),
        f"{100 * level.error_share:.2f}",
        str(failed.get("refused", 0)),
        str(failed.get("timeout", 0) + failed.get("not begun", 0)),
        str(failed.get("disconnect", 0)),
        _shown(level.queue.p95),
        *_three(level.first_interim),
        *_three(level.final),
        _shown(level.rtfx.p50),
        f"{level.audio_per_second:.1f}",
        _shown(level.outage.p95),
        _shown(level.gateway.cpu_cores, 2),
        _shown(level.gateway.waited, 2),
        _mib(level.gateway.rss_bytes),
        _shown(level.recogniser.cpu_cores, 2),
        _mib(level.recogniser.rss_bytes),
        _shown(level.balancer.cpu_cores, 2),
        NONE if level.gpu_utilisation is None else f"{100 * level.gpu_utilisation:.0f} %",
        _shown(_ms(level.generators.lateness_p99_s), 1),
    ]


def as_csv(report: LoadReport) -> str:
    """Return a row a level; what is not known is empty."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(COLUMNS)
    for level in report.levels:
        writer.writerow(["" if cell == NONE else cell for cell in row(level)])
    return written.getvalue()


def price_lines(price: StreamPrice) -> list[str]:
    """Return dollars for a person, beside those of others."""
    own = (
        f"a stream-hour on {price.machine}, list prices of {price.as_of}, {price.streams} streams: "
        f"{_usd(price.at_maximum)} at the maximum, {_usd(price.at_half)} at half of it, "
        f"{_usd(price.idle_colour_warm)} at the maximum with the idle colour warm"
    )
    lines = [own]
    for other in price.hosted:
        dated = f" ({other.as_of})" if other.as_of is not None else ""
        lines.append(f"beside it, {other.name}: {_usd(other.usd_per_hour)}{dated}, {other.page}")
    return [*lines, *price.remarks]


def as_page(report: LoadReport) -> str:
    """Return the whole report as one file that needs nothing else."""
    verdict = report.verdict
    parts = [
        html.said(verdict.sentence, bad=verdict.recommended is None),
        html.table(
            ("what", "value"),
            [
                ("stack", report.stack or NONE),
                ("gateway", report.url),
                ("started", report.started.isoformat(timespec="seconds")),
                ("command", report.command),
                ("machine that made the load", report.machine),
                ("knee", NONE if verdict.knee is None else f"{verdict.knee} sessions"),
            ],
        ),
        html.section("Levels", html.table(COLUMNS, [row(level) for level in report.levels])),
        html.section("Plots", html.plots(*_plots(report.levels))),
        html.section(
            "What was missed",
            html.table(
                ("sessions", "objective", "failures"),
                [
                    (
                        str(level.sessions),
                        "; ".join(level.broken) or "none",
                        "; ".join(f"{count} x {said}" for said, count in level.details.items()),
                    )
                    for level in report.levels
                ],
            ),
        ),
    ]
    if report.soak is not None:
        rows = [(kind, grown.sentence) for kind, grown in report.soak.items()]
        parts.append(html.section("Memory over time", html.table(("process", "verdict"), rows)))
    if report.price is not None:
        rows = [(line,) for line in price_lines(report.price)]  # type: ignore[misc]
        parts.append(html.section("Dollars", html.table(("dollars",), rows)))
    return html.page(f"perch load, {report.stack or report.url}", parts)


def _plots(levels: Sequence[LevelResult]) -> list[str]:
    def line(name: str, kind: str, share: str) -> svg.Line:
        points = [(float(one.sessions), getattr(getattr(one, kind), share)) for one in levels]
        return svg.Line(name=name, points=points)

    def taken(name: str, kind: str, what: str, scale: float = 1.0) -> svg.Line:
        values = [(float(one.sessions), getattr(getattr(one, kind), what)) for one in levels]
        return svg.Line(
            name=name, points=[(x, None if y is None else y / scale) for x, y in values]
        )

    shares = ("p50", "p95", "p99")
    kinds = ("gateway", "recogniser", "balancer")
    return [
        svg.lines(
            "first interim",
            [line(share, "first_interim", share) for share in shares],
            x="sessions",
            y="s",
            limit=targets.FIRST_INTERIM_P95_S,
        ),
        svg.lines(
            "final",
            [line(share, "final", share) for share in shares],
            x="sessions",
            y="s",
            limit=targets.FINAL_P95_S,
        ),
        svg.lines(
            "errors",
            [
                svg.Line(
                    name="failed",
                    points=[(float(one.sessions), 100 * one.error_share) for one in levels],
                )
            ],
            x="sessions",
            y="%",
            limit=100 * targets.ERROR_SHARE,
        ),
        svg.lines("queue", [line(share, "queue", share) for share in shares], x="sessions", y="s"),
        svg.lines(
            "processors",
            [taken(kind, kind, "cpu_cores") for kind in kinds],
            x="sessions",
            y="cores",
        ),
        svg.lines(
            "memory",
            [taken(kind, kind, "rss_bytes", 2**20) for kind in kinds],
            x="sessions",
            y="MiB",
        ),
    ]


def stamp(moment: datetime) -> str:
    """Return a moment as part of a file's name."""
    return moment.strftime("%Y%m%dT%H%M%SZ")


def _three(spread: Spread) -> list[str]:
    return [_shown(spread.p50), _shown(spread.p95), _shown(spread.p99)]


def _shown(value: float | None, digits: int = 3) -> str:
    return NONE if value is None else f"{value:.{digits}f}"


def _mib(value: int | None) -> str:
    return NONE if value is None else f"{value / 2**20:.0f}"


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else 1000 * seconds


def _usd(value: object) -> str:
    return "not known" if value is None else f"{value} USD"
