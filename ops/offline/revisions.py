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
from typing import Any

from ops.offline.diff.compare import EMPTY
from ops.offline.errors import OfflineError
from ops.offline.project import stack_names

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


@contextmanager
def checkout(repository: Path, revision: str | None) -> Iterator[Checkout]:
    """A revision's files in a folder of their own, or the working tree as it is.

    Args:
        repository: a folder of the git repository.
        revision: what `git rev-parse` understands; None for the working tree.

    Raises:
        OfflineError: git knows no such revision.
    """
    if revision is None:
        yield Checkout(WORKING_TREE, repository)
        return
    commit = _git(repository, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if commit is None:
        raise OfflineError(f"revision {revision!r}: git knows no such commit in {repository}")
    with tempfile.TemporaryDirectory(prefix="perch-preview-") as folder:
        archive = _git(repository, "archive", "--format=zip", commit.decode().strip())
        if archive is None:
            raise OfflineError(f"revision {revision!r}: git archive failed")
        with zipfile.ZipFile(io.BytesIO(archive)) as files:
            files.extractall(folder)
        yield Checkout(revision, Path(folder).resolve())


def recordings(
    sides: Sequence[tuple[Path, str | None]], stacks: Sequence[str]
) -> Mapping[str, tuple[Mapping[str, Any], ...]]:
    """Record stacks at several states, as many at a time as there are processors.

    Args:
        sides: (repository, revision) each.
        stacks: names; none means every stack that any side has.

    Returns:
        By stack, one document a side; `EMPTY` where a side has no such stack.

    Raises:
        OfflineError: a revision or a stack is unknown on every side, or a program failed.
    """
    with ExitStack() as open_sides:
        checkouts = [open_sides.enter_context(checkout(*side)) for side in sides]
        existing = {place: stack_names(place.root) for place in checkouts}
        wanted = list(stacks) or sorted({name for names in existing.values() for name in names})
        for stack in wanted:
            if not any(stack in names for names in existing.values()):
                known = ", ".join(sorted({name for names in existing.values() for name in names}))
                raise OfflineError(f"stack {stack!r} has no file; stacks: {known or 'none'}")
        with ThreadPoolExecutor(max(1, os.cpu_count() or 1)) as pool:
            running = {
                stack: [
                    pool.submit(_record, place, stack) if stack in existing[place] else None
                    for place in checkouts
                ]
                for stack in wanted
            }
            return {
                stack: tuple(EMPTY if side is None else side.result() for side in results)
                for stack, results in running.items()
            }


def _record(place: Checkout, stack: str) -> Mapping[str, Any]:
    environment = {key: os.environ[key] for key in _PASSED_ON if key in os.environ}
    command = [sys.executable, "-P", "-m", "ops.offline.dump"]
    try:
        run = subprocess.run(
            [*command, "--root", str(place.root), "--stack", stack],
            capture_output=True,
            text=True,
            env=environment,
            timeout=_DEADLINE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise OfflineError(f"{stack} at {place.name}: no end after {_DEADLINE:g} s") from None
    if run.returncode != 0:
        raise OfflineError(f"{stack} at {place.name}: {run.stderr.strip()[-2000:]}")
    document: Mapping[str, Any] = json.loads(run.stdout)
    return document


def _git(repository: Path, *arguments: str) -> bytes | None:
    """What a git command prints; None where it fails."""
    try:
        run = subprocess.run(
            ["git", "-C", str(repository), *arguments],  # noqa: S607 - the person's own git
            capture_output=True,
            timeout=60,
            check=False,
        )
    except FileNotFoundError:
        raise OfflineError("git is not installed; previews compare git revisions") from None
    return run.stdout if run.returncode == 0 else None
