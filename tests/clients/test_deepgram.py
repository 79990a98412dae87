"""Deepgram's own SDKs, at their newest versions, hear real speech through a real gateway.

The recogniser is the emulator's engine: this proves that no word is lost, doubled or moved on the
way, and that the SDKs read every message; it says nothing about Parakeet's own words.
"""

import asyncio
import hashlib
import json
import re
import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import soundfile

from tests.support import sdk
from tests.support.gateways import processes
from tests.support.recognisers.speech import FIXTURES, FixtureClip, clips, golden
from tests.support.uv import ROOT
from tests.support.words import bare

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("deepgram"),
    pytest.mark.timeout(600),
    pytest.mark.asyncio(loop_scope="module"),
]

PROGRAM = ROOT / "tests" / "clients" / "deepgram_program.py"
PAGE = ROOT / "docs" / "clients" / "deepgram.md"
CLIP = "clean_us_f"
TOKEN = "a-token-of-this-test-alone"  # pragma: allowlist secret


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def environment(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mapping[str, str]]:
    """What tells the program where the gateway is."""
    at = tmp_path_factory.mktemp("deepgram")
    async with (
        processes.emulator(at) as recogniser,
        processes.gateway(
            recogniser, at, APP_AUTH_TOKENS=TOKEN, APP_UPLOAD_CLIENT_SHARE="1"
        ) as gateway,
    ):
        yield {"PERCH_URL": gateway.url, "PERCH_TOKEN": TOKEN}


@pytest.fixture(scope="module")
def python() -> Path:
    return sdk.python_with("deepgram-sdk", module="deepgram")


async def program(
    python: Path, environment: Mapping[str, str], task: str, *files: Path
) -> dict[str, Any]:
    command = [str(python), "-I", str(PROGRAM), task, *map(str, files)]
    written = await asyncio.to_thread(sdk.run, command, environment=environment)
    found: dict[str, Any] = json.loads(written)
    return found


def samples_of(clip: FixtureClip, folder: Path) -> Path:
    """Write a recording's samples without a header."""
    samples, _ = soundfile.read(FIXTURES / clip.file, dtype="int16")
    path = folder / f"{clip.id}.raw"
    path.write_bytes(samples.tobytes())
    return path


def some(at_most: int) -> list[FixtureClip]:
    """Return recordings of speech at the rate that the program says."""
    found = [clip for clip in clips() if clip.text and clip.sample_rate == 16_000]
    return sorted(found, key=lambda clip: clip.id != CLIP)[:at_most]


async def test_the_words_and_times_are_the_engines(
    python: Path, environment: Mapping[str, str], tmp_path: Path
) -> None:
    found = await program(python, environment, "live", samples_of(some(1)[0], tmp_path))
    expected = bare(golden(CLIP).transcript)
    for name in ("plain", "finalized"):
        heard = found[name]
        assert bare(heard["text"]) == expected, name
        assert bare(" ".join(word for word, _, _ in heard["words"])) == expected
        times = [time for _, start, end in heard["words"] for time in (start, end)]
        assert times == sorted(times)
        assert 0 < times[-1] <= heard["duration"]
        borders = [border for one in heard["ranges"] for border in one]
        assert borders == sorted(borders)
        assert heard["interims"] > 0
        assert heard["kinds"][-1] == "ListenV1Metadata"
        # A close that the SDK takes for an error would stand before.
        assert heard["events"] == ["close"]
        assert len(heard["request_ids"]) == 1
    assert "ListenV1SpeechStarted" in found["finalized"]["kinds"]


async def test_recordings_have_the_words_that_the_engine_hears_in_them(
    python: Path, environment: Mapping[str, str], tmp_path: Path
) -> None:
    chosen = some(5)
    assert len(chosen) == 5
    files = [samples_of(clip, tmp_path) for clip in chosen]
    found = await program(python, environment, "texts", *files)
    assert {clip.id: bare(found[clip.id]) for clip in chosen} == {
        clip.id: bare(golden(clip.id).transcript) for clip in chosen
    }


async def test_what_is_refused_is_raised_with_its_status(
    python: Path, environment: Mapping[str, str], tmp_path: Path
) -> None:
    found = await program(python, environment, "errors", samples_of(some(1)[0], tmp_path))
    assert found == {"diarize": 400, "model": 400, "encoding": 400, "key": 401}


async def test_a_file_that_is_posted_has_the_same_words(
    python: Path, environment: Mapping[str, str]
) -> None:
    found = await program(python, environment, "rest", FIXTURES / f"{CLIP}.flac")
    expected = bare(golden(CLIP).transcript)
    assert bare(found["text"]) == expected
    assert bare(" ".join(word for word, _, _ in found["words"])) == expected
    assert bare(" ".join(found["utterances"])) == expected
    digest = hashlib.sha256((FIXTURES / f"{CLIP}.flac").read_bytes()).hexdigest()
    assert found["metadata"]["sha256"] == digest
    assert found["words"][-1][2] <= found["metadata"]["duration"]


def examples() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


async def test_the_pages_examples_do_what_they_say(
    python: Path, environment: Mapping[str, str], tmp_path: Path
) -> None:
    assert len(examples()) == 2
    shutil.copy(FIXTURES / f"{CLIP}.flac", tmp_path / "talk.wav")
    url = environment["PERCH_URL"]
    for example in examples():
        text = example.replace("https://speech.example.org", url)
        text = text.replace("wss://speech.example.org", url.replace("http", "ws", 1))
        assert "example.org" not in text
        (tmp_path / "example.py").write_text(text)
        command = [str(python), "-I", "example.py"]
        own = {"PERCH_TOKEN": environment["PERCH_TOKEN"]}
        heard = await asyncio.to_thread(sdk.run, command, cwd=tmp_path, environment=own)
        assert bare(heard) == bare(golden(CLIP).transcript)
