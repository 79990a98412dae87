"""OpenAI's realtime SDK, at its newest version, hears real speech through a real gateway.

The recogniser is the emulator's engine: this proves that no word is lost, doubled or taken back on
the way; it says nothing about Parakeet's own words.
"""

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from time import time
from typing import Any

import pytest
import pytest_asyncio
import soundfile
import soxr
import trustme

from app.emulator import serve
from app.emulator.engine.recogniser import WhisperRecogniser
from app.emulator.settings import EmulatorSettings
from tests.support import sdk
from tests.support.certificates import pair_in, put, put_authorities
from tests.support.gateways import processes
from tests.support.gateways.running import running_gateway
from tests.support.recognisers.speech import FIXTURES, clips, few_clips, golden, hear
from tests.support.tools import need
from tests.support.uv import ROOT
from tests.support.words import bare

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("openai"),
    pytest.mark.timeout(600),
    pytest.mark.asyncio(loop_scope="module"),
]

PROGRAM = ROOT / "tests" / "clients" / "openai_realtime_program.py"
PAGE = ROOT / "docs" / "clients" / "openai-realtime.md"
TOKEN = "a-token-of-this-test-alone"  # pragma: allowlist secret
SETTINGS = {
    "APP_AUTH_TOKENS": TOKEN,
    "WS_CLIENT_SHARE": "1",
    # The engine on a busy machine is slower than the audio comes.
    "WS_STALL_TIMEOUT_S": "300",
    "WS_FINAL_TIMEOUT_S": "300",
}
RATE = 24_000
AT_24_KHZ = ("clean_us_f", "fast_gb_m", "accent_gb_f", "numbers_us_f", "noise_pink_20dB")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def environment(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, str]]:
    """What tells the SDK where the gateway is."""
    at = tmp_path_factory.mktemp("realtime")
    async with (
        processes.emulator(at) as recogniser,
        processes.gateway(recogniser, at, **SETTINGS) as gateway,
    ):
        yield {
            "OPENAI_BASE_URL": f"{gateway.url}/v1",
            "OPENAI_API_KEY": TOKEN,
        }


@pytest.fixture(scope="module")
def python() -> Path:
    return sdk.python_with("openai", "openai[realtime]")


async def program(
    python: Path, environment: dict[str, str], task: str, recordings: Sequence[Path | str]
) -> dict[str, Any]:
    command = [str(python), "-I", str(PROGRAM), task, *map(str, recordings)]
    written = await asyncio.to_thread(sdk.run, command, environment=environment)
    found: dict[str, Any] = json.loads(written)
    return found


def at_its_rate(clip_file: str, folder: Path) -> Path:
    """Write a recording as WAV, every sample as it is."""
    samples, rate = soundfile.read(FIXTURES / clip_file, dtype="int16")
    path = folder / f"{Path(clip_file).stem}.wav"
    soundfile.write(path, samples, rate, subtype="PCM_16")
    return path


def at_24_khz(clip: str, folder: Path) -> Path:
    """Write a recording as WAV at the rate that OpenAI's clients have."""
    samples, rate = soundfile.read(FIXTURES / f"{clip}.flac", dtype="int16")
    path = folder / f"{clip}.wav"
    soundfile.write(path, soxr.resample(samples, rate, RATE), RATE, subtype="PCM_16")
    return path


def transcript(heard: dict[str, Any]) -> list[str]:
    return bare(" ".join(text for _, text in heard["items"]))


def check_deltas(heard: dict[str, Any]) -> int:
    """Check that deltas are their transcript, or stop before it; return how many were whole."""
    whole = 0
    for deltas, text in heard["items"]:
        told, said = bare(deltas), bare(text)
        if told == said:
            whole += 1
        else:
            # The final took something back: what was told stands, and nothing follows it.
            assert len(told) < len(said) or told[: len(said)] != said
            assert told != said[: len(told)], (deltas, text)
    return whole


