"""The table of a game day: a row an act."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.chaos.word_difference import Difference
from tests.support.report import Report

if TYPE_CHECKING:
    from tests.chaos.gameday.acts import Act, Outcome
    from tests.chaos.gameday.audience import Audience

COLUMNS: Final = (
    "Act",
    "Release",
    "Known after, s",
    "New sessions back after, s",
    "Last old session over after, s",
    "Sessions (affected)",
    "Turned away",
    "Words lost",
    "Words twice",
)
BOUND_S: Final = 300.0
"""Of the plan: a rollback takes less than five minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One act's line.

    Attributes:
        title: What happened.
        release: How it ended, and why.
        detected_s: From the fault until the release knew.
        new_sessions_s: From then until every new session went back.
        last_session_s: From then until the last old session was over.
        sessions: Of people who spoke meanwhile.
        affected: How many of them noticed anything.
        turned_away: How often one was refused before it began, and begun again.
        difference: Words lost and words twice, over all of them.
        broken: What was promised and not kept, as sentences.
        seconds: How long the act took.
    """

    title: str
    release: str = "-"
    detected_s: float | None = None
    new_sessions_s: float | None = None
    last_session_s: float | None = None
    sessions: int = 0
    affected: int = 0
    turned_away: int = 0
    difference: Difference = field(default_factory=Difference)
    broken: tuple[str, ...] = ()
    seconds: float = 0.0

    def public(self) -> dict[str, Any]:
        """It as JSON has it."""
        return asdict(self)


def judged(act: Act, outcome: Outcome, audience: Audience, seconds: float) -> Row:
    """Hold an act against what it promises."""
    difference = audience.total()
    broken = list(audience.unfinished())
    if outcome.phase != act.phase:
        broken.append(f"the release is {outcome.phase} and not {act.phase}: {outcome.reason}")
    elif act.because not in outcome.reason:
        broken.append(f"the release came back for {outcome.reason!r}, not for {act.because}")
    if act.lossless and difference != Difference():
        broken.append(f"{difference.lost} words were lost, {difference.twice} came twice")
    for what, took in (
        ("new sessions", outcome.new_sessions_s),
        ("the last old session", outcome.last_session_s),
    ):
        if took is None:
            broken.append(f"nobody saw when {what} went back")
        elif took > BOUND_S:
            broken.append(f"{what} went back after {took:.0f} s, {BOUND_S:.0f} are allowed")
    return Row(
        title=act.title,
        release=outcome.phase.replace("_", " ") + (f": {outcome.reason}" if act.because else ""),
        detected_s=outcome.detected_s,
        new_sessions_s=outcome.new_sessions_s,
        last_session_s=outcome.last_session_s,
        sessions=audience.sessions,
        affected=audience.affected(),
        turned_away=audience.turned_away,
        difference=difference,
        broken=tuple(broken),
        seconds=seconds,
    )


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.title,
        row.release,
        *(
            "-" if took is None else f"{took:.1f}"
            for took in (row.detected_s, row.new_sessions_s, row.last_session_s)
        ),
        f"{row.sessions} ({row.affected})",
        str(row.turned_away),
        str(row.difference.lost),
        str(row.difference.twice),
    )


REPORT: Final = Report(name="gameday", columns=COLUMNS, cells=_cells)
"""Its table in docs/reliability.md."""
