"""NVIDIA's own realtime client, at its newest version, hears real speech through a real gateway.

The recogniser is the emulator's engine: this proves that no word is lost or doubled on the way, and
that the client reads every event; it says nothing about Parakeet's own words, nor about a NIM's.
"""

import asyncio
import json
import re
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import soundfile

from tests.support import sdk
from tests.support.gateways import processes
from tests.support.gateways.processes import Running
from tests.support.recognisers.speech import FIXTURES, golden
from tests.support.uv import ROOT
from tests.support.words import bare

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("nim"),
    pytest.mark.timeout(600),
    pytest.mark.asyncio(loop_scope="module"),
]

PROGRAM = ROOT / "tests" / "clients" / "nim_program.py"
PAGE = ROOT / "docs" / "clients" / "nim.md"
TOKEN = "a-token-of-this-test-alone"  # pragma: allowlist secret
CLIPS = ("clean_us_f", "fast_gb_m", "accent_gb_f", "numbers_us_f", "pauses")
SETTINGS = {
    "APP_AUTH_TOKENS": TOKEN,
    "WS_CLIENT_SHARE": "1",
    # The engine on a busy machine is slower than the audio comes.
    "WS_STALL_TIMEOUT_S": "300",
    "WS_FINAL_TIMEOUT_S": "300",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    at = tmp_path_factory.mktemp("nim")
    async with (
        processes.emulator(at) as recogniser,
        processes.gateway(recogniser, at, **SETTINGS) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def python() -> Path:
    return sdk.python_with("nvidia-riva-client", "requests", module="riva.client.realtime")


def wav(clip: str, folder: Path) -> Path:
    samples, rate = soundfile.read(FIXTURES / f"{clip}.flac", dtype="int16")
    path = folder / f"{clip}.wav"
    soundfile.write(path, samples, rate, subtype="PCM_16")
    return path


async def test_its_client_hears_every_word_of_files_that_it_sends_unpaced(
    python: Path, gateway: Running, tmp_path: Path
) -> None:
    files = [str(wav(clip, tmp_path)) for clip in CLIPS]
    server = gateway.url.removeprefix("http://")
    command = [str(python), "-I", str(PROGRAM), server, TOKEN, *files]
    found: dict[str, Any] = json.loads(await asyncio.to_thread(sdk.run, command, environment={}))
    for clip in CLIPS:
        heard = found[clip]
        assert not heard["errors"], heard["errors"]
        assert heard["completed"]
        assert bare(" ".join(heard["finals"])) == bare(golden(clip).transcript), clip
        # What the script saves: the words that were last, not nothing.
        assert heard["last"] == heard["finals"][-1]
        assert heard["interims"] or len(heard["finals"]) > 1


async def test_the_pages_example_does_what_it_says(gateway: Running, tmp_path: Path) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    shutil.move(wav("clean_us_f", tmp_path), tmp_path / "talk.wav")
    text = example.replace("https://speech.example.org", gateway.url)
    text = text.replace("wss://speech.example.org", gateway.url.replace("http:", "ws:"))
    assert "example.org" not in text
    (tmp_path / "example.py").write_text(text)
    command = [sys.executable, "-I", "example.py"]
    own = {"PERCH_TOKEN": TOKEN}
    heard = await asyncio.to_thread(sdk.run, command, cwd=tmp_path, environment=own)
    assert bare(heard) == bare(golden("clean_us_f").transcript)
