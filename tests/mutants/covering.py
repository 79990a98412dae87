"""Which tests run a line, and how long each takes: a pytest plugin, and the reader of its file."""

from __future__ import annotations

import ast
import json
import os
import resource
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

import coverage
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

TARGET = "PERCH_MUTANTS_COVERING"
"""Where the plugin writes."""
_STEPS: Final = (0, 1, 1, 2, 2)
"""In which step tests are tried, by their distance from a line."""
MEMORY = "PERCH_MUTANTS_MEMORY"
"""How many bytes of address space the tests have, and each program that they start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Covering:
    """Which tests run what.

    Attributes:
        lines: Tests by line by path.
        seconds: How long a test took.
        shared: Of a test file, the test that set up longest and how long that took: what the file's
            tests share is set up by the first of them alone, whichever is chosen.
        programs: Tests by the name of a program that they start.
        imports: Modules by the path of a test file that imports them.
    """

    lines: Mapping[str, Mapping[int, Sequence[str]]]
    seconds: Mapping[str, float]
    programs: Mapping[str, Sequence[str]]
    imports: Mapping[str, Sequence[str]]
    shared: Mapping[str, tuple[str, float]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Covering:
        """Read what the plugin wrote."""
        told = json.loads(path.read_text())
        lines = {
            name: {int(line): tests for line, tests in by_line.items()}
            for name, by_line in told.pop("lines").items()
        }
        return cls(lines=lines, **told)

    def tests(self, path: str, line: int, budget: float) -> list[str]:
        """List the tests to run, the fastest first, as many as the seconds allow.

        Those that run the line come first. Importing runs some, what tests share is run by the
        first of them alone, and what another process runs is not noted; so then come those that
        start the module as a program or whose file imports it, those that run anything of it, those
        whose file imports its package, and every other one.

        Args:
            path: Of the file that is broken.
            line: In it.
            budget: Seconds that they took together, but at least one.
        """
        return self._within(budget, self._distance(path, line))

    def _distance(self, path: str, line: int) -> Callable[[str], int]:
        by_line = self.lines.get(path, {})
        running, near = set(by_line.get(line, ())), {one for of in by_line.values() for one in of}
        module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        package = module.rpartition(".")[0]
        starting = set(self.programs.get(module.removesuffix(".__main__"), ()))

        def distance(test: str) -> int:
            imported = self.imports.get(_file(test), ())
            if test in running:
                return 0
            if test in starting:
                return 1
            if any(name == module or name.startswith(f"{module}.") for name in imported):
                return 1
            return 2 if test in near else 3 if package in imported else 4

        return distance

    def steps(self, path: str, line: int, budget: float) -> list[list[str]]:
        """Part the tests of a line by how near to it they are, as `tests` has them.

        Most of what is broken is noticed by those that run it, or by those of its module, and a few
        files are imported sooner than all of a package.
        """
        distance = self._distance(path, line)
        tests = self.tests(path, line, budget)
        return [list(part) for _, part in groupby(tests, lambda test: _STEPS[distance(test)])]

    def tests_of_script(self, path: str, siblings: Iterable[str], budget: float) -> list[str]:
        """List the tests to run, the fastest first: those that start it, then all the others.

        Args:
            path: Of the script.
            siblings: Paths of the scripts that may read it: where no test starts it, those count
                that start one of these.
            budget: As for `tests`.
        """
        starting = set(self.programs.get(_program(path), ()))
        if not starting:
            starting = {one for of in siblings for one in self.programs.get(_program(of), ())}
        return self._within(budget, lambda test: int(test not in starting))

    def _within(self, budget: float, distance: Callable[[str], int]) -> list[str]:
        chosen: list[str] = []
        files: set[str] = set()
        left = budget
        for test in sorted(
            self.seconds, key=lambda test: (distance(test), self.took([test]), test)
        ):
            took = self.seconds[test] if _file(test) in files else self.took([test])
            if not chosen or took <= left:
                chosen.append(test)
                files.add(_file(test))
                left -= took
        return chosen

    def took(self, tests: Sequence[str]) -> float:
        """Return how many seconds these take together, with what their files set up for them."""
        others = {_file(test) for test in tests} & self.shared.keys()
        setups = (self.shared[file] for file in others)
        return sum(self.seconds.get(test, 0.0) for test in tests) + sum(
            seconds for first, seconds in setups if first not in tests
        )


def _file(test: str) -> str:
    """Return the file of a test."""
    return test.partition("::")[0]


def _program(path: str) -> str:
    """Return the name under which a script is started: without what stands behind a plus."""
    return path.rpartition("/")[2].partition("+")[0]


class Plugin:
    """Notes which test runs which line; loaded by `-p tests.mutants.covering`."""

    def __init__(self, target: Path, root: Path) -> None:
        self._target = target
        self._root = root
        self._seconds: dict[str, float] = {}
        self._shared: dict[str, tuple[str, float]] = {}
        self._programs: dict[str, set[str]] = defaultdict(set)
        self._failed: set[str] = set()
        self._running = ""
        self._coverage = coverage.Coverage(
            data_file=None, branch=False, source=["app", "infra", "ops"], config_file=False
        )
        self._coverage.start()
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[object, ...]) -> None:
        """Note the words of a command line; which of them is a script is not asked."""
        if event == "subprocess.Popen" and self._running and isinstance(arguments[1], list | tuple):
            for word in arguments[1]:
                if isinstance(word, str | os.PathLike):
                    self._programs[Path(word).name].add(self._running)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed.add(report.nodeid)
        _, longest = self._shared.get(_file(report.nodeid), ("", 0.0))
        if report.when == "setup" and report.duration > longest:
            self._shared[_file(report.nodeid)] = (report.nodeid, round(report.duration, 3))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._running = item.nodeid
        self._coverage.switch_context(item.nodeid)
        begun = time.monotonic()
        try:
            return (yield)
        finally:
            self._seconds[item.nodeid] = round(time.monotonic() - begun, 3)
            self._running = ""
            self._coverage.switch_context("")

    def pytest_sessionfinish(self) -> None:
        self._coverage.stop()
        data = self._coverage.get_data()
        passed = self._seconds.keys() - self._failed
        lines: dict[str, dict[int, list[str]]] = defaultdict(dict)
        for name in data.measured_files():
            path = Path(name).relative_to(self._root).as_posix()
            for line, contexts in data.contexts_by_lineno(name).items():
                lines[path][line] = sorted(passed & set(contexts))
        files = {_file(test) for test in passed}
        noted = {
            "lines": lines,
            "seconds": {test: self._seconds[test] for test in sorted(passed)},
            "programs": {name: sorted(passed & tests) for name, tests in self._programs.items()},
            "imports": {file: imported(self._root / file) for file in sorted(files)},
            "shared": self._shared,
        }
        self._target.write_text(json.dumps(noted))


def imported(path: Path) -> list[str]:
    """List the modules that a file imports, and what it imports from them, which may be modules."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return sorted(found)


def pytest_configure(config: pytest.Config) -> None:
    """Bound the memory, and begin to note, where the harness asks for it."""
    if MEMORY in os.environ:
        most = int(os.environ[MEMORY])
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    if TARGET in os.environ:
        config.pluginmanager.register(Plugin(Path(os.environ[TARGET]), config.rootpath))
