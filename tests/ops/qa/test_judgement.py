"""What is wrong with a run, and what got worse since another by more than chance explains."""

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

from ops.console.errors import ConfigurationError
from ops.qa.alignment import alignment, as_html, as_text, word_marks
from ops.qa.bootstrap import difference_interval, rate_interval
from ops.qa.corpus import Clip
from ops.qa.judgement import findings, regressions
from ops.qa.measure import Result
from ops.qa.reports.junit import as_junit
from ops.qa.reports.matrix import ROWS, as_markdown, rows
from ops.qa.reports.page import as_page
from ops.qa.run import QaRun, clip_runs, load_run
from ops.qa.thresholds import thresholds
from ops.qa.wer import count_errors

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
SAID = "boats came home before the storm and nobody on the pier had seen them leave at dawn"


def run(*clips: tuple[str, str, str | None, tuple[str, ...]]) -> QaRun:
    results = [
        Result(
            clip=Clip(file=f"{name}.wav", text=text, tags=tags),
            heard=heard,
            errors=count_errors(text, heard or ""),
            failure=None if heard is not None else "the gateway is down",
        )
        for name, text, heard, tags in clips
    ]
    return QaRun(
        started=datetime(2026, 11, 27, tzinfo=UTC),
        command="perch qa --stack <local>",
        clips=clip_runs(results),
    )


def many(heard: str, count: int = 12) -> QaRun:
    return run(*((f"c{number}", SAID, heard, ("clean",)) for number in range(count)))


@pytest.mark.parametrize(
    ("said", "heard", "text", "marks"),
    [
        ("boats came home", "boats came home", "boats came home", (0, 0, 0)),
        ("boats came home", "boats come home", "boats [came -> come] home", (0, 1, 0)),
        ("boats came home", "boats home", "boats [-came-] home", (0, 1, 0)),
        ("boats came", "boats came in now", "boats came [+in now+]", (0, 2)),
        ("boats came", "two boats came", "[+2+] boats came", (1, 0)),
        ("", "hum", "[+hum+]", ()),
        ("", "", "", ()),
    ],
)
def test_each_difference_is_shown_where_it_is(
    said: str, heard: str, text: str, marks: tuple[int, ...]
) -> None:
    steps = alignment(said, heard)
    assert as_text(steps) == text
    assert word_marks(steps) == marks
    assert sum(marks) == (count_errors(said, heard).total if said else 0)


def test_differences_are_told_apart_in_html_and_nothing_of_them_is_markup() -> None:
    shown = as_html(alignment("boats came", "ships came"))
    assert shown == "<del>boats</del> <ins>ships</ins> came"
    assert "<" not in as_html(alignment("", "")) + as_html(alignment("a<b", "a<b")).replace(
        "&lt;", ""
    )


def test_words_in_silence_failed_sessions_and_too_many_errors_are_each_named() -> None:
    found = findings(
        run(
            ("one", SAID, "boats", ("clean",)),
            ("quiet", "", "thank you", ("silence",)),
            ("still", "", "", ("silence",)),
            ("lost", SAID, None, ("noise",)),
        ),
        thresholds("parakeet"),
    )
    assert [(one.fault, one.about) for one in found] == [
        ("failed", "lost"),
        ("heard in silence", "quiet"),
        ("above threshold", "clean"),
        ("above threshold", "noisy"),
    ]


def test_thresholds_are_the_plans_for_parakeet_and_tighter_for_the_embedded_engine() -> None:
    assert dict(thresholds("parakeet").most) == {"clean": 0.12, "noisy": 0.18}
    for environment, most in thresholds("embedded").most.items():
        assert most < thresholds("parakeet").most[environment]


def test_what_the_embedded_engine_makes_of_the_fixtures_is_within_its_thresholds() -> None:
    golden = FIXTURES.parent / "golden"
    entries = json.loads((FIXTURES / "manifest.json").read_text(encoding="utf-8"))
    heard = [
        json.loads((golden / f"{entry['id']}.json").read_text(encoding="utf-8"))["finals"]
        for entry in entries
    ]
    made = run(
        *(
            (entry["id"], entry["text"], " ".join(finals), tuple(entry["tags"]))
            for entry, finals in zip(entries, heard, strict=True)
        )
    )
    assert findings(made, thresholds("embedded")) == ()
    names = [row[0] for row in rows(made)]
    assert names == [*(name for name, _ in ROWS), "all"]


def test_the_same_run_again_is_no_regression() -> None:
    assert regressions(many(SAID), many(SAID)) == ()


def test_a_word_more_or_less_in_one_clip_is_noise() -> None:
    before = many(SAID)
    clips = list(before.clips)
    clips[3] = many(SAID.replace("dawn", "down")).clips[3]
    assert regressions(before, before.model_copy(update={"clips": tuple(clips)})) == ()


