"""Real speech in bulk: a gateway that is killed in the middle and Ctrl-C cost no word.

The recogniser is the embedded one, in a process of its own, like the gateways.
"""

import asyncio
import json
import shutil
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from tests.support.gateways.processes import emulator, gateway
from tests.support.recognisers.speech import FIXTURES, clips, golden
from tests.support.words import bare

PERCH = Path(sys.executable).with_name("perch")
CLIPS = ("clean_us_f", "fast_us_f", "accent_gb_f", "fast_gb_m", "noise_pink_10dB", "accent_gb_m")

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("engine"), pytest.mark.timeout(600)]


async def perch(source: Path, to: Path, url: str, *options: str) -> Process:
    arguments = ["batch", str(source), str(to), "--url", url, "--json", "--srt", "--leave", "0"]
    return await asyncio.create_subprocess_exec(
        PERCH, *arguments, *options, "--at-once", "2", stdout=PIPE, stderr=PIPE
    )


def written(to: Path) -> int:
    return len(list(to.glob("*.json")))


async def results(to: Path, least: int) -> None:
    """Wait for so many results."""
    async with asyncio.timeout(300):
        while written(to) < least:  # noqa: ASYNC110 - another process has no event
            await asyncio.sleep(0.05)


async def test_a_killed_gateway_and_ctrl_c_cost_no_word_and_nothing_is_heard_twice(
    tmp_path: Path,
) -> None:
    source, to = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    chosen = [clip for clip in clips() if clip.id in CLIPS]
    for clip in chosen:
        shutil.copy(FIXTURES / clip.file, source / f"{clip.id}{Path(clip.file).suffix}")
    assert len(chosen) >= 4
    async with emulator(tmp_path) as recogniser:
        async with gateway(recogniser, tmp_path) as first:
            port = first.port
            process = await perch(source, to, first.websocket_url, "--speed", "2")
            await results(to, 1)
            first.process.kill()
            await first.process.wait()
        async with gateway(recogniser, tmp_path, APP_PORT=str(port)) as second:
            await results(to, 3)
            process.send_signal(signal.SIGINT)
            async with asyncio.timeout(60):
                stdout, stderr = await process.communicate()
            assert process.returncode in {0, 130}, stderr
            before = {path.name: path.read_bytes() for path in to.glob("*.json")}
            assert json.loads(stdout)["heard"] == len(before)
            again = await perch(source, to, second.websocket_url)
            async with asyncio.timeout(300):
                stdout, stderr = await again.communicate()
    assert again.returncode == 0, stderr
    said = json.loads(stdout)
    assert (said["whole"], said["heard"]) == (len(before), len(chosen) - len(before))
    for name, data in before.items():
        assert (to / name).read_bytes() == data
    for clip in chosen:
        name = f"{clip.id}{Path(clip.file).suffix}"
        heard = json.loads((to / f"{name}.json").read_text())
        assert bare(heard["text"]) == bare(golden(clip.id).transcript), clip.id
        words = [word["word"] for final in heard["finals"] for word in final["words"]]
        assert bare(" ".join(words)) == bare(heard["text"])
        shown = (to / f"{name}.srt").read_text()
        assert all(word in shown for word in heard["text"].split())
