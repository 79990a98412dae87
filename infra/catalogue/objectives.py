"""The service's objectives and how their budgets may burn: the one definition.

Out of it are made the CloudWatch alarms (`infra.observability.alarm_table`), the counters that a
machine sends there, and Prometheus' recording rules, alerts and dashboards (`ops.observe`); `perch
smoke` and releases judge by the same limits. The series are those of the gateway's /metrics; that
they exist, and that its histograms have a bucket at each limit, is held by tests.
"""

from dataclasses import dataclass
from typing import Final, Literal

FIRST_INTERIM_S: Final = 0.3
"""From the begin of speech to its first interim: p95 of Parakeet on a GPU (the plan's own)."""
FINAL_S: Final = 0.8
"""From the end of speech to its final, likewise."""
ERROR_SHARE: Final = 0.005
"""Sessions that the service breaks off must be fewer than this share of all (the plan's own)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A counter of the gateway, as CloudWatch has it too.

    Attributes:
        counter: Name of a Prometheus counter, which is added up over all its labels; of a histogram
            `..._count`, or `..._bucket` where `le` is set.
        le: Upper bound of the histogram's bucket, as the exposition writes it.
        cloudwatch: Name of the metric there.
    """

    counter: str
    le: str | None = None
    cloudwatch: str

    @property
    def selector(self) -> str:
        """How the exposition, and PromQL, write it."""
        return self.counter if self.le is None else f'{self.counter}{{le="{self.le}"}}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """A promise about a share of events.

    Attributes:
        slug: Of its alerts, recording rules and runbook.
        promise: In words.
        title: Of its panels.
        target: Share of events that are to be good.
        all: Count events, all together.
        good: Counts the good ones; None where `bad` is counted.
        bad: Counts the bad ones; None where `good` is counted.
        meaning: What its alert means to a person, one sentence.
    """

    slug: str
    promise: str
    title: str
    target: float
    all: tuple[Series, ...]
    good: Series | None = None
    bad: Series | None = None
    meaning: str

    @property
    def budget(self) -> float:
        """Share of events that may be bad."""
        return round(1 - self.target, 9)


def _latency(name: str, le: float, cloudwatch: str) -> tuple[Series, Series]:
    return (
        Series(counter=f"{name}_count", cloudwatch=cloudwatch),
        Series(counter=f"{name}_bucket", le=f"{le}", cloudwatch=f"{cloudwatch}InTime"),
    )


_FIRST, _FIRST_IN_TIME = _latency(
    "perch_first_interim_latency_seconds", FIRST_INTERIM_S, "FirstInterims"
)
_FINAL, _FINAL_IN_TIME = _latency("perch_final_latency_seconds", FINAL_S, "Finals")
_TURNED_AWAY: Final = Series(
    counter="perch_sessions_turned_away_total", cloudwatch="SessionsTurnedAway"
)

OBJECTIVES: Final = (
    Objective(
        slug="first-interim-late",
        promise=f"95 % of first interims come within {1000 * FIRST_INTERIM_S:g} ms of the begin of "
        "speech",
        title="First interims in time",
        target=0.95,
        all=(_FIRST,),
        good=_FIRST_IN_TIME,
        meaning="First words come too late, and speakers feel that nobody listens.",
    ),
    Objective(
        slug="final-late",
        promise=f"95 % of finals come within {1000 * FINAL_S:g} ms of the end of speech",
        title="Finals in time",
        target=0.95,
        all=(_FINAL,),
        good=_FINAL_IN_TIME,
        meaning="Finals come too late after the end of speech.",
    ),
    Objective(
        slug="sessions-failing",
        promise=f"fewer than {100 * ERROR_SHARE:g} % of sessions are broken off by the service",
        title="Sessions not broken off",
        target=1 - ERROR_SHARE,
        all=(Series(counter="perch_sessions_ended_total", cloudwatch="SessionsEnded"),),
        bad=Series(counter="perch_sessions_failed_total", cloudwatch="SessionsFailed"),
        meaning="The service breaks off sessions that run.",
    ),
    Objective(
        slug="sessions-turned-away",
        promise="99.5 % of the sessions that are asked for are admitted",
        title="Sessions admitted",
        target=0.995,
        all=(
            Series(counter="perch_sessions_started_total", cloudwatch="SessionsStarted"),
            _TURNED_AWAY,
        ),
        bad=_TURNED_AWAY,
        meaning="New sessions are turned away: no slot is free, or no recogniser is ready.",
    ),
)

SERIES: Final = tuple(
    dict.fromkeys(
        series
        for objective in OBJECTIVES
        for series in (*objective.all, objective.good, objective.bad)
        if series is not None
    )
)
"""All counters that the objectives are made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Burn:
    """How fast a budget of 30 days may burn before somebody is told.

    It fires while the error rate is above `factor` budgets in both windows: the long one proves
    that it matters, the short one that it still goes on, so that the alert clears soon after.

    Attributes:
        severity: page: somebody gets up; ticket: somebody looks in working hours.
        long: Window.
        short: Window.
        factor: Times the rate that would use up the budget in 30 days.
    """

    severity: Literal["page", "ticket"]
    long: str
    short: str
    factor: float

    def share(self, objective: Objective) -> float:
        """Return the share of bad events above which it fires; never beyond nine tenths.

        A budget of 5 % cannot burn 20 times as fast, and one that burns 14.4 times as fast does so
        at 72 %.
        """
        return min(0.9, round(self.factor * objective.budget, 6))


BURNS: Final = (
    Burn(severity="page", long="1h", short="5m", factor=14.4),
    Burn(severity="page", long="6h", short="30m", factor=6),
    Burn(severity="ticket", long="1d", short="2h", factor=3),
    Burn(severity="ticket", long="3d", short="6h", factor=1),
)
"""Google's SRE Workbook, "Alerting on SLOs", table 5-8, as slok/sloth has it for 30 days."""

MIN_EVENTS: Final = 20
"""In the long window: below, one bad event would already be a tenth of a budget of 0.5 % and more.
"""
