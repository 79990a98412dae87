"""What `perch status` says of a release: where it stands and what to type next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from ops.rollout.journal import Journal, Operator
from ops.rollout.states import State
from ops.rollout.steps import DEFAULT
from ops.status import shown
from ops.status.release import told

if TYPE_CHECKING:
    from ops.status.report import ReleaseFact, Report

NOW = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)


def journal(phase: str, *, seconds: int | None = 60, reason: str = "") -> Journal:
    """A release whose operator's lease ends in so many seconds; None: nobody is at it."""
    operator = None
    if seconds is not None:
        until = NOW + timedelta(seconds=seconds)
        operator = Operator(name="ada@desk", token="t", until=until)
    return Journal(
        stack="dev",
        started_at=NOW - timedelta(minutes=9),
        canary="green",
        baseline="blue",
        state=State.model_validate({"phase": phase, "steps": DEFAULT, "step": 2, "reason": reason}),
        operator=operator,
    )


def lines(release: ReleaseFact | None) -> list[str]:
    return shown_of(release, {})


def shown_of(release: ReleaseFact | None, not_known: dict[str, str]) -> list[str]:
    """The lines of a report in which nothing else is asked for."""
    report = cast("Report", SimpleNamespace(release=release, not_known=not_known))
    return list(shown._release(report))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (journal("paused"), "it waits for a person: `perch canary --resume --stack dev` goes on"),
        (journal("baking"), "it goes on by itself; `perch rollback --stack dev` takes it back"),
        (journal("baking", seconds=-1), "nobody is at it any more: `perch canary --resume"),
        (journal("returning", seconds=None), "nobody is at it any more: `perch canary --resume"),
    ],
    ids=["paused", "alive", "dead operator", "no operator"],
)
def test_a_release_that_is_not_over_says_what_to_type_next(found: Journal, said: str) -> None:
    fact = told(found, "dev", NOW)
    assert fact.next is not None
    assert fact.next.startswith(said)
    assert lines(fact)[-1] == f"              next: {fact.next}"


@pytest.mark.parametrize("phase", ["promoted", "rolled_back", "refused"])
def test_a_release_that_is_over_asks_for_nothing(phase: str) -> None:
    fact = told(journal(phase, seconds=None, reason="in ALARM: x"), "dev", NOW)
    assert fact.next is None
    [line] = lines(fact)
    words = phase.replace("_", " ")
    assert line.startswith(f"release       blue to green: {words} since 2026-11-27 02:51 UTC")
    assert line.endswith(", because in ALARM: x")


def test_an_operator_who_gives_no_sign_is_told_as_that() -> None:
    gone = lines(told(journal("baking", seconds=-1), "dev", NOW))
    assert gone[0].startswith("release       blue to green: baking at 25 % since")
    assert gone[1] == "              by ada@desk, who has given no sign for minutes"
    assert lines(told(journal("baking"), "dev", NOW))[1] == "              by ada@desk"


def test_no_release_and_a_journal_that_cannot_be_read_are_two_things() -> None:
    assert lines(None) == ["release       none so far"]
    assert shown_of(None, {"release": "S3 is away"}) == ["release       not known"]
