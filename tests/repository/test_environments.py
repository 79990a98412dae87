"""The matrix of other people's machines: what it hides, whom it becomes, what it reports.

That the tests pass there is shown by running it: `make environments`.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import environments
from tests.environments import Environment


def test_every_program_that_tests_ask_for_is_hidden_once() -> None:
    asked = set()
    for path in (environments.ROOT / "tests").rglob("*.py"):
        asked |= set(re.findall(r'\bneed\("([a-z-]+)", "', path.read_text(encoding="utf-8")))
    assert asked - {"no-such"} <= set(environments.OPTIONAL)
    for name, environment in environments.environments().items():
        assert all((environments.ROOT / path).exists() for path in environment.tests), name


def test_a_hidden_program_is_not_found_and_every_other_one_is(tmp_path: Path) -> None:
    for folder, names in {"a": ("git", "ip"), "b": ("ip", "sh")}.items():
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / name).touch()
    path = environments.path_without(
        ["ip"], f"{tmp_path}/a:{tmp_path}/none:{tmp_path}/b", tmp_path / "programs"
    )
    assert sorted(link.name for link in Path(path).iterdir()) == ["git", "sh"]


def test_a_user_has_a_home_of_its_own_and_no_folder_of_the_system_on_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RIVA_HOST", "somewhere")
    words, variables = environments.command(Environment(as_user=True), tmp_path, "make", "test")
    assert words[-2:] == ["make", "test"]
    assert "--reuid=65534" in " ".join(words)
    accounts = (tmp_path / "passwd").read_text(encoding="utf-8").splitlines()
    assert [line for line in accounts if line.split(":")[2:3] == ["65534"]] == [
        f"somebody:x:65534:65534:somebody:{tmp_path / 'home'}:/bin/sh"
    ]
    assert accounts[0].startswith("root:")
    assert "sbin" not in variables["PATH"]
    assert variables["HOME"] == str(tmp_path / "home")
    assert "RIVA_HOST" not in variables


def test_what_the_machine_lacks_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert environments.lacking(Environment(python="python3.99")) == "no python3.99 on PATH"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    lacks = environments.lacking(Environment(as_user=True))
    assert lacks is not None
    assert "only root may become another user" in lacks


def test_the_kernels_are_tried_in_every_combination_where_a_recogniser_speaks() -> None:
    kernels = [
        one
        for one in environments.environments().values()
        if one.tests[:1] == ("tests/acceptance",)
    ]
    assert len(kernels) == 4 * 3
    assert len({tuple(sorted(one.variables.items())) for one in kernels}) == 4 * 3


def test_the_report_has_failures_wants_and_the_count() -> None:
    said = (
        "....\nFAILED tests/a.py::test_x - no\n"
        "2 tests skipped for want of chromium (Debian: apt-get install chromium)\n"
        "=== 1 failed, 3 passed, 2 skipped in 4.20s ===\n"
    )
    assert environments.summary(said) == [
        "FAILED tests/a.py::test_x - no",
        "2 tests skipped for want of chromium (Debian: apt-get install chromium)",
        "1 failed, 3 passed, 2 skipped in 4.20s",
    ]


def test_a_report_of_some_of_the_tests_says_which(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[tuple[str, ...]] = []

    def run(environment: Environment, _options: Sequence[str]) -> tuple[int, str, float]:
        ran.append(environment.tests)
        return 0, "3 passed in 1.00s", 1.0

    monkeypatch.setattr(environments, "run", run)
    assert environments.main(["root", "no curl"]) == 0
    whole, _, narrow = capsys.readouterr().out.partition("no curl")
    assert "not all tests" not in whole
    assert f"not all tests: {' '.join(ran[1])}\n" in narrow
    assert environments.main(["root", "--tests", "tests/ops/local", "tests/bench"]) == 0
    assert "not all tests: tests/ops/local tests/bench\n" in capsys.readouterr().out
    assert ran == [(), tuple(environments.asking_for("curl")), ("tests/ops/local", "tests/bench")]


def test_an_environment_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        environments.main(["moon"])
    assert left.value.code == 2
    assert "moon" in capsys.readouterr().err
