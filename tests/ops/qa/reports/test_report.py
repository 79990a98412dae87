"""Results as JSON and as tables."""

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from app.client import Outcome, Reconnected, SessionStopped
from ops.percentile import percentile
from ops.qa.corpus import Clip
from ops.qa.measure import Result
from ops.qa.reports.report import as_table, latency_summary, latency_table, totals_as_json
from ops.qa.run import QaRun, clip_runs
from ops.qa.wer import count_errors

STOPPED = SessionStopped(
    connection_id="c-1",
    timestamp=datetime(2026, 11, 22, tzinfo=UTC),
    session_id="s-1",
    audio_seconds=2.0,
    segments=0,
)


def result(
    text: str,
    heard: str | None,
    *tags: str,
    first_interim_s: float | None = None,
    final_lags_s: tuple[float, ...] = (),
    reconnects: tuple[Reconnected, ...] = (),
) -> Result:
    outcome = Outcome(
        finals=(),
        stopped=STOPPED,
        audio_s=2.0,
        wall_s=2.5,
        first_interim_s=first_interim_s,
        first_interim_after_speech_s=None,
        final_lags_s=final_lags_s,
        last_final_s=None,
        finish_s=0.1,
        reconnects=reconnects,
    )
    return Result(
        clip=Clip(file=f"{text[:4] or 'none'}.wav", text=text, tags=tags),
        heard=heard,
        errors=count_errors(text, heard or ""),
        outcome=None if heard is None else outcome,
        failure="the gateway is down" if heard is None else None,
    )


RESULTS = [
    result("boats came home", "boats came", "clean", first_interim_s=0.6, final_lags_s=(0.7, 0.9)),
    result("", "", "silence"),
    result("ships sailed", None, "clean"),
]


def as_json(results: list[Result]) -> Any:  # noqa: ANN401 - any JSON
    run = QaRun(clips=clip_runs(results)).model_dump(mode="json")
    return json.loads(json.dumps({**run, "totals": totals_as_json(results)}))


def test_the_json_report_carries_every_clip_and_every_total() -> None:
    report = as_json(RESULTS)
    assert [clip["heard"] for clip in report["clips"]] == ["boats came", "", None]
    assert report["clips"][2]["failure"] == "the gateway is down"
    assert report["clips"][1]["wer"] is None
    assert report["totals"]["clean"] == {
        "wer": pytest.approx(3 / 5),
        "words": 5,
        "substituted": 0,
        "deleted": 3,
        "inserted": 0,
    }
    assert report["totals"]["silence"]["wer"] is None
    assert report["totals"]["all"]["words"] == 5


def test_latencies_are_summed_up_only_where_they_were_measured() -> None:
    summary = latency_summary(RESULTS)
    assert summary["final_lag_s"] == {"count": 2, "p50": 0.7, "p95": 0.9}
    assert summary["first_interim_s"]["count"] == 1
    assert summary["last_final_s"] == {"count": 0, "p50": None, "p95": None}


def test_the_tables_show_rates_and_say_nothing_of_what_is_unknown() -> None:
    console = Console(width=120)
    with console.capture() as capture:
        console.print(as_table(RESULTS))
        console.print(latency_table(RESULTS))
    shown = capture.get()
    assert "33.3 %" in shown
    assert "60.0 %" in shown
    assert "the gateway is down" in shown
    assert "final_lag_s" in shown
    assert "last_final_s" not in shown


@given(st.lists(st.floats(0, 100), min_size=1), st.floats(0, 100))
def test_a_percentile_is_a_value_that_was_measured(values: list[float], share: float) -> None:
    assert percentile(values, share) in values
    assert percentile(values, 100) == max(values)
    assert percentile(values, 0) == min(values)


def test_a_session_that_needed_another_connection_is_marked() -> None:
    healed = Reconnected(outage_s=1.0, replayed_s=2.0, position=3.0, segment_id=1, reason="gone")
    results = [*RESULTS, result("cranes", "cranes", reconnects=(healed, healed))]
    report = as_json(results)
    assert [clip["reconnects"] for clip in report["clips"]] == [0, 0, 0, 2]
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(as_table(results))
    assert "connected again 2 time(s)" in console.export_text()
