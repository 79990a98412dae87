"""What the person's own git says of a repository."""

import os
import subprocess
from pathlib import Path

from ops.offline.errors import OfflineError

_DEADLINE = 60.0
"""Seconds for one question; an archive of this repository takes a fraction of one."""


def commit_of(repository: Path, revision: str) -> str:
    """Return the hash of a revision's commit.

    Args:
        repository: A folder of the repository.
        revision: What `git rev-parse` understands.

    Raises:
        OfflineError: There is no such commit, or git refuses; says what to do.
    """
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    answer = _ask(repository, *words)
    if answer.returncode == 0:
        return answer.stdout.decode().split()[-1]
    said = answer.stderr.decode(errors="replace").strip()
    if not said:
        raise OfflineError(f"revision {revision!r}: git knows no such commit in {repository}")
    raise _refused(repository, said)


def archive_of(repository: Path, commit: str) -> bytes:
    """Return a commit's files as a zip.

    Raises:
        OfflineError: git cannot make one.
    """
    answer = _ask(repository, "archive", "--format=zip", commit)
    if answer.returncode != 0:
        raise _refused(repository, answer.stderr.decode(errors="replace").strip())
    return answer.stdout


def _refused(repository: Path, said: str) -> OfflineError:
    if "dubious ownership" in said:
        return OfflineError(
            f"git does not touch {repository}, for it belongs to another user; if you trust it: "
            f"git config --global --add safe.directory {repository}"
        )
    if "not a git repository" in said:
        return OfflineError(
            f"{repository} is in no git repository, and previews compare git revisions; run this "
            "in a clone"
        )
    return OfflineError(f"git in {repository}: {' '.join(said.split()) or 'failed'}")


def _ask(repository: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["git", "-C", str(repository), *arguments],  # noqa: S607 - the person's own git
            capture_output=True,
            # Its words are looked at, so not in the person's language.
            env={**os.environ, "LC_ALL": "C"},
            timeout=_DEADLINE,
            check=False,
        )
    except FileNotFoundError:
        raise OfflineError("git is not installed; previews compare git revisions") from None
    except OSError as error:
        raise OfflineError(f"git cannot be started: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise OfflineError(f"git gave no answer in {_DEADLINE:.0f} s in {repository}") from None
