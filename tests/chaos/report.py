"""The table of a run: a row a scenario, and what was promised and not kept."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.chaos.word_difference import Difference, compare, outside
from tests.support.report import Report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.chaos.clients import Heard
    from tests.chaos.experiment import Trial

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


REPORT: Final = Report(name="chaos", columns=COLUMNS, cells=_cells)
"""Its table in docs/reliability.md."""
