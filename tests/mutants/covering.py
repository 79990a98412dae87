"""Which tests run a line, and how long each takes: a pytest plugin, and the reader of its file."""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import coverage
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

TARGET = "PERCH_MUTANTS_COVERING"
"""Where the plugin writes."""


class Covering:
    """Which tests run what.

    Args:
        lines: Tests by line by path.
        seconds: How long a test took.
    """

    def __init__(
        self, lines: Mapping[str, Mapping[int, Sequence[str]]], seconds: Mapping[str, float]
    ) -> None:
        self._lines = lines
        self._seconds = seconds

    @classmethod
    def read(cls, path: Path) -> Covering:
        """Read what the plugin wrote."""
        told = json.loads(path.read_text())
        lines = {
            name: {int(line): tests for line, tests in by_line.items()}
            for name, by_line in told["lines"].items()
        }
        return cls(lines, told["seconds"])

    def tests(self, path: str, line: int, *, at_import: bool, budget: float) -> list[str]:
        """List the tests to run, the fastest first, as many as the seconds allow.

        Args:
            path: Of the file that is broken.
            line: In it.
            at_import: Whether importing runs the line, which no test is seen to do: then those that
                run anything of the file come first, and every other one after them.
            budget: Seconds that they took together, but at least one.
        """
        by_line = self._lines.get(path, {})
        if not at_import:
            return self._within(by_line.get(line, ()), budget)
        near = {test for tests in by_line.values() for test in tests}
        chosen = self._within(near, budget)
        left = budget - self.seconds(chosen)
        return chosen + (self._within(self._seconds.keys() - near, left) if left > 0 else [])

    def all_tests(self, budget: float) -> list[str]:
        """List every test, the fastest first, as many as the seconds allow."""
        return self._within(self._seconds, budget)

    def _within(self, tests: Iterable[str], budget: float) -> list[str]:
        chosen: list[str] = []
        for test in sorted(tests, key=lambda test: (self.seconds([test]), test)):
            if chosen and self.seconds([*chosen, test]) > budget:
                break
            chosen.append(test)
        return chosen

    def seconds(self, tests: Sequence[str]) -> float:
        """Return how long these take together."""
        return sum(self._seconds.get(test, 0.0) for test in tests)


class Plugin:
    """Notes which test runs which line; loaded by `-p tests.mutants.covering`."""

    def __init__(self, target: Path, root: Path) -> None:
        self._target = target
        self._root = root
        self._seconds: dict[str, float] = {}
        self._coverage = coverage.Coverage(
            data_file=None, branch=False, source=["app", "infra", "ops"], config_file=False
        )
        self._coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._coverage.switch_context(item.nodeid)
        begun = time.monotonic()
        try:
            return (yield)
        finally:
            self._seconds[item.nodeid] = round(time.monotonic() - begun, 3)
            self._coverage.switch_context("")

    def pytest_sessionfinish(self) -> None:
        self._coverage.stop()
        data = self._coverage.get_data()
        lines: dict[str, dict[int, list[str]]] = defaultdict(dict)
        for name in data.measured_files():
            path = Path(name).relative_to(self._root).as_posix()
            for line, contexts in data.contexts_by_lineno(name).items():
                lines[path][line] = sorted(filter(None, contexts))
        self._target.write_text(json.dumps({"lines": lines, "seconds": self._seconds}))


def pytest_configure(config: pytest.Config) -> None:
    """Begin to note, where the harness asks for it."""
    if TARGET in os.environ:
        config.pluginmanager.register(Plugin(Path(os.environ[TARGET]), config.rootpath))
