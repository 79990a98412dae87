"""The table of the rotation drills: a row for each thing that is rotated."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.chaos.word_difference import Difference
from tests.support.report import Report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.chaos.drills.crowd import Crowd

COLUMNS: Final = (
    "Rotated",
    "Streams at once",
    "Sessions",
    "Came back",
    "Dropped",
    "Words",
    "Words lost",
    "Words twice",
    "Took, s",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One drill's line.

    Attributes:
        title: What was rotated.
        streams: Of people who speak at the same time.
        sessions: That were spoken meanwhile.
        came_back: How often a session went on over another connection, which was cut on purpose.
        dropped: Sessions that ended with an error, or did not end.
        words: Heard in all of them.
        difference: Words lost and words twice, over all of them.
        broken: What was promised and not kept, as sentences.
        rotation_s: How long the rotation itself took.
        seconds: How long the drill took.
    """

    title: str
    streams: int
    sessions: int = 0
    came_back: int = 0
    dropped: int = 0
    words: int = 0
    difference: Difference = field(default_factory=Difference)
    broken: tuple[str, ...] = ()
    rotation_s: float | None = None
    seconds: float = 0.0


def judged(
    title: str,
    crowd: Crowd,
    problems: Sequence[str],
    *,
    streams: int,
    rotation_s: float,
    seconds: float,
) -> Row:
    """Hold a drill against what is promised: nobody dropped, no word lost, and somebody cut off."""
    dropped = crowd.dropped()
    broken = [*problems, *dropped, *crowd.disturbed(), *crowd.different()]
    if not crowd.came_back:
        broken.append("nobody came back over another connection, so nothing new was tried")
    return Row(
        title=title,
        streams=streams,
        sessions=len(crowd.heard),
        came_back=crowd.came_back,
        dropped=len(dropped),
        words=crowd.words,
        difference=crowd.total(),
        broken=tuple(broken),
        rotation_s=rotation_s,
        seconds=seconds,
    )


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.title,
        str(row.streams),
        str(row.sessions),
        str(row.came_back),
        str(row.dropped),
        str(row.words),
        str(row.difference.lost),
        str(row.difference.twice),
        "-" if row.rotation_s is None else f"{row.rotation_s:.0f}",
    )


REPORT: Final = Report(name="drills", columns=COLUMNS, cells=_cells)
"""Its table in docs/reliability.md."""
