"""The command with its own processes, over a real gateway, before an emulator with a script.

The figures say nothing of any recogniser; that a session is slow because of a stall is certain.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from app.emulator import Script
from ops.console.durations import seconds_of
from ops.load.command import command, levels_of
from tests.support.gateways.running import Running, running_emulator, running_gateway

WORDS = [
    {"at": 0.3, "text": "boats"},
    {"at": 0.8, "text": "boats came home", "is_final": True},
]
STALL_S = 1.5
STALLING = {
    "streams": [
        {
            "results": WORDS,
            "fault": {
                "do": "stall",
                "after": {"audio_seconds": 0.2},
                "seconds": STALL_S,
                "stop_reading": True,
            },
        }
    ]
}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    entry = {"file": "one.wav", "text": "boats came home", "speech_spans": [[0.1, 0.7]]}
    soundfile.write(tmp_path / "one.wav", np.zeros(16_000, np.int16), 16_000)
    (tmp_path / "manifest.json").write_text(json.dumps([entry]), encoding="utf-8")
    return tmp_path


@pytest.fixture
async def gateway(request: pytest.FixtureRequest) -> AsyncIterator[Running]:
    script = Script.model_validate(getattr(request, "param", {"streams": [{"results": WORDS}]}))
    async with running_emulator(script) as emulator, running_gateway(emulator) as running:
        yield running


async def load(corpus: Path, running: Running, *options: str) -> tuple[str, Any]:
    out = corpus / "made" / "out"
    words = (
        *("--url", running.url, "--corpus", str(corpus), "--out", str(out)),
        *("--ramp", "0.2", "--duration", "2", "--jitter", "0.1", *options),
    )
    done = await asyncio.to_thread(CliRunner().invoke, command, list(words))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    [written] = out.glob("*.json")
    assert {path.suffix for path in out.iterdir()} == {".json", ".csv", ".html"}
    return done.output, json.loads(written.read_text(encoding="utf-8"))


@pytest.mark.slow
async def test_sessions_of_both_dialects_are_played_by_several_processes_and_one_resumes(
    corpus: Path, gateway: Running
) -> None:
    output, report = await load(
        corpus, gateway, "--sessions", "4", "--dialect-b", "0.5", "--resuming", "0.5"
    )
    [level] = report["levels"]
    assert level["failed"] == {}, output
    assert level["played"] >= 4
    assert level["cuts"] >= 1
    assert level["outage"]["count"] == level["cuts"]
    assert level["final"]["count"] >= 1
    assert level["first_interim"]["count"] >= 1
    assert "4 sessions" in output


@pytest.mark.parametrize("gateway", [STALLING], indirect=True)
async def test_a_recogniser_that_stalls_hides_nothing(corpus: Path, gateway: Running) -> None:
    output, report = await load(
        corpus,
        gateway,
        "--sessions",
        "3",
        "--refine",
        "2",
        "--dialect-b",
        "0",
        "--resuming",
        "0",
        "--processes",
        "1",
    )
    # Between none and three sessions lies one, and below that none to go on with.
    level, wanted = report["levels"]
    assert (level["sessions"], wanted["sessions"]) == (1, 3)
    # Speech ends 0.4 s behind the moment of the stall; nothing came before that was over.
    assert level["first_interim"]["p50"] >= STALL_S - 0.5, output
    assert level["final"]["p50"] >= STALL_S - 0.7
    assert report["verdict"]["recommended"] is None
    # Once, among the results; the error at the end refers to it.
    assert output.count("even the smallest level missed") == 1
    assert output.endswith("perch: this load recommends no maximum\n")


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90.0), ("1.5m", 90.0), ("2h", 7200.0), ("10s", 10.0)]
)
def test_durations(text: str, seconds: float) -> None:
    assert seconds_of("--duration", text) == seconds


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--duration", "soon"), "--duration is 'soon'; accepted: seconds"),
        (("--sessions", "10,x"), "--sessions is '10,x'; accepted: whole numbers"),
        (("--sessions", "0"), "--sessions is '0'"),
        (("--write", "--url", "ws://127.0.0.1:1"), "--write is for a stack"),
        (("--url", "http://127.0.0.1:1"), "accepted: a ws:// or wss:// address"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_starts(
    options: tuple[str, ...], said: str
) -> None:
    done = CliRunner().invoke(command, list(options))
    assert done.exit_code == 2
    assert said in done.output


def test_levels_are_played_upwards() -> None:
    assert levels_of("200, 50,100,50") == (50, 100, 200)
