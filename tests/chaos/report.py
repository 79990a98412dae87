"""The table of a run: a row a scenario, and what was promised and not kept."""

from __future__ import annotations

import os
import platform
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from tests.chaos.verdict import Difference, compare, outside

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from tests.chaos.scene import Trial
    from tests.chaos.talking import Heard

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
BEGIN: Final = "<!-- chaos:begin -->"
END: Final = "<!-- chaos:end -->"
KEPT: Final = "every promise was kept"
BROKEN: Final = "see below"
MENDED: Final = "promises were broken in rows that were run again"
NOT_KEPT: Final = "Not kept:"
COLUMNS: Final = (
    "Scenario",
    "Sessions",
    "Words lost",
    "Words twice",
    "Longest gap, s (undisturbed)",
    "Error codes",
    "Left behind",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What holds in a scenario beside that nothing hangs and nothing is left behind.

    Attributes:
        errors: How many sessions end with which code; every other one ends well.
        possible: Codes with which any number of sessions may end, no word less.
        signs: In how many sessions at least, by warning or by `reconnected`, the fault was noticed:
            a row in which nothing broke proves nothing.
        told: Whether those that end so lose words, and are told the span in which all of them lie.
    """

    errors: Mapping[str, int] = field(default_factory=dict)
    possible: frozenset[str] = frozenset()
    signs: Mapping[str, int] = field(default_factory=dict)
    told: bool = False


WHOLE: Final = Promise()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One scenario's line.

    Attributes:
        title: What breaks.
        sessions: Run at the same time.
        difference: Words lost and words twice, over all sessions.
        gap_s: Longest time, from the moment it broke on, that a client waited for its next result.
        undisturbed_gap_s: The same where nothing broke.
        errors: Sessions by the code they ended with.
        left: Tasks, descriptors, sessions and streams of the recogniser that stayed, as counted.
        broken: Promises that were not kept, as sentences.
        remark: What a reader needs to know beside it.
        seconds: How long the scenario took.
    """

    title: str
    sessions: int
    difference: Difference = field(default_factory=Difference)
    gap_s: float | None = None
    undisturbed_gap_s: float | None = None
    errors: Mapping[str, int] = field(default_factory=dict)
    left: tuple[int, int, int, int] = (0, 0, 0, 0)
    broken: tuple[str, ...] = ()
    remark: str = ""
    seconds: float = 0.0


def judged(title: str, trial: Trial, promise: Promise = WHOLE, remark: str = "") -> Row:
    """Hold a trial against what is promised."""
    left = (trial.left.tasks, trial.left.files, trial.left.sessions, trial.streams)
    broken = [*_of_sessions(trial, promise)]
    errors = trial.errors()
    unforeseen = Counter({code: n for code, n in errors.items() if code not in promise.possible})
    if unforeseen != Counter(promise.errors):
        broken.append(f"error codes are {dict(errors)}, promised {dict(promise.errors)}")
    for sign, least in promise.signs.items():
        noticed = sum(sign in heard.signs() for heard in trial.heard)
        if noticed < least:
            broken.append(f"{sign} in {noticed} sessions, at least {least} should have noticed")
    if any(left):
        broken.append("left behind: {} tasks, {} files, {} sessions, {} streams".format(*left))
    return Row(
        title=title,
        sessions=len(trial.heard),
        difference=trial.total(),
        gap_s=trial.longest_gap(),
        undisturbed_gap_s=trial.undisturbed_gap,
        errors=errors,
        left=left,
        broken=tuple(broken),
        remark=remark or (_what_was_told(trial) if promise.told and not broken else ""),
    )


def _what_was_told(trial: Trial) -> str:
    spans = [heard.lost for heard in trial.heard if heard.lost is not None]
    first, last = min(start for start, _ in spans), max(end for _, end in spans)
    return (
        f"Each client is told which of its audio is lost (between {first:.1f} and {last:.1f} s); "
        "outside it no word is"
    )


def _of_sessions(trial: Trial, promise: Promise) -> list[str]:
    problems: list[str] = []
    for number, (whole, heard) in enumerate(trial.pairs()):
        name = f"session {number} ({heard.client}, {heard.what.name})"
        if heard.hung:
            problems.append(f"{name} hung")
        elif promise.told and heard.error is not None:
            problems += _told(whole, heard, name)
        elif (difference := compare(whole.text, heard.text)) != Difference():
            problems.append(
                f"{name} lost {difference.lost} words and has {difference.twice} twice: "
                f"{heard.text!r}, not {whole.text!r}"
            )
    return problems


def _told(whole: Heard, heard: Heard, name: str) -> list[str]:
    if heard.lost is None:
        return [f"{name} ended with {heard.error} and was not told which audio is lost"]
    start, end = heard.lost
    # What was said after the end of the span was not taken any more: the session was over.
    taken = [word for word in whole.words if word.start < end]
    difference = compare(outside(taken, start, end), outside(heard.words, start, end))
    if difference == Difference():
        return []
    sentence = (
        f"{name} was told that {start:.2f} to {end:.2f} s is lost, and outside it lost "
        f"{difference.lost} words and has {difference.twice} twice: {heard.text!r}"
    )
    return [sentence]


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    lines += ["| " + " | ".join(_cells(row)) + " |" for row in rows]
    return "\n".join(lines)


def _cells(row: Row) -> tuple[str, ...]:
    errors = ", ".join(f"`{code}` in {count}" for code, count in sorted(row.errors.items()))
    return (
        row.title + (f". {row.remark}" if row.remark else ""),
        str(row.sessions),
        str(row.difference.lost),
        str(row.difference.twice),
        _gap(row),
        errors or "none",
        "/".join(map(str, row.left)),
    )


def _gap(row: Row) -> str:
    if row.gap_s is None:
        return "-"
    compared = "" if row.undisturbed_gap_s is None else f" ({row.undisturbed_gap_s:.1f})"
    return f"{row.gap_s:.1f}{compared}"


def section(rows: Sequence[Row], *, command: str, commit: str, now: datetime) -> str:
    """What stands between the markers of the page."""
    memory = psutil.virtual_memory().total / 2**30
    cores = os.cpu_count()
    minutes = sum(row.seconds for row in rows) / 60
    promises = KEPT if not any(row.broken for row in rows) else BROKEN
    origin = (
        f"Written by `{command}` on {now:%Y-%m-%d} at commit `{commit}`, on {cores} cores "
        f"({platform.machine()}, {memory:.0f} GiB), in {minutes:.0f} minutes; {promises}."
    )
    return "\n\n".join([origin, table(rows), *_not_kept(_complaints(rows))])


def renewed(old: str, rows: Sequence[Row], *, commit: str, now: datetime) -> str:
    """The same section with some rows run again, and a word about which.

    Args:
        old: As `section` or this function made it.
        rows: The new ones.
        commit: At which they were run.
        now: When.

    Raises:
        ValueError: The section has no row of that title: the whole suite has to be run.
    """
    lines, titles = old.strip().splitlines(), tuple(row.title for row in rows)
    for row in rows:
        places = [n for n, line in enumerate(lines) if line.startswith(f"| {row.title}")]
        if len(places) != 1:
            raise ValueError(f"the table has no row {row.title!r}; run the suite without --only")
        lines[places[0]] = table([row]).splitlines()[-1]
    complaints = [
        line
        for line in lines
        if line.startswith("* ") and not line.startswith(tuple(f"* {t}:" for t in titles))
    ]
    complaints += _complaints(rows)
    kept = [line for line in lines if not line.startswith("* ") and line != NOT_KEPT]
    first = next(n for n, line in enumerate(kept) if line.startswith("| "))
    origin = "\n".join(kept[:first]).strip()
    # What was broken at that commit stays told, and what is now breaks the whole.
    for said in (KEPT, MENDED) if complaints else (BROKEN,):
        origin = origin.replace(said, BROKEN if complaints else MENDED)
    again = f"Run again on {now:%Y-%m-%d} at commit `{commit}`: {'; '.join(titles)}."
    body = "\n".join(kept[first:]).strip()
    return "\n\n".join([origin, again, body, *_not_kept(complaints)])


def _complaints(rows: Sequence[Row]) -> list[str]:
    return [f"* {row.title}: {sentence}" for row in rows for sentence in row.broken]


def _not_kept(complaints: Sequence[str]) -> list[str]:
    return [f"{NOT_KEPT}\n\n" + "\n".join(complaints)] if complaints else []


def written(page: Path = PAGE) -> str:
    """The section that stands between the markers of the page.

    Raises:
        ValueError: The page has no markers.
    """
    _, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    section, end, _ = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page} has no {BEGIN} and {END}")
    return section.strip()


def write(text: str, page: Path = PAGE) -> None:
    """Put a section between the markers of the page.

    Raises:
        ValueError: The page has no markers.
    """
    written(page)
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")
