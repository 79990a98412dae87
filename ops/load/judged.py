"""What a level's sessions come to, and which level is the most a stack carries. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict

from ops.load import targets
from ops.percentile import percentile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ops.load.plan import Done, Level, Played

KNEE_FACTOR: Final = 2.0
"""Latency that has doubled against the lowest level is past the knee, objectives or not."""
KNEE_THROUGHPUT: Final = 0.95
"""So is a level of which less than this share of the audio came through in time."""


class _Judged(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Spread(_Judged):
    """Percentiles in seconds, nearest rank: each was measured. None of nothing."""

    count: int
    p50: float | None
    p95: float | None
    p99: float | None


class Usage(_Judged):
    """What processes of one kind took during a level; None where it is not known.

    Attributes:
        cpu_cores: Mean number of processors in use.
        rss_bytes: Largest resident memory, all processes of the kind together.
        waited: Seconds that their event loops were ready and had no processor, for each second
            that they ran.
    """

    cpu_cores: float | None = None
    rss_bytes: int | None = None
    waited: float | None = None


class GeneratorShare(_Judged):
    """How the generators did; their own delays are no latency of the service.

    Attributes:
        lateness_p99_s: The worst generator's: how late it woke up to send.
        loop_lag_p99_s: The worst generator's: how late its event loop ran what was due.
        cpu_cores: The busiest generator's.
    """

    lateness_p99_s: float | None
    loop_lag_p99_s: float | None
    cpu_cores: float | None


class LevelResult(_Judged):
    """One number of sessions at a time, and what came of it.

    Attributes:
        sessions: At a time, as asked for.
        played: Sessions altogether.
        failed: By kind of failure.
        details: The commonest words of failures, with their counts.
        queue: From when a session should have begun to the gateway's word that it runs.
        first_interim: From the beginning of speech.
        final: From the end of speech.
        rtfx: Of a session: seconds of its audio for each second until its end was confirmed; a
            microphone's cannot pass 1. The median and, as p95 and p99, the slow end.
        audio_per_second: Seconds of audio that came through in each second of the level.
        offered_per_second: Seconds of audio that were meant to.
        cuts: Sessions whose connection was broken on purpose.
        outage: How long their clients took to be back.
        generators: How the generators did.
        late: Whether they were too late for this to count.
        gateway: What the gateways took.
        recogniser: What the recognisers took.
        balancer: What the load balancer of a stack on this machine took; in AWS nobody says.
        gpu_utilisation: 0..1; None where nobody says.
    """

    sessions: int
    played: int
    failed: dict[str, int]
    details: dict[str, int]
    queue: Spread
    first_interim: Spread
    final: Spread
    rtfx: Spread
    audio_per_second: float
    offered_per_second: float
    cuts: int
    outage: Spread
    generators: GeneratorShare
    late: bool
    gateway: Usage = Usage()
    recogniser: Usage = Usage()
    balancer: Usage = Usage()
    gpu_utilisation: float | None = None

    @property
    def error_share(self) -> float:
        """Failed sessions as a share of all; 1 where there were none at all."""
        return sum(self.failed.values()) / self.played if self.played else 1.0

    @property
    def starved(self) -> tuple[str, ...]:
        """Kinds of processes that waited for a processor for longer than they had one."""
        kinds = (
            ("gateway", self.gateway),
            ("recogniser", self.recogniser),
            ("balancer", self.balancer),
        )
        return tuple(name for name, usage in kinds if (usage.waited or 0.0) > 1.0)

    @property
    def broken(self) -> tuple[str, ...]:
        """The objectives that are not met, a sentence each; what was not measured is not met."""
        found = []
        for name, spread, most in (
            ("first interim", self.first_interim, targets.FIRST_INTERIM_P95_S),
            ("final", self.final, targets.FINAL_P95_S),
        ):
            if spread.p95 is None:
                found.append(f"{name} p95 was not measured (objective {most:g} s)")
            elif spread.p95 > most:
                found.append(f"{name} p95 is {spread.p95:.3f} s (objective {most:g} s)")
        if self.error_share >= targets.ERROR_SHARE:
            found.append(
                f"{100 * self.error_share:.2f} % of sessions failed (objective below "
                f"{100 * targets.ERROR_SHARE:g} %)"
            )
        return tuple(found)


class Verdict(_Judged):
    """What a run says of a stack.

    Attributes:
        valid: Whether it may be believed: no level's generators were late.
        recommended: Most sessions at a time at which this and each smaller level met every
            objective; None where none did, or the run is not valid.
        bound_by: What the next larger level missed; of the smallest one where none is recommended.
            Empty where the largest level met everything: the maximum may be higher.
        knee: First level beyond which latency doubles or audio does not come through.
        sentence: All of that for a person.
    """

    valid: bool
    recommended: int | None
    bound_by: tuple[str, ...]
    knee: int | None
    sentence: str


def spread(values: Iterable[float | None]) -> Spread:
    """Return percentiles of what was measured."""
    known = [value for value in values if value is not None]
    p50, p95, p99 = (percentile(known, share) for share in (50, 95, 99))
    return Spread(count=len(known), p50=p50, p95=p95, p99=p99)


def result_of(
    level: Level, done: Sequence[Done], usage: Mapping[str, Usage] | None = None
) -> LevelResult:
    """Sum up a level.

    Latencies count for sessions whose speech lies where all voices were playing; those that were
    cut on purpose have an outage instead. Failures count wherever they came.

    Args:
        level: As it was planned.
        done: What each generator said.
        usage: What processes took, by their kind: gateway, recogniser, balancer.
    """
    taken = usage or {}
    played = [one for generator in done for one in generator.sessions]
    until = level.ramp_s + level.duration_s
    full = [one for one in played if level.ramp_s <= one.at < until]
    counted = [one for one in full if not one.cut]
    slowest = spread(-one.audio_s / one.wall_s for one in counted if one.wall_s)
    came = sum(_inside(one, level.ramp_s, until) for one in played if one.failure is None)
    meant = sum(_inside(one, level.ramp_s, until, planned=True) for one in played)
    generators = GeneratorShare(
        lateness_p99_s=_worst(one.lateness_p99_s for one in done),
        loop_lag_p99_s=_worst(one.loop_lag_p99_s for one in done),
        cpu_cores=_worst(one.cpu_s / one.wall_s for one in done if one.wall_s),
    )
    return LevelResult(
        sessions=level.sessions,
        played=len(played),
        failed=dict(Counter(str(one.failure) for one in played if one.failure is not None)),
        details=dict(Counter(one.detail for one in played if one.detail).most_common(5)),
        queue=spread(one.queue_s for one in full),
        first_interim=spread(one.first_interim_s for one in counted),
        final=spread(one.final_s for one in counted),
        rtfx=Spread(
            count=slowest.count,
            p50=_negated(slowest.p50),
            p95=_negated(slowest.p95),
            p99=_negated(slowest.p99),
        ),
        audio_per_second=came / level.duration_s,
        offered_per_second=meant / level.duration_s,
        cuts=sum(one.cut for one in played),
        outage=spread(one.outage_s for one in played),
        generators=generators,
        late=_late(generators),
        gateway=taken.get("gateway", Usage()),
        recogniser=taken.get("recogniser", Usage()),
        balancer=taken.get("balancer", Usage()),
    )


def verdict(
    levels: Sequence[LevelResult], *, machines: int = 1, instances_per_machine: int = 1
) -> Verdict:
    """Say what a run means.

    Args:
        levels: In any order.
        machines: Gateways that shared the sessions.
        instances_per_machine: Recognisers behind each.
    """
    ordered = sorted(levels, key=lambda level: level.sessions)
    late = [level.sessions for level in ordered if level.late]
    good: LevelResult | None = None
    bound_by: tuple[str, ...] = ()
    for level in ordered:
        if level.broken:
            bound_by = (*level.broken, *_starved(level))
            break
        good = level
    recommended = None if late or good is None else good.sessions
    return Verdict(
        valid=not late,
        recommended=recommended,
        bound_by=bound_by,
        knee=knee(ordered),
        sentence=_sentence(late, recommended, bound_by, machines, instances_per_machine),
    )


def _starved(level: LevelResult) -> tuple[str, ...]:
    """Say of a level that its processes had too little of the processors, where it is so."""
    if not level.starved:
        return ()
    said = (
        f"there {', '.join(level.starved)} waited longer for a processor than they had one, so "
        "this machine's processors, or other work on them, are what was measured"
    )
    return (said,)


def knee(levels: Sequence[LevelResult]) -> int | None:
    """Return the last level before latency doubles or audio does not come through; None: not seen.

    Args:
        levels: Ascending.
    """
    if not levels:
        return None
    lowest = levels[0].final.p95
    before: int | None = None
    for level in levels:
        slow = (
            lowest is not None
            and level.final.p95 is not None
            and level.final.p95 > KNEE_FACTOR * lowest
        )
        if slow or level.audio_per_second < KNEE_THROUGHPUT * level.offered_per_second:
            return before
        before = level.sessions
    return None


def _sentence(
    late: Sequence[int],
    recommended: int | None,
    bound_by: tuple[str, ...],
    machines: int,
    instances: int,
) -> str:
    if late:
        return (
            f"not valid: at {', '.join(map(str, late))} sessions the generators were late by more "
            f"than {1000 * targets.LATE_S:g} ms once in a hundred times or more often; take a "
            "quieter machine, more --processes, or fewer sessions"
        )
    if recommended is None:
        return f"no recommended maximum: even the smallest level missed: {'; '.join(bound_by)}"
    gateway = recommended // machines
    bound = f"bound by: {'; '.join(bound_by)}" if bound_by else "no level missed an objective"
    return (
        f"recommended maximum: {gateway // instances} per Riva instance, {gateway} per gateway; "
        f"{bound}"
    )


def _inside(one: Played, begins: float, ends: float, *, planned: bool = False) -> float:
    """Return the seconds of a session's audio that lie between two moments of the level."""
    start = one.at if planned else one.spoke_at
    length = one.clip_s if planned else (one.wall_s or 0.0)
    if start is None or length <= 0:
        return 0.0
    share = max(0.0, min(ends, start + length) - max(begins, start)) / length
    return share * one.clip_s


def _worst(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _negated(value: float | None) -> float | None:
    return None if value is None else -value


def _late(generators: GeneratorShare) -> bool:
    """Whether generators were too late; of one that measured nothing nothing is known, so it is."""
    measured = (generators.lateness_p99_s, generators.loop_lag_p99_s)
    return any(value is None or value > targets.LATE_S for value in measured)
