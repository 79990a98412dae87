"""Runs tests against a copy of the repository in which one thing is broken."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from tests.mutants.covering import TARGET, Covering

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.mutants.source import Mutant

Verdict = Literal["killed", "timed out", "survived", "not run by any test"]


class Tree:
    """A copy of what git tracks, to be broken.

    Args:
        root: Of the repository.
        folder: Where the copy is put; what was there is removed.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=root,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for name in filter(None, listed.split("\0")):
            if (root / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, folder / name)

    def cover(self, tests: Sequence[str], target: Path, seconds: float) -> Covering:
        """Run tests unbroken and note which run what.

        Raises:
            SystemExit: One of them fails, so nothing could be told.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        environment = {TARGET: str(target)}
        status, said = self._pytest([*tests, "-m", "not slow"], seconds, environment)
        if status != 0:
            raise SystemExit(f"the tests fail unbroken ({status}):\n{said[-2000:]}")
        return Covering.read(target)

    def try_out(self, mutant: Mutant, tests: Sequence[str], seconds: float) -> Verdict:
        """Break one thing, run the tests, mend it again.

        Args:
            mutant: What to break.
            tests: Their node ids.
            seconds: After which it counts as noticed.
        """
        if not tests:
            return "not run by any test"
        path = self.folder / mutant.path
        whole = path.read_bytes()
        path.write_bytes(mutant.apply(whole))
        try:
            status, _ = self._pytest(["-x", *tests], seconds, {})
        finally:
            path.write_bytes(whole)
        if status is None:
            return "timed out"
        return "survived" if status == 0 else "killed"

    def _pytest(
        self, arguments: Sequence[str], seconds: float, environment: Mapping[str, str]
    ) -> tuple[int | None, str]:
        """Run pytest in the copy; return its exit status, None once time was up, and its words."""
        options = ("-q", "-p", "no:cacheprovider", "-p", "tests.mutants.covering")
        process = subprocess.Popen(
            [sys.executable, "-B", "-m", "pytest", *options, *arguments],
            cwd=self.folder,
            # The copy, not the tree that is installed; programs that tests start take it too.
            env={**os.environ, **environment, "PYTHONPATH": str(self.folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            said, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            return None, ""
        else:
            return process.returncode, said
        finally:
            # What tests left running, as a broken one does, ends with it.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
