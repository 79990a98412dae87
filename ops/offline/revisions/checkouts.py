"""Recordings of a stack at git revisions and in the working tree."""

import io
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from ops.console.hints import perhaps
from ops.offline.diff.compare import EMPTY
from ops.offline.engine.project import stack_names
from ops.offline.errors import OfflineError
from ops.offline.revisions import git

WORKING_TREE = "working tree"

_DEADLINE = 150.0
"""Seconds for one recording, a little more than the program itself gets."""

_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "VIRTUAL_ENV")
"""What a recording sees of the environment: no credentials, no AWS or Pulumi variables."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """One state of the project on disk.

    Attributes:
        name: what to call it: a revision, or `WORKING_TREE`.
        root: where it lies.
    """

    name: str
    root: Path


_Job: TypeAlias = tuple[Checkout, str]
"""A state of the project, and one of its stacks."""


@contextmanager
def checkout(repository: Path, revision: str | None) -> Iterator[Checkout]:
    """Lay out a revision's files in a folder of their own, or take the working tree as it is.

    Args:
        repository: a folder of the git repository.
        revision: what `git rev-parse` understands; None for the working tree.

    Raises:
        OfflineError: git knows no such revision, or refuses the repository.
    """
    if revision is None:
        yield Checkout(WORKING_TREE, repository)
        return
    commit = git.commit_of(repository, revision)
    with tempfile.TemporaryDirectory(prefix="perch-preview-") as folder:
        with zipfile.ZipFile(io.BytesIO(git.archive_of(repository, commit))) as files:
            files.extractall(folder)
        yield Checkout(revision, Path(folder).resolve())


@contextmanager
def checkouts(sides: Sequence[tuple[Path, str | None]]) -> Iterator[tuple[Checkout, ...]]:
    """Lay out several states of the project, side by side.

    Args:
        sides: (repository, revision) each.

    Raises:
        OfflineError: git knows no such revision.
    """
    with ExitStack() as open_sides:
        yield tuple(open_sides.enter_context(checkout(*side)) for side in sides)


def chosen(places: Sequence[Checkout], stacks: Sequence[str]) -> tuple[str, ...]:
    """Return the stacks that are meant.

    Args:
        places: states of the project.
        stacks: names; none means every stack that any of the places has.

    Raises:
        OfflineError: a stack is unknown in every place.
    """
    known = sorted({name for place in places for name in stack_names(place.root)})
    for stack in stacks:
        if stack not in known:
            raise OfflineError(
                f"stack {stack!r} has no file{perhaps(stack, known)}; "
                f"stacks: {', '.join(known) or 'none'}"
            )
    return tuple(dict.fromkeys(stacks)) or tuple(known)


def recordings(
    places: Sequence[Checkout], stacks: Sequence[str]
) -> Mapping[str, tuple[Mapping[str, Any], ...]]:
    """Record stacks at several states.

    Args:
        places: states of the project.
        stacks: names, as from `chosen`.

    Returns:
        By stack, one document a place; `EMPTY` where a place has no such stack.

    Raises:
        OfflineError: a program failed.
    """
    existing = {place: stack_names(place.root) for place in places}
    jobs = [(place, stack) for stack in stacks for place in places if stack in existing[place]]
    found = _record_all(jobs)
    return {stack: tuple(found.get((place, stack), EMPTY) for place in places) for stack in stacks}


def _record_all(jobs: Sequence[_Job]) -> Mapping[_Job, Mapping[str, Any]]:
    """Record every job, with as many processes as there are processors.

    Both sides of a stack share a process when there are stacks enough for every processor, because
    importing the provider's SDK takes longer than running a program; otherwise each side has one,
    because a processor that waits is slower still.
    """
    workers = min(len(jobs), os.cpu_count() or 1)
    stacks = list(dict.fromkeys(stack for _, stack in jobs))
    together = len(stacks) >= workers
    shares: list[list[_Job]] = [[] for _ in range(workers)]
    for place, job in enumerate(jobs):
        turn = stacks.index(job[1]) if together else place
        shares[turn % workers].append(job)
    with ThreadPoolExecutor(max(1, workers)) as pool:
        answers = list(pool.map(_record, shares))
    return {
        job: document
        for share, documents in zip(shares, answers, strict=True)
        for job, document in zip(share, documents, strict=True)
    }


def environment_without_credentials() -> dict[str, str]:
    """Return the environment for code of another revision: without credentials."""
    return {key: os.environ[key] for key in _PASSED_ON if key in os.environ}


def _record(jobs: Sequence[_Job]) -> list[Mapping[str, Any]]:
    command = [sys.executable, "-P", "-m", "ops.offline.revisions.record"]
    for place, stack in jobs:
        command += ["--job", str(place.root), stack]
    names = ", ".join(f"{stack} at {place.name}" for place, stack in jobs)
    try:
        run = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env=environment_without_credentials(),
            timeout=_DEADLINE * len(jobs),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise OfflineError(f"{names}: no end after {_DEADLINE * len(jobs):g} s") from None
    if run.returncode != 0:
        raise OfflineError(f"{names}: {run.stderr.strip()[-2000:]}")
    documents = []
    for (place, stack), outcome in zip(jobs, json.loads(run.stdout), strict=True):
        if "error" in outcome:
            raise OfflineError(f"{stack} at {place.name}: {outcome['error']}")
        documents.append(outcome["document"])
    return documents
