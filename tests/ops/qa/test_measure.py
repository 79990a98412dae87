"""The command over a real gateway, in front of an emulator that follows a script and hears nothing.

So nothing is said here of how well anything recognises speech.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from app.emulator import Script
from ops.qa import command
from ops.qa.corpus import load_corpus
from ops.qa.measure import Target, measure
from tests.support.gateways.running import Running, running_emulator, running_gateway

SAYS = [
    {"results": [{"at": 0.1, "text": text, "is_final": True}]}
    for text in ("Boats came home.", "Ships sailed early.")
]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    for name in ("one", "two"):
        soundfile.write(tmp_path / f"{name}.wav", np.zeros(8000, np.int16), 16_000)
    entries = [
        {"file": "one.wav", "text": "boats came home", "tags": ["harbor"]},
        {"file": "two.wav", "text": "ships sailed", "tags": ["harbor"], "speech_spans": [[0, 0.5]]},
    ]
    (tmp_path / "manifest.json").write_text(json.dumps(entries), encoding="utf-8")
    return tmp_path


@pytest.fixture
async def gateway() -> AsyncIterator[Running]:
    script = Script.model_validate({"streams": SAYS})
    async with running_emulator(script) as emulator, running_gateway(emulator) as running:
        yield running


def qa(corpus: Path, url: str, *options: str) -> tuple[int, str]:
    done = CliRunner().invoke(command, ["--corpus", str(corpus), "--url", url, *options])
    return done.exit_code, done.output


async def test_every_clip_is_sent_and_compared(corpus: Path, gateway: Running) -> None:
    seen: list[str] = []
    results = await measure(
        corpus,
        load_corpus(corpus),
        Target(url=gateway.url, realtime=True),
        on_result=lambda result: seen.append(result.clip.name),
    )
    assert [result.errors.total for result in results] == [0, 1]
    assert [result.failure for result in results] == [None, None]
    assert seen == ["one", "two"]


async def test_the_command_reports_and_passes_below_the_limit(
    corpus: Path, gateway: Running, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    code, output = await asyncio.to_thread(
        qa, corpus, gateway.url, "--realtime", "--max-wer", "20.1", "--json", str(report)
    )
    assert code == 0, output
    assert "#harbor" in output
    assert json.loads(report.read_text(encoding="utf-8"))["totals"]["all"]["wer"] == 0.2


async def test_the_command_fails_above_the_limit(corpus: Path, gateway: Running) -> None:
    code, output = await asyncio.to_thread(qa, corpus, gateway.url, "--max-wer", "19.9")
    assert code == 1
    assert "word error rate 20.0 % is above 19.9 %" in output


async def test_a_session_that_fails_counts_its_words_and_fails_the_command(corpus: Path) -> None:
    nowhere = "ws://127.0.0.1:1"
    (one, _) = await measure(corpus, load_corpus(corpus), Target(url=nowhere))
    assert (one.heard, one.errors.deleted) == (None, 3)
    assert one.failure
    code, output = await asyncio.to_thread(qa, corpus, nowhere)
    assert code == 1
    assert "2 of 2 sessions failed" in output