def test_a_clip_that_lost_half_its_words_is_named_and_no_other_one() -> None:
    before = many(SAID)
    clips = list(before.clips)
    clips[3] = many(" ".join(SAID.split()[:8])).clips[3]
    found = regressions(before, before.model_copy(update={"clips": tuple(clips)}))
    assert [one.about for one in found] == ["c3"]
    assert "c3: 0.0 % before, 52.9 % now" in found[0].sentence


def test_a_little_worse_everywhere_is_a_regression_of_the_whole() -> None:
    found = regressions(many(SAID), many(SAID.replace("dawn", "down")))
    assert [one.about for one in found] == ["all"]
    assert "c0, c1" in found[0].sentence


def test_a_session_that_fails_now_and_words_in_silence_now_are_regressions() -> None:
    before = run(("a", SAID, SAID, ()), ("s", "", "", ()))
    after = run(("a", SAID, None, ()), ("s", "", "hum", ()))
    # The whole is drawn again too, and half its draws have the failed clip.
    failed, heard, *_ = regressions(before, after)
    assert (failed.about, heard.about) == ("a", "s")
    assert failed.sentence == "a: 0.0 % before, 100.0 % now: the session failed"
    assert heard.sentence == "s: no rate before, no rate now: something was heard in it"


def test_intervals_hold_the_rate_and_shrink_with_more_recordings() -> None:
    few = rate_interval([1, 0, 2], [10, 10, 10])
    more = rate_interval([1, 0, 2] * 30, [10, 10, 10] * 30)
    assert few is not None
    assert more is not None
    assert few[0] <= 0.1 <= few[1]
    assert more[1] - more[0] < few[1] - few[0]
    assert rate_interval([1, 0], [0, 0]) is None
    assert difference_interval([1] * 9, [1] * 9, [5] * 9) == (0.0, 0.0)


def test_a_saved_run_is_read_back_and_anything_else_refused(tmp_path: Path) -> None:
    saved = tmp_path / "run.json"
    saved.write_text(many(SAID).model_dump_json(), encoding="utf-8")
    assert load_run(saved) == many(SAID)
    saved.write_text("[]", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="is no run"):
        load_run(saved)


def test_junit_has_a_case_for_each_clip_and_a_failure_for_each_finding() -> None:
    made = run(("one", SAID, "boats", ("clean",)), ("s", "", "hum", ()))
    suite = fromstring(as_junit(made, findings(made, thresholds("parakeet"))))  # noqa: S314 - our own
    assert (suite.get("tests"), suite.get("failures")) == ("3", "2")
    failed = {case.get("name"): case.find("failure") is not None for case in suite}
    assert failed == {"one": False, "s": True, "clean": True}


class Sources(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [f"{tag}:{str(value)[:15]}" for name, value in attrs if name == "src"]


def test_the_page_has_players_and_fetches_nothing(tmp_path: Path) -> None:
    (tmp_path / "one.wav").write_bytes(b"RIFF")
    made = run(("one", SAID, "boats", ("clean",)), ("gone", SAID, SAID, ("clean",)))
    limits = thresholds("parakeet")
    page = as_page(made, findings(made, limits), limits, tmp_path)
    sources = Sources()
    sources.feed(page)
    assert sources.found == ["audio:data:audio/wav;"]
    assert "perch qa --stack &lt;local&gt;" in page
    assert page.count("<svg") == 3


def test_the_page_says_of_each_clip_what_differs_or_why_it_failed() -> None:
    made = run(
        ("one", "boats came home", "boats home", ("clean",)),
        ("gone", "boats came", None, ("clean",)),
        ("quiet", "", "", ("silence",)),
    )
    timed = made.clips[0].model_copy(update={"first_interim_s": 0.25, "final_s": 1.5})
    made = made.model_copy(update={"clips": (timed, *made.clips[1:])})
    limits = thresholds("parakeet")
    *_, shown = as_page(made, findings(made, limits), limits, None).split("what differs")
    assert [re.findall("<td[^>]*>(.*?)</td>", row) for row in shown.split("<tr>")[1:]] == [
        # Errors of the three kinds after the rate, the times of the words before the last.
        ["one", "33.3 %", "0", "1", "0", "0.25", "1.50", "boats <del>came</del> home", ""],
        [
            *("gone<br><mark>failed</mark>", "100.0 %", "0", "2", "0", "-", "-"),
            *("the gateway is down", ""),
        ],
        ["quiet", "-", "0", "0", "0", "-", "-", "", ""],
    ]


def test_the_matrix_says_by_which_command_it_was_made() -> None:
    page = as_markdown(many(SAID))
    assert "Made by `perch qa --stack <local>`, 2026-11-27 00:00 UTC" in page
    assert "| clean voice, 16 kHz | 12 | 204 | 0.0 %" in page


def test_of_many_words_that_were_heard_as_said_only_the_ends_are_shown() -> None:
    shown = as_text(alignment(f"{SAID} again", SAID))
    assert shown == "boats came home ... leave at dawn [-again-]"
