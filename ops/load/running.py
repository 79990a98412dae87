"""Plays the levels of a run, one after another, and says what came of each."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Final

from ops.load.generators import generating
from ops.load.judged import LevelResult, result_of
from ops.load.plan import Progress, Setup, plan_voices
from ops.load.soak import Growth, growth
from ops.load.usage import Source, Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ops.load.generators import Generators

PROGRESS_S: Final = 2.0
"""Between two lines of progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked for, checked.

    Attributes:
        setup: Where to, and how.
        levels: Numbers of sessions, ascending.
        refine: Further levels between the last good one and the first that missed an objective.
        duration_s: Seconds of each level that are measured.
        ramp_s: Seconds in which its sessions begin.
        jitter_s: How much a start is moved at most.
        dialect_b: Part of the sessions in dialect B.
        resuming: Part of the others whose connections break.
        processes: Generators.
        sources: Who is watched.
        soak: Whether memory is judged.
    """

    setup: Setup
    levels: tuple[int, ...]
    refine: int
    duration_s: float
    ramp_s: float
    jitter_s: float
    dialect_b: float
    resuming: float
    processes: int
    sources: Mapping[str, Source]
    soak: bool


async def run(
    asked: Asked, say: Callable[[str], None]
) -> tuple[tuple[LevelResult, ...], dict[str, Growth] | None]:
    """Play every level in turn, and further ones between the last good and the first bad one.

    Args:
        asked: What to do.
        say: Told progress and results, a line each.
    """
    results: list[LevelResult] = []
    watch = Watch(asked.sources)
    async with AsyncExitStack() as stack:
        generators = await stack.enter_async_context(generating(asked.setup, asked.processes))
        await stack.enter_async_context(watch)
        span = (0.0, 0.0)
        for sessions in asked.levels:
            result, span = await _level(asked, sessions, generators, watch, say)
            results.append(result)
        for _ in range(asked.refine):
            between = halfway(results)
            if between is None:
                break
            result, _ = await _level(asked, between, generators, watch, say)
            results.append(result)
    ordered = tuple(sorted(results, key=lambda one: one.sessions))
    return ordered, _grown(watch, *span) if asked.soak else None


def halfway(results: list[LevelResult]) -> int | None:
    """Return a number of sessions between the last good and the first bad one; None: none is."""
    ordered = sorted(results, key=lambda one: one.sessions)
    good = 0
    for one in ordered:
        if one.broken:
            middle = (good + one.sessions) // 2
            return middle if good < middle < one.sessions else None
        good = one.sessions
    return None


async def _level(
    asked: Asked,
    sessions: int,
    generators: Generators,
    watch: Watch,
    say: Callable[[str], None],
) -> tuple[LevelResult, tuple[float, float]]:
    voices = plan_voices(
        asked.setup.clips,
        sessions=sessions,
        ramp_s=asked.ramp_s,
        duration_s=asked.duration_s,
        jitter_s=asked.jitter_s,
        dialect_b=asked.dialect_b,
        resuming=asked.resuming,
    )

    told_at = 0.0

    def told(progress: Progress) -> None:
        nonlocal told_at
        if monotonic() < told_at + PROGRESS_S:
            return
        told_at = monotonic()
        say(
            f"  {sessions} sessions: {progress.active} now, {progress.finished} done, "
            f"{progress.failed} failed"
        )

    longest = max(clip.seconds for clip in asked.setup.clips)
    level, done = await generators.play(
        voices,
        ramp_s=asked.ramp_s,
        duration_s=asked.duration_s,
        patience_s=2 * (longest + asked.setup.patience_s),
        on_progress=told,
    )
    begins = level.begins + level.ramp_s
    span = (begins, begins + level.duration_s)
    result = result_of(
        level,
        done,
        {kind: watch.usage(kind, *span) for kind in asked.sources},
    )
    missed = "; ".join(result.broken) or "every objective met"
    say(f"{sessions} sessions: {missed}{'; GENERATORS LATE' if result.late else ''}")
    return result, span


def _grown(watch: Watch, since: float, until: float) -> dict[str, Growth]:
    return {
        kind: growth(
            [
                (at, reading.rss_bytes)
                for at, reading in seen
                if reading.rss_bytes is not None and since <= at <= until
            ]
        )
        for kind, seen in watch.seen.items()
    }
