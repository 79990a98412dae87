"""Two runs side by side: files as the commands write them."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pydantic import BaseModel

from ops.load.judged import verdict
from ops.load.report import LoadReport
from ops.qa.run import QaRun
from ops.report import command

CLIP = {
    "file": "one.wav",
    "tags": ["clean"],
    "reference": "boats came home before dawn",
    "heard": "boats came home before dawn",
    "failure": None,
    "reconnects": 0,
    "words": 5,
    "substituted": 0,
    "deleted": 0,
    "inserted": 0,
    "wer": 0.0,
    "first_interim_s": 0.2,
}


def qa(**changes: object) -> QaRun:
    return QaRun.model_validate({"command": "perch qa", "clips": [{**CLIP, **changes}]})


def load(final: float) -> LoadReport:
    numbers = {"count": 9, "p50": final, "p95": final, "p99": final}
    level = {
        "sessions": 50,
        "played": 100,
        "failed": {},
        "details": {},
        **{key: {**numbers, "p95": 0.1} for key in ("queue", "first_interim", "rtfx", "outage")},
        "final": numbers,
        "audio_per_second": 50,
        "offered_per_second": 50,
        "cuts": 0,
        "generators": {"lateness_p99_s": 0.0, "loop_lag_p99_s": 0.0, "cpu_cores": 0.1},
        "late": False,
    }
    levels = LoadReport.model_validate(
        {
            "stack": "local",
            "url": "wss://localhost",
            "started": "2026-11-27T00:00:00Z",
            "command": "perch load",
            "machine": "2 processors",
            "levels": [level],
            "verdict": verdict([]),
        }
    )
    return levels.model_copy(update={"verdict": verdict(levels.levels)})


def report(tmp_path: Path, before: BaseModel, now: BaseModel, *options: str) -> Result:
    for name, run in (("before", before), ("now", now)):
        (tmp_path / f"{name}.json").write_text(run.model_dump_json(), encoding="utf-8")
    files = [str(tmp_path / "before.json"), str(tmp_path / "now.json")]
    return CliRunner().invoke(command, [*files, *options], env={"COLUMNS": "160"})


def test_two_loads_are_compared_level_by_level(tmp_path: Path) -> None:
    done = report(tmp_path, load(0.5), load(0.9), "--html", str(tmp_path / "page.html"))
    assert done.exit_code == 0, done.output
    lines = [" ".join(line.split()) for line in done.output.splitlines()]
    assert "50 sessions, final p95 0.5 s 0.9 s +0.4 s" in lines
    assert "recommended maximum 50 - -" in lines
    assert "+0.4 s" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_two_sets_are_compared_by_tag_and_what_got_worse_is_named(tmp_path: Path) -> None:
    worse = qa(heard="", deleted=5, wer=1.0)
    done = report(tmp_path, qa(), worse)
    lines = [" ".join(line.split()) for line in done.output.splitlines()]
    assert "#clean, WER 0 % 100 % +100 %" in lines
    assert "#clean, first interim p95 0.2 s 0.2 s +0 s" in lines
    assert "nothing is worse by more than chance explains" in report(tmp_path, qa(), qa()).output


def test_a_load_and_a_set_are_not_compared(tmp_path: Path) -> None:
    done = report(tmp_path, load(0.5), qa())
    assert done.exit_code == 2
    assert "is a run of perch load" in done.output


@pytest.mark.parametrize("text", ["", "[]", '{"kind": "perch load"}', '{"kind": 7}', "\0"])
def test_what_is_no_run_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(text)
    done = CliRunner().invoke(command, [str(file), str(file)])
    assert done.exit_code == 2
    assert "is no run" in done.output
