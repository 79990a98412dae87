"""What the others noticed of an attack, and what is held against what is promised. Pure."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_SLOWER_S: Final = 0.050
"""What a neighbour's 95th percentile may be worse by under attack."""
PERCENT: Final = 95
OK: Final = "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A time, in monotonic seconds of the machine: every process reads the same clock."""

    begin: float
    end: float

    def __contains__(self, moment: float) -> bool:
        return self.begin <= moment < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """A neighbour's ping.

    Attributes:
        at: When it was sent, by the clock and not by the answer before.
        seconds: To its answer, or so far where none came.
    """

    at: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Somebody new, from an address of his own.

    Attributes:
        at: When he came.
        what: `session`, `upload` or `health`.
        outcome: `ok`, or how he was sent away.
        seconds: Until then.
    """

    at: float
    what: str
    outcome: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """What the neighbour and those who came meanwhile saw.

    Attributes:
        pings: Of the neighbour's session, in order.
        visits: Of the others.
        finals: That the neighbour's session got.
        ended: What ended that session before its time, if anything did.
    """

    pings: Sequence[Ping]
    visits: Sequence[Visit]
    finals: int = 0
    ended: str | None = None

    @classmethod
    def parse(cls, said: Mapping[str, object]) -> Self:
        """From what the witness says as JSON.

        Raises:
            ValueError, TypeError: It is of another form.
        """
        pings, visits, finals = said["pings"], said["visits"], said["finals"]
        if not (isinstance(pings, list) and isinstance(visits, list) and isinstance(finals, int)):
            raise TypeError(f"the witness said {said!r}; accepted: pings, visits and finals")
        ended = said.get("ended")
        return cls(
            pings=[Ping(at=at, seconds=seconds) for at, seconds in pings],
            visits=[Visit(**visit) for visit in visits],
            finals=finals,
            ended=None if ended is None else str(ended),
        )

    def p95(self, span: Span) -> float:
        """Of the answers to pings sent within a span, in seconds; NaN where none was sent."""
        return percentile([ping.seconds for ping in self.pings if ping.at in span])

    def refused(self, span: Span) -> Counter[str]:
        """Who came within a span and was sent away or left waiting, by what and how."""
        return Counter(
            f"{visit.what} {visit.outcome}"
            for visit in self.visits
            if visit.at in span and visit.outcome != OK
        )

    def slowest(self, what: str, span: Span) -> float:
        """Longest that anybody waited for one thing, in seconds; NaN where nobody asked for it."""
        waits = [visit.seconds for visit in self.visits if visit.what == what and visit.at in span]
        return max(waits, default=math.nan)

    def count(self, span: Span) -> int:
        """How many came within a span."""
        return sum(visit.at in span for visit in self.visits)


def percentile(values: Sequence[float], percent: int = PERCENT) -> float:
    """The nearest-rank percentile; NaN of nothing."""
    if not values:
        return math.nan
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """What a program holds.

    Attributes:
        memory_mib: Resident.
        files: Open descriptors.
    """

    memory_mib: float
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a row allows.

    Attributes:
        grown_mib: Memory beyond what was held before the attack.
        files: Descriptors at any time.
        left_files: Descriptors beyond those before, when the attacker has left.
    """

    grown_mib: float
    files: int
    left_files: int = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One attack with everything that was measured beside it.

    Attributes:
        alone: Before it.
        under: From its begin to its end.
        observations: Of the others.
        before: What the gateway held before.
        most: The most it held meanwhile, and until the attacker had left.
        after: What it held when the attacker had left.
    """

    alone: Span
    under: Span
    observations: Observations
    before: Holdings
    most: Holdings
    after: Holdings

    @property
    def grown_mib(self) -> float:
        """Memory at the most beyond what was held before."""
        return max(0.0, self.most.memory_mib - self.before.memory_mib)

    @property
    def left_files(self) -> int:
        """Descriptors beyond those before, when the attacker had left."""
        return self.after.files - self.before.files


def broken_promises(trial: Trial, limits: Limits) -> list[str]:
    """What does not hold, as sentences."""
    broken = [*_of_neighbour(trial)]
    observations = trial.observations
    if refused := observations.refused(trial.under):
        told = ", ".join(f"{what} x {count}" for what, count in sorted(refused.items()))
        total = observations.count(trial.under)
        broken.append(f"{sum(refused.values())} of {total} others were not served: {told}")
    if trial.grown_mib > limits.grown_mib:
        broken.append(
            f"memory grew by {trial.grown_mib:,.0f} MiB, the budget is {limits.grown_mib:g} MiB"
        )
    if trial.most.files > limits.files:
        broken.append(f"{trial.most.files} descriptors were open, at most {limits.files} may be")
    if trial.left_files > limits.left_files:
        broken.append(f"{trial.left_files} descriptors were left when the attacker had gone")
    return broken


def _of_neighbour(trial: Trial) -> list[str]:
    broken: list[str] = []
    if trial.observations.ended is not None:
        broken.append(f"the neighbour's session was ended: {trial.observations.ended}")
    alone, under = trial.observations.p95(trial.alone), trial.observations.p95(trial.under)
    # Not the other way round: NaN, where nothing was measured, is in no limit.
    if not under - alone <= MOST_SLOWER_S:
        broken.append(
            f"the neighbour's p95 was {under * 1000:,.0f} ms, {alone * 1000:,.0f} ms alone; "
            f"at most {MOST_SLOWER_S * 1000:g} ms more were promised"
        )
    return broken


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One attack's line of the table.

    Attributes:
        title: What is done.
        did: By the attacker, in numbers.
        answered: How.
        trial: What was measured; None where the row itself failed.
        limits: What it was held against.
        remark: What a reader needs to know beside it.
        broken: Promises that were not kept, as sentences.
        seconds: How long it took.
    """

    title: str
    did: str = ""
    answered: str = ""
    trial: Trial | None = None
    limits: Limits | None = None
    remark: str = ""
    broken: tuple[str, ...] = field(default=())
    seconds: float = 0.0
