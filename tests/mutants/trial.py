"""Runs tests against a copy of the repository in which one thing is broken."""

from __future__ import annotations

import json
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Literal

from tests.mutants.covering import MEMORY, TARGET, Covering

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.mutants.source import Mutant

Verdict = Literal["killed", "timed out", "unclear", "survived", "not run by any test", "equivalent"]

MOST_MEMORY_BYTES: Final = 8 << 30
"""Address space of each process of a trial; what is broken may want all there is."""
FAILED, NOT_FOUND = 1, 4
"""pytest's exit statuses: a test fails; one that was named is not there, or cannot be imported."""
COLLECTING: Final = re.compile(r"^ERROR \S+\.py(?: - .*)?$", re.MULTILINE)
"""How pytest's summary names a file that cannot be imported."""
PATIENCE: Final = 4
"""So many times what the tests take unbroken, right after a trial that took too long."""
COVERING_CPU_S: Final = 3600


class Tree:
    """A copy of what git tracks, to be broken.

    Args:
        root: Of the repository.
        folder: Where the copy is put; what was there is removed.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder
        self._warm: subprocess.Popen[bytes] | None = None
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

    def close(self) -> None:
        """End the process that runs the tests."""
        if self._warm is not None:
            self._warm.kill()
            self._warm.communicate()
            self._warm = None

    def cover(self, tests: Sequence[str], target: Path, seconds: float) -> Covering:
        """Run tests unbroken and note which run what; those that fail are left out of it.

        Raises:
            SystemExit: They did not come to an end.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        arguments = [*tests, "-m", "not slow"]
        status, said = self._pytest(arguments, seconds, COVERING_CPU_S, {TARGET: str(target)})
        if status not in {0, FAILED}:
            raise SystemExit(f"the tests break off unbroken ({status}):\n{said[-2000:]}")
        for line in failures(said):
            sys.stderr.write(f"left out, as it fails unbroken: {line}\n")
        return Covering.read(target)

    def try_out(self, mutant: Mutant, tests: Sequence[str], seconds: float, cpu_s: int) -> Verdict:
        """Break one thing, run the tests, mend it again.

        A test that fails must be named and pass unbroken, else nothing is clear; where files cannot
        be imported, all of them must be there unbroken, and where the process dies, pass.

        Who uses up the processor time has timed out. Who uses up the other has when the same tests,
        run unbroken at once, end in time, and broken again do not, however much longer than those
        they may take. So a busy machine proves nothing.

        Args:
            mutant: What to break.
            tests: Their node ids.
            seconds: How long the first run may take.
            cpu_s: How many seconds of a processor each of its processes has.
        """
        if not tests:
            return "not run by any test"
        status, said = self._broken(mutant, tests, seconds, cpu_s)
        if status is None:
            begun = time.monotonic()
            if self._pytest(tests, PATIENCE * seconds, cpu_s, {})[0] != 0:
                return "unclear"
            usual = time.monotonic() - begun
            status, said = self._broken(mutant, tests, max(seconds, PATIENCE * usual), cpu_s)
        if status is None or status in {-signal.SIGXCPU, -signal.SIGKILL}:
            return "timed out"
        if status == 0:
            return "survived"
        failed = failures(said)
        if failed:
            again = failed
        elif status == NOT_FOUND or COLLECTING.search(said):
            again = ["--collect-only", *tests]
        elif status == FAILED:
            # Then pytest fell, or was left by something other than a test.
            sys.stderr.write(f"no test is named as failing by: {mutant}\n{said[-2000:]}\n")
            return "unclear"
        else:
            again = list(tests)
        passing = {0, NOT_FOUND} if failed else {0}
        unbroken = self._pytest(again, PATIENCE * seconds, cpu_s, {})[0]
        return "killed" if unbroken in passing else "unclear"

    def _broken(
        self, mutant: Mutant, tests: Sequence[str], seconds: float, cpu_s: int
    ) -> tuple[int | None, str]:
        """Run tests with one thing broken."""
        path = self.folder / mutant.path
        whole = path.read_bytes()
        path.write_bytes(mutant.apply(whole))
        try:
            status, said = self._pytest(["-x", *tests], seconds, cpu_s, {})
            if status == NOT_FOUND:
                # What is broken may be in the tests' names, which nobody looks at.
                functions = dict.fromkeys(test.partition("[")[0] for test in tests)
                status, said = self._pytest(["-x", *functions], seconds, cpu_s, {})
        finally:
            path.write_bytes(whole)
        return status, said

    def _pytest(
        self, arguments: Sequence[str], seconds: float, cpu_s: int, environment: Mapping[str, str]
    ) -> tuple[int | None, str]:
        """Run pytest in the copy; return its exit status, None once time was up, and its words."""
        output = self.folder.with_suffix(".output")
        warm = self._started()
        assert warm.stdin is not None
        asked = {
            "arguments": [
                *("-q", "-rfE", "-p", "no:cacheprovider", "-p", "tests.mutants.covering"),
                *("-W", "ignore::pytest.PytestAssertRewriteWarning", *arguments),
            ],
            "environment": {**environment, MEMORY: str(MOST_MEMORY_BYTES)},
            "output": str(output),
            "cpu_s": cpu_s,
        }
        warm.stdin.write(f"{json.dumps(asked)}\n".encode())
        leader = self._number(None)
        assert leader is not None
        status = self._number(seconds)
        # What tests left running, as a broken one does, ends with it.
        with suppress(ProcessLookupError):
            os.killpg(leader, signal.SIGKILL)
        if status is None:
            self._number(None)
        return status, output.read_text(errors="replace")

    def _started(self) -> subprocess.Popen[bytes]:
        if self._warm is None:
            self._warm = subprocess.Popen(
                [sys.executable, "-B", "-m", "tests.mutants.warm"],
                cwd=self.folder,
                # The copy, not the tree that is installed; programs that tests start take it too.
                env={**os.environ, "PYTHONPATH": str(self.folder)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # What was read ahead would not be waited for.
                bufsize=0,
            )
        return self._warm

    def _number(self, seconds: float | None) -> int | None:
        """Return the next number that is said; None once time was up."""
        assert self._warm is not None
        assert self._warm.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._warm.stdout, selectors.EVENT_READ)
            return int(self._warm.stdout.readline()) if selector.select(seconds) else None


def failures(said: str) -> list[str]:
    """List the tests that pytest's summary says failed."""
    found = re.findall(r"^(?:FAILED|ERROR) (\S+\.py::.+?)(?: - .*)?$", said, re.MULTILINE)
    return list(dict.fromkeys(found))
