"""Every way to start something of this repository has a help, and refuses what it does not know.

The entries are found by walking the source, so one that is added is held to the same. That nothing
is started is seen by Python's audit events in the process itself; what a C library would do unseen
is not proved.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.cli import SUBCOMMANDS
from tests.support import entries
from tests.support.forking import Done, Forks, Order

ELSEWHERE = "tests.conformance.driver"
"""Imports at its top what only another environment has."""
SDKS = "tests.clients."
"""Before the programs that run where another service's SDK is, started by its test alone."""
ENTRIES = (
    *(
        (module, ())
        for module in entries.modules()
        if module != ELSEWHERE and not module.startswith(SDKS)
    ),
    *(("ops.cli", (name,)) for name in SUBCOMMANDS),
)
HEAVY = (
    "app.emulator.server",
    "app.gateway.server.process",
    "infra.policies.pack",
    "ops.cli",
    "ops.load.command",
    "ops.local.load_balancer.listener",
    "ops.local.up",
    "ops.offline.applier",
    "ops.offline.simulator.server",
    "ops.preview",
    "ops.qa.command",
    "tests.chaos.scenarios",
    "tests.docs",
)


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks(HEAVY) as forks:
        yield forks


def start(forks: Forks, folder: Path, module: str, *arguments: str) -> Done:
    # Nothing of the person's: a setting could make up for what an entry lacks.
    given = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "COLUMNS": "80"}
    return forks.run(
        Order(module=module, arguments=arguments, environment=given, folder=str(folder))
    )


def called(entry: tuple[str, tuple[str, ...]]) -> str:
    return " ".join((entry[0], *entry[1]))


def test_the_walk_finds_what_is_known_to_be_there() -> None:
    known = {
        "app.gateway",
        "app.emulator",
        "bench",
        "infra",
        "ops.cli",
        "tests.docs",
        "tests.chaos",
    }
    assert known < set(entries.modules())


@pytest.mark.parametrize("entry", ENTRIES, ids=called)
def test_help_is_given_and_nothing_is_started(
    forks: Forks, tmp_path: Path, entry: tuple[str, tuple[str, ...]]
) -> None:
    module, arguments = entry
    done = start(forks, tmp_path, module, *arguments, "--help")
    assert (done.code, done.err) == (0, "")
    assert done.out.lower().startswith("usage: ")
    assert done.deeds == ()


@pytest.mark.parametrize("entry", ENTRIES, ids=called)
def test_an_option_that_is_not_known_is_refused_and_nothing_is_started(
    forks: Forks, tmp_path: Path, entry: tuple[str, tuple[str, ...]]
) -> None:
    module, arguments = entry
    done = start(forks, tmp_path, module, *arguments, "--no-such-option")
    assert (done.code, done.out) == (2, "")
    assert "--no-such-option" in done.err or "required" in done.err
    assert "Traceback" not in done.err
    assert done.deeds == ()


def test_the_one_that_runs_in_another_environment_says_so(forks: Forks, tmp_path: Path) -> None:
    done = start(forks, tmp_path, ELSEWHERE, "--help")
    assert done.code == 2
    assert done.err.endswith("is not installed here; `make conformance` runs this elsewhere\n")
