"""The table, and the rows of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.abuse.__main__ import SUITE
from tests.abuse.attacks import ATTACKS, Tally
from tests.abuse.observations import Row
from tests.abuse.report import REPORT
from tests.abuse.rig import judged
from tests.abuse.rows import SCENARIOS
from tests.abuse.test_observations import GOOD, LIMITS, trial

if TYPE_CHECKING:
    import pytest

TOLD = Tally(did="two things", sent=20_000_000, outcomes={"open": 1, "503 too_many_sessions": 2})


def test_a_row_says_what_was_done_how_it_was_answered_and_what_others_noticed() -> None:
    row = judged("It happens", TOLD, GOOD, LIMITS, [])
    assert REPORT.line(row) == (
        "| It happens. two things; 2,000 kB/s | 2 503 too_many_sessions, 1 open | 10 (4) | 0 of 0 "
        "| - | 0 (100) | 20 (+0) | kept |"
    )


def test_a_row_is_broken_by_what_others_noticed_and_by_what_else_it_promises() -> None:
    assert judged("It", TOLD, GOOD, LIMITS, ["nothing was refused"]).broken == (
        "nothing was refused",
    )
    slow = judged("It", TOLD, trial(*[1.0] * 20), LIMITS, [])
    assert len(slow.broken) == 1
    assert REPORT.line(slow).endswith("| **broken** |")


def test_a_row_that_could_not_be_run_is_broken_and_claims_nothing() -> None:
    row = Row(title="It", broken=("it could not be run",))
    assert REPORT.line(row) == "| It | - | - | - | - | - | - | **broken** |"


def test_every_attack_has_a_row_and_every_row_an_attack() -> None:
    assert {name.removesuffix("-front") for name in SCENARIOS} == set(ATTACKS)


def test_the_page_has_a_row_for_every_attack() -> None:
    """Whoever adds one runs it: `make abuse ARGS=--write`."""
    page = REPORT.written()
    assert [one.name for one in SCENARIOS.values() if f"\n| {one.title}. " not in page] == []


def test_the_command_names_its_rows(capsys: pytest.CaptureFixture[str]) -> None:
    assert SUITE.main(["--list"]) == 0
    assert capsys.readouterr().out.count("\n") == len(SCENARIOS)
