"""What is made of the outcomes of a conformance run.

Does not run the cases: they come from the package index, and `make conformance` runs them.
"""

from dataclasses import replace
from datetime import UTC, datetime

from tests.conformance.__main__ import unexplained
from tests.conformance.cases import Outcome
from tests.conformance.deviations import DEVIATIONS, explanation
from tests.conformance.page import Report, render

RIGHT = Outcome(id="1.1.1", behavior="OK", close="OK", code=1000, detail="", seconds=0.01)
KNOWN = [
    replace(RIGHT, id=one.cases[0], behavior=one.behavior, code=one.codes[0]) for one in DEVIATIONS
]


def test_right_and_explained_outcomes_pass() -> None:
    assert unexplained([RIGHT, *KNOWN]) == []


def test_an_outcome_nobody_explained_fails_the_run() -> None:
    wrong = replace(RIGHT, behavior="FAILED", code=1006, detail="no echo")
    assert unexplained([wrong, *KNOWN]) == ["1.1.1: FAILED, close OK 1006: no echo"]


def test_an_explained_case_that_fails_in_another_way_fails_the_run() -> None:
    (case,) = (outcome for outcome in KNOWN if outcome.id == "7.1.5")
    assert explanation(case) is not None
    assert explanation(replace(case, code=1011)) is None
    assert explanation(replace(case, behavior="FAULT")) is None


def test_an_explanation_is_of_its_own_cases_only() -> None:
    (case,) = (outcome for outcome in KNOWN if outcome.id == "12")
    assert explanation(replace(case, id="12.1.1")) is not None
    assert explanation(replace(case, id="1.2.1")) is None


def test_an_explanation_of_what_no_longer_happens_fails_the_run() -> None:
    assert unexplained([RIGHT, *KNOWN[1:]]) == [
        f"{', '.join(DEVIATIONS[0].cases)}: NON-STRICT is explained and did not happen"
    ]


def test_the_page_counts_every_section_and_explains_every_deviation() -> None:
    page = render(
        Report(
            at=datetime(2026, 1, 2, tzinfo=UTC),
            versions={"thing": "1.0"},
            outcomes=[RIGHT, RIGHT, *KNOWN],
            larger=[RIGHT],
            larger_mb=16,
        )
    )
    assert "| 1 Framing | 2 | 2 |" in page
    assert f"| **All** | {2 + len(KNOWN)} | 2 | 1 | 1 | 1 | 2 |" in page
    assert "2026-01-02 00:00 UTC" in page
    assert page.count("\n* **") == len(DEVIATIONS)
