"""What an alarm is, and the series that it looks at: data, without AWS."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from infra.boot.settings import METRICS_NAMESPACE

Severity = Literal["page", "ticket"]
Missing = Literal["notBreaching", "breaching", "missing"]

MINUTE: Final = 60
FIVE_MINUTES: Final = 300
HOUR: Final = 3_600
DAY: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One series.

    Attributes:
        namespace: CloudWatch namespace.
        name: Metric name.
        statistic: How a period's values become one.
        dimensions: Dimension -> the name of a value `infra.observability.alarms` knows: balancer,
            target_group, group, environment, colour, certificate; blue_group and green_group where
            both are meant.
    """

    namespace: str
    name: str
    statistic: str
    dimensions: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alarm.

    Attributes:
        slug: Its name after the stack's (and the colour's).
        why: What it means to a person, one sentence.
        severity: page: somebody gets up; ticket: somebody looks in working hours.
        metrics: Id -> series; more than one are joined by `expression`.
        expression: Metric math over those ids; None for a single series.
        above: Whether it alarms above the threshold, or below.
        threshold: In the metric's unit.
        period: Seconds.
        periods: How many periods are looked at.
        breaching: How many of them must breach.
        missing: What a period without data means.
    """

    slug: str
    why: str
    severity: Severity
    metrics: Mapping[str, Metric]
    expression: str | None = None
    above: bool = True
    threshold: float
    period: int = MINUTE
    periods: int = 5
    breaching: int = 5
    missing: Missing = "notBreaching"
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def description(self) -> str:
        """Return what a notification says: severity, meaning, and the page with what to do."""
        return f"{self.severity}: {self.why} What to do: runbooks/{self.slug}.md"


def single(metric: Metric) -> dict[str, Metric]:
    """Return what an alarm of a single series looks at."""
    return {"m": metric}


def machine(name: str, statistic: str, source: str = "group") -> Metric:
    """Return a series of a group's machines."""
    return Metric(
        namespace=METRICS_NAMESPACE,
        name=name,
        statistic=statistic,
        dimensions={"AutoScalingGroupName": source},
    )
