"""What is missing from a corpus's recordings is told beside the rates that suffer from it."""

import asyncio
import json
from pathlib import Path

from click.testing import CliRunner

from ops.qa import command
from tests.support.recordings.making import promising, speech_like
from tests.support.recordings.ways import a_stage


async def test_a_recording_of_a_corpus_that_is_not_whole_is_named(tmp_path: Path) -> None:
    (tmp_path / "cut.wav").write_bytes(promising("WAV", speech_like(0.5, 16_000), 16_000, 9.8))
    manifest = [{"file": "cut.wav", "text": ""}]
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    async with a_stage() as stage:
        run = await asyncio.to_thread(
            CliRunner().invoke,
            command,
            ["--url", stage.gateway.url, "--corpus", str(tmp_path)],
        )
    assert run.exit_code == 0, run.output
    [said, _progress] = run.stderr.splitlines()[::-1]
    assert said.startswith("perch: cut.wav: It ends after 0.5 s, 9.3 s before its header says;")
