"""Every command block of every runbook is pasted into a shell, on a stack with the fault in it.

The stack is `perch up`; what needs AWS is asked of the AWS API that it stands on, and machines are
real sshds (stage.py). A diagnosis must show the fault, a mitigation mend it, a verification end
with exit code 0. Not proved: what only AWS, a GPU or NVIDIA's recogniser do; docs/unverified.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.runbooks.pages import BY_HAND, FOLDER, PAGES, ROOT, RUNBOOKS, blocks
from tests.runbooks.scenarios import SCENARIOS
from tests.runbooks.stage import Stage, staged
from tests.support.port_rows import free_row
from tests.support.up_process import running_up

if TYPE_CHECKING:
    from collections.abc import Iterator

PULUMI: Final = "tests/engine runs the same on the real engine; an account's answers are its own"
NOT_RUN: Final = {
    "pulumi up": PULUMI,
    "pulumi preview --refresh": PULUMI,
    "pulumi destroy": PULUMI,
}
"""Beginnings of commands that nothing here runs -> why; docs/unverified.md has them too."""
SHORTER: Final = {
    # A preview compares revisions of a clone, and the folder of links is none.
    "perch preview\n": f"(cd {ROOT} && perch preview)\n",
}
"""Commands that are run in another form."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("up")
    with (
        running_up(folder, "--ports-from", str(free_row())) as running,
        staged(running, tmp_path_factory.mktemp("stage")) as found,
    ):
        yield found


@pytest.mark.oncall
@pytest.mark.timeout(600)
@pytest.mark.xdist_group("runbooks")
@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_a_runbook_finds_and_mends_its_fault_by_copy_and_paste(stage: Stage, name: str) -> None:
    scenario = SCENARIOS[name]
    looked, seen, is_looking = "", "", True
    try:
        scenario.fault(stage)
        for block in blocks(FOLDER / f"{name}.md"):
            if is_looking and block.section not in {"", "Diagnosis"}:
                is_looking, looked = False, seen
            if block.section == "Verification":
                scenario.mended(stage)
            if block.kind == BY_HAND:
                scenario.by_hand(stage)
            else:
                seen += stage.run(block, scenario.variables, SHORTER)
        looked = seen if is_looking else looked
        assert [text for text in scenario.shows if text not in looked] == [], looked
    finally:
        stage.restore()


def test_every_page_with_commands_has_a_state_in_which_they_are_run() -> None:
    assert {page.stem for page in PAGES if blocks(page)} == set(SCENARIOS)
    assert {page.stem for page in RUNBOOKS} <= set(SCENARIOS)


def test_what_nothing_here_runs_is_a_short_list_with_reasons_and_stands_among_the_unverified() -> (
    None
):
    lines = [
        line
        for page in PAGES
        for block in blocks(page)
        if block.kind == BY_HAND
        for line in block.text.splitlines()
    ]
    assert [line for line in lines if not line.startswith(tuple(NOT_RUN))] == []
    assert [begun for begun in NOT_RUN if not any(line.startswith(begun) for line in lines)] == []
    unverified = (FOLDER.parent / "docs" / "unverified.md").read_text()
    assert [begun for begun in NOT_RUN if f"`{begun}" not in unverified] == []
