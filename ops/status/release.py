"""Where the latest release of a stack stands, and what a person types next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.console.options import LOCAL
from ops.rollout.journal import now
from ops.status.report import ReleaseFact

if TYPE_CHECKING:
    from datetime import datetime

    from ops.rollout.journal import Journal, JournalStore


def latest(journals: JournalStore, stack: str) -> ReleaseFact | None:
    """Return the latest release as its journal tells it; None where there was none.

    Args:
        journals: The stack's.
        stack: Its name, for the commands.

    Raises:
        CommandFailedError: S3 does not give the journal, or it is none.
    """
    journal = journals.load()
    return None if journal is None else told(journal, stack, now())


def told(journal: Journal, stack: str, at: datetime) -> ReleaseFact:
    """Return a journal as a person is told of it.

    Args:
        journal: Of the latest release.
        stack: The stack's name.
        at: The moment, UTC.
    """
    who = journal.operator
    is_there = who is not None and who.until > at
    return ReleaseFact(
        canary=journal.canary,
        baseline=journal.baseline,
        phase=journal.state.phase,
        weight=journal.state.weight,
        started_at=journal.started_at,
        changed_at=journal.events[-1].at if journal.events else journal.started_at,
        operator=None if who is None else who.name,
        operator_is_there=is_there,
        reason=journal.state.reason or None,
        next=_next(journal, stack, is_there=is_there),
    )


def _next(journal: Journal, stack: str, *, is_there: bool) -> str | None:
    named = "" if stack == LOCAL else f" --stack {stack}"
    on, back = f"`perch canary --resume{named}`", f"`perch rollback{named}`"
    if journal.is_over:
        return None
    if journal.state.phase == "paused":
        return f"it waits for a person: {on} goes on, {back} takes it back"
    if is_there:
        return f"it goes on by itself; {back} takes it back, whoever is at it"
    return f"nobody is at it any more: {on} goes on from here, {back} takes it back"
