"""OpenAI's own SDKs, at their newest versions, hear real speech through a real gateway.

The recogniser is the emulator's engine: this proves that no word is lost, doubled or moved on the
way, and that the SDKs read every answer; it says nothing about Parakeet's own words.
"""

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from app.emulator import EmulatorSettings
from tests.support import sdk
from tests.support.gateways import processes
from tests.support.recognisers.speech import FIXTURES, clips, few_clips, golden
from tests.support.tools import need
from tests.support.uv import ROOT
from tests.support.words import bare

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("openai"),
    pytest.mark.timeout(600),
    pytest.mark.asyncio(loop_scope="module"),
]

PROGRAM = ROOT / "tests" / "clients" / "openai_program.py"
PAGE = ROOT / "docs" / "clients" / "openai.md"
CLIP = "clean_us_f"
SPOKEN = str(FIXTURES / f"{CLIP}.flac")
TOKEN = "a-token-of-this-test-alone"  # pragma: allowlist secret
SERVED = EmulatorSettings(engine="none").model_name


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def environment(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, str]]:
    """What tells the SDK where the gateway is."""
    at = tmp_path_factory.mktemp("openai")
    async with (
        processes.emulator(at) as recogniser,
        processes.gateway(
            recogniser, at, APP_AUTH_TOKENS=TOKEN, APP_UPLOAD_CLIENT_SHARE="1"
        ) as gateway,
    ):
        yield {"OPENAI_BASE_URL": f"{gateway.url}/v1", "OPENAI_API_KEY": TOKEN}


@pytest.fixture(scope="module")
def python() -> Path:
    return sdk.python_with("openai")


async def program(
    python: Path, environment: dict[str, str], task: str, *recordings: str
) -> dict[str, Any]:
    command = [str(python), "-I", str(PROGRAM), task, *recordings]
    written = await asyncio.to_thread(sdk.run, command, environment=environment)
    found: dict[str, Any] = json.loads(written)
    return found


async def test_every_format_is_read_by_the_sdk_and_has_the_same_words(
    python: Path, environment: dict[str, str]
) -> None:
    found = await program(python, environment, "every_format", SPOKEN)
    expected = bare(golden(CLIP).transcript)
    for name in ("json", "text", "verbose_text", "done"):
        assert bare(found[name]) == expected, name
    assert bare(" ".join(shown_of(found["srt"]))) == expected
    assert bare(" ".join(shown_of(found["vtt"].removeprefix("WEBVTT\n\n")))) == expected
    assert bare(" ".join(word for _, _, word in found["words"])) == expected
    assert bare(" ".join(text for _, _, text in found["segments"])) == expected
    times = [time for start, end, _ in found["words"] for time in (start, end)]
    assert times == sorted(times)
    assert 0 < times[-1] <= found["usage"]["seconds"] == found["verbose"]["duration"]
    assert found["verbose"]["language"] == "en-US"
    *deltas, done = found["events"]
    assert {name for name, _ in deltas} == {"TranscriptionTextDeltaEvent"}
    assert done[0] == "TranscriptionTextDoneEvent"
    assert "".join(delta for _, delta in deltas) == found["done"]
    assert found["models"] == [SERVED]
    assert found["model"] == SERVED


def shown_of(text: str) -> list[str]:
    """What a player shows of SubRip or WebVTT: without numbers and times."""
    cues = text.strip().split("\n\n")
    return [line for cue in cues for line in cue.partition(" --> ")[2].splitlines()[1:]]


async def test_what_goes_wrong_is_raised_as_the_class_that_its_status_has(
    python: Path, environment: dict[str, str]
) -> None:
    found = await program(python, environment, "errors", SPOKEN)
    assert found["format"][:3] == ["BadRequestError", "bad_request", "response_format"]
    assert found["model"][:2] == ["NotFoundError", "model_not_found"]
    assert SERVED in found["model"][3]
    assert found["language"][:2] == ["BadRequestError", "asr_rejected"]
    assert found["audio"][:2] == ["BadRequestError", "unsupported_audio"]
    assert found["key"][:2] == ["AuthenticationError", "invalid_api_key"]
    assert "Translation is not offered" in found["translation"]


async def test_recordings_posted_at_once_are_not_mixed_up(
    python: Path, environment: dict[str, str]
) -> None:
    some = [clip for clip in few_clips() if clip.text][:4]
    found = await program(
        python, environment, "at_once", *(str(FIXTURES / clip.file) for clip in some)
    )
    for clip in some:
        assert bare(found[Path(clip.file).stem]) == bare(golden(clip.id).transcript), clip.id


async def test_every_recording_has_the_words_that_the_engine_hears_in_it(
    python: Path, environment: dict[str, str]
) -> None:
    files = [str(FIXTURES / clip.file) for clip in clips()]
    found = await program(python, environment, "texts", *files)
    assert {clip.id: bare(found[Path(clip.file).stem]) for clip in clips()} == {
        clip.id: bare(golden(clip.id).transcript) for clip in clips()
    }


@pytest.mark.tool
async def test_the_sdk_for_javascript_reads_the_same(environment: dict[str, str]) -> None:
    node = need("node", "nodejs")
    folder = sdk.node_project("openai", node, need("npm", "npm"))
    script = folder / "program.mjs"
    script.write_text(PROGRAM.with_suffix(".mjs").read_text(encoding="utf-8"), encoding="utf-8")
    command = [node, str(script), SPOKEN]
    found = json.loads(
        await asyncio.to_thread(sdk.run, command, cwd=folder, environment=environment)
    )
    expected = bare(golden(CLIP).transcript)
    assert bare(found["json"]) == bare(found["verbose"]) == bare(found["done"]) == expected
    assert "".join(found["deltas"]) == found["done"]
    assert bare(" ".join(word["word"] for word in found["words"])) == expected
    assert bare(" ".join(shown_of(found["srt"]))) == expected
    assert found["refusal"] == ["NotFoundError", 404, "model_not_found"]
    assert found["models"] == [SERVED]


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


async def test_the_pages_examples_do_what_they_say(
    python: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    assert len(examples("python")) == 2
    shutil.copy(SPOKEN, tmp_path / "talk.wav")
    heard = []
    for example in examples("python"):
        text = example.replace("https://speech.example.org/v1", environment["OPENAI_BASE_URL"])
        assert text != example
        assert 'os.environ["PERCH_TOKEN"]' in text
        (tmp_path / "example.py").write_text(text)
        own = {"PERCH_TOKEN": environment["OPENAI_API_KEY"]}
        command = [str(python), "-I", "example.py"]
        heard.append(await asyncio.to_thread(sdk.run, command, cwd=tmp_path, environment=own))
    for text in heard:
        assert bare(text) == bare(golden(CLIP).transcript)