async def test_recordings_of_each_kind_have_their_words_with_server_vad(
    python: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    some = [clip for clip in few_clips() if clip.text]
    files = [
        f"{at_its_rate(clip.file, tmp_path)}={len(golden(clip.id).transcript.split())}"
        for clip in some
    ]
    found = await program(python, environment, "turns", files)
    assert {name: transcript(heard) for name, heard in found.items()} == {
        clip.id: bare(golden(clip.id).transcript) for clip in some
    }
    whole = sum(check_deltas(heard) for heard in found.values())
    items = sum(len(heard["items"]) for heard in found.values())
    assert whole >= 0.9 * items, (whole, items)
    assert {"input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"} <= {
        kind for heard in found.values() for kind in heard["types"]
    }
    spoken = found["clean_us_f"]
    assert "ConversationItemInputAudioTranscriptionDeltaEvent" in spoken["classes"]
    assert spoken["hello"] == "session.created"
    assert spoken["answer"] == "session.updated"


async def test_a_commit_has_the_same_words_in_one_item(
    python: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    some = [clip for clip in clips() if clip.id in AT_24_KHZ]
    files = [at_its_rate(clip.file, tmp_path) for clip in some]
    found = await program(python, environment, "commits", files)
    for clip in some:
        heard = found[clip.id]
        assert transcript(heard) == bare(golden(clip.id).transcript), clip.id
        assert len(heard["items"]) == 1
        assert heard["seconds"] == pytest.approx(clip.seconds, abs=0.01)
        check_deltas(heard)


async def test_24_khz_has_the_words_that_the_engine_hears_in_it(
    python: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    files = [at_24_khz(clip, tmp_path) for clip in AT_24_KHZ]
    found = await program(python, environment, "commits", files)
    engine = WhisperRecogniser(EmulatorSettings())
    await engine.load()
    try:
        for file in files:
            finals = await hear(engine, file)
            expected = bare(" ".join(final.text or "" for final in finals))
            assert transcript(found[file.stem]) == expected, file.stem
            assert expected
    finally:
        await engine.aclose()


async def test_a_page_goes_by_a_secret_of_its_own(
    python: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    found = await program(python, environment, "browser", [at_24_khz("clean_us_f", tmp_path)])
    assert transcript(found) == bare(golden("clean_us_f").transcript)
    assert found["turn_detection"] is None
    assert found["expires_at"] == pytest.approx(time() + 60, abs=120)
    assert found["refused"][:2] == ["RealtimeErrorEvent", "session.type"]


@pytest.mark.tool
async def test_the_sdk_for_javascript_hears_the_same(tmp_path: Path) -> None:
    """It connects by TLS alone."""
    node = need("node", "nodejs")
    folder = sdk.node_project("openai", node, need("npm", "npm"), "ws")
    script = folder / "realtime.mjs"
    script.write_text(PROGRAM.with_suffix(".mjs").read_text(encoding="utf-8"), encoding="utf-8")
    authority, pair = trustme.CA(), pair_in(tmp_path, "gateway")
    put(pair, authority.issue_cert("127.0.0.1"))
    put_authorities(tmp_path / "ca.pem", authority)
    encrypted: dict[str, Any] = {
        "app_ssl_cert": str(pair.certificate),
        "app_ssl_key": str(pair.key),
    }
    async with (
        serve(EmulatorSettings()) as emulator,
        running_gateway(emulator, app_auth_tokens=TOKEN, **encrypted) as gateway,
    ):
        written = await asyncio.to_thread(
            sdk.run,
            [node, str(script), str(at_24_khz("clean_us_f", tmp_path))],
            cwd=folder,
            environment={
                "OPENAI_BASE_URL": f"{gateway.http_url.replace('http:', 'https:')}/v1",
                "OPENAI_API_KEY": TOKEN,
                "NODE_EXTRA_CA_CERTS": str(tmp_path / "ca.pem"),
            },
        )
    found = json.loads(written)
    assert bare(found["transcript"]) == bare(golden("clean_us_f").transcript)
    assert bare("".join(found["deltas"])) == bare(found["transcript"])
    assert found["types"][:2] == ["session.created", "session.updated"]


async def test_the_pages_example_does_what_it_says(
    python: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    shutil.move(at_24_khz("clean_us_f", tmp_path), tmp_path / "talk.wav")
    text = example.replace("https://speech.example.org/v1", environment["OPENAI_BASE_URL"])
    assert text != example
    (tmp_path / "example.py").write_text(text)
    command = [str(python), "-I", "example.py"]
    own = {"PERCH_TOKEN": environment["OPENAI_API_KEY"]}
    heard = await asyncio.to_thread(sdk.run, command, cwd=tmp_path, environment=own)
    assert bare(heard) == bare(golden("clean_us_f").transcript)
