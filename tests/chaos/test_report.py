"""What counts as a broken promise, and the table. Fed with made-up sessions; nothing runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.chaos.__main__ import SUITE
from tests.chaos.clients import Heard
from tests.chaos.deployment import SCENARIOS
from tests.chaos.experiment import Traces, Trial
from tests.chaos.report import REPORT, Promise, Row, judged
from tests.chaos.speech import Recording
from tests.chaos.word_difference import Difference, TimedWord, compare

if TYPE_CHECKING:
    from pathlib import Path

SAID = "Good morning, we open at nine."
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def heard(text: str, *, error: str | None = None, lost: tuple[float, float] | None = None) -> Heard:
    """A session in which each word took a second."""
    words = [
        TimedWord(word=word, start=float(at), end=at + 0.9)
        for at, word in enumerate(SAID.split())
        if word in text.split()
    ]
    what = Recording(name="made-up", rate=16_000, data=b"")
    return Heard(
        client="perch", what=what, finals=[text], words=words, error=error, lost=lost, ended_at=9.0
    )


def trial(*disturbed: Heard) -> Trial:
    return Trial(undisturbed=[heard(SAID)] * len(disturbed), heard=list(disturbed))


def test_the_same_words_in_another_spelling_are_the_same() -> None:
    assert compare(SAID, "good morning we open at 9") == Difference()


@pytest.mark.parametrize(
    ("text", "difference"),
    [
        ("Good morning, we open nine.", Difference(lost=1)),
        ("Good morning, we open, we open at nine.", Difference(twice=2)),
        ("Good evening, we open at nine.", Difference(lost=1)),
        ("", Difference(lost=6)),
    ],
)
def test_a_word_too_few_or_too_many_breaks_the_promise(text: str, difference: Difference) -> None:
    row = judged("it", trial(heard(SAID), heard(text)))
    assert row.difference == difference
    assert len(row.broken) == 1
    assert "session 1 (perch, made-up) lost" in row.broken[0]


def test_a_session_that_hangs_breaks_the_promise() -> None:
    row = judged("it", trial(replace(heard(SAID), hung=True)))
    assert row.broken == ("session 0 (perch, made-up) hung",)


def test_an_error_that_was_not_promised_breaks_the_promise_and_one_that_was_does_not() -> None:
    ended = trial(heard(SAID, error="asr_failed"))
    assert judged("it", ended).broken == ("error codes are {'asr_failed': 1}, promised {}",)
    assert judged("it", ended, Promise(errors={"asr_failed": 1})).broken == ()
    assert judged("it", ended, Promise(possible=frozenset({"asr_failed"}))).broken == ()
    assert judged("it", trial(heard(SAID)), Promise(errors={"asr_failed": 1})).broken != ()


def test_who_loses_words_must_be_told_a_span_that_holds_all_of_them() -> None:
    promise = Promise(errors={"gone": 1}, told=True)

    def row(lost: tuple[float, float] | None) -> Row:
        return judged("it", trial(heard("Good we", error="gone", lost=lost)), promise)

    # "morning," is missing from 1.0 to 1.9 s, and everything from 3.0 s on.
    whole = row((1.0, 9.0))
    assert whole.broken == ()
    assert whole.difference == Difference(lost=4)
    assert "(between 1.0 and 9.0 s)" in whole.remark
    assert "outside it lost 1 words" in row((2.0, 9.0)).broken[0]
    assert "was not told which audio is lost" in row(None).broken[0]
    # What was said after the end of the session is no promise of it, and no loss.
    early = row((1.0, 3.5))
    assert early.broken == ()
    assert early.difference == Difference(lost=2)


def test_what_is_left_behind_breaks_the_promise() -> None:
    left = trial(heard(SAID))
    left.left, left.streams = Traces(tasks=1, files=2), 3
    row = judged("it", left)
    assert row.broken == ("left behind: 1 tasks, 2 files, 0 sessions, 3 streams",)
    assert row.left == (1, 2, 0, 3)


def test_the_longest_gap_counts_from_the_moment_it_breaks_to_the_end() -> None:
    one = replace(heard(SAID), results_at=[1.0, 2.0, 4.0, 8.5])
    assert one.longest_gap(since=3.0) == 4.5
    assert one.longest_gap(since=8.75) == 0.25


def test_the_section_says_where_it_comes_from_and_what_was_not_kept() -> None:
    good = Row(title="A thing breaks", sessions=6, gap_s=1.25, undisturbed_gap_s=1.0, seconds=60)
    text = REPORT.section([good], command="make chaos", commit="abc", now=NOW)
    assert "`make chaos` on 2026-11-22 at commit `abc`" in text
    assert "every promise was kept" in text
    assert "| A thing breaks | 6 | 0 | 0 | 1.2 (1.0) | none | 0/0/0/0 |" in text
    bad = replace(good, errors={"gone": 2}, broken=("two were gone",))
    text = REPORT.section([good, bad], command="make chaos", commit="abc", now=NOW)
    assert "every promise was kept" not in text
    assert "`gone` in 2" in text
    assert "* A thing breaks: two were gone" in text


def test_a_table_is_written_between_the_markers_and_nowhere_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{REPORT.begin}\nold\n{REPORT.end}\nafter\n", encoding="utf-8")
    REPORT.write(REPORT.table([]), page)
    table = f"{REPORT.begin}\n{REPORT.table([])}\n{REPORT.end}"
    assert page.read_text(encoding="utf-8") == f"before\n{table}\nafter\n"
    page.write_text("no markers", encoding="utf-8")
    with pytest.raises(ValueError, match="has no"):
        REPORT.write("", page)


def test_the_page_has_a_row_for_every_scenario() -> None:
    """Whoever adds a scenario runs it: `make chaos ARGS=--write`."""
    page = REPORT.written()
    assert [one.name for one in SCENARIOS.values() if f"\n| {one.title}" not in page] == []


def test_rows_that_are_run_again_replace_their_own_and_what_was_said_of_them() -> None:
    one = Row(title="One breaks", sessions=6, broken=("one was gone",))
    two = Row(title="Two breaks", sessions=7, broken=("two were gone",))
    longer = Row(title="One breaks, and again", sessions=9, remark="It was mended")
    old = REPORT.section([one, longer, two], command="make chaos", commit="abc", now=NOW)
    mended = replace(one, sessions=8, broken=())
    half = REPORT.renewed(old, [mended], commit="def", now=NOW)
    assert "| One breaks | 8 |" in half
    assert "| One breaks, and again. It was mended | 9 |" in half
    assert "one was gone" not in half
    assert "* Two breaks: two were gone" in half
    assert "see below" in half
    assert "Run again on 2026-11-22 at commit `def`: One breaks." in half
    whole = REPORT.renewed(half, [replace(two, broken=())], commit="def", now=NOW)
    assert "Not kept" not in whole
    assert "every promise was kept" not in whole
    assert "rows that were run again" in whole
    assert whole.count("| Two breaks | 7 |") == 1
    with pytest.raises(ValueError, match="run the suite without --only"):
        REPORT.renewed(whole, [replace(two, title="Three breaks")], commit="def", now=NOW)


def test_the_command_names_its_scenarios(capsys: pytest.CaptureFixture[str]) -> None:
    assert SUITE.main(["--list"]) == 0
    assert capsys.readouterr().out.count("\n") == len(SCENARIOS)
