"""NVIDIA's own client, as it is installed, hears real speech through a real gateway, over TLS.

The recogniser is the emulator's engine: this proves that no word is lost, doubled or moved on the
way; it says nothing about Parakeet's own words.
"""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import riva.client
import soundfile
import trustme

from app.emulator import Emulator, EmulatorSettings, Script, StreamScript, serve
from app.emulator.scripting.script import After, Fail
from tests.support.certificates import pair_in, put
from tests.support.gateways.running import Running, running_gateway
from tests.support.recognisers.speech import FIXTURES, FixtureClip, clips, golden, pcm
from tests.support.uv import ROOT
from tests.support.words import bare

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("engine"),
    pytest.mark.asyncio(loop_scope="module"),
]

PAGE = ROOT / "docs" / "clients" / "riva.md"
ADDRESS = "speech.example.org:50051"
TOKEN = "a-token-for-clients-of-riva"  # pragma: allowlist secret
CLIP = "clean_us_f"
FRAME_S = 0.1


@dataclass(frozen=True)
class Speech:
    """A gateway in front of the engine, and the file of the authority that it is known by."""

    emulator: Emulator
    gateway: Running
    authority: Path

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.gateway.grpc_port}"

    def service(self) -> Any:  # noqa: ANN401 - NVIDIA's client is untyped
        auth = riva.client.Auth(
            ssl_root_cert=str(self.authority),
            uri=self.address,
            metadata_args=[["authorization", f"Bearer {TOKEN}"]],
        )
        return riva.client.ASRService(auth)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def speech(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Speech]:
    at, authority = tmp_path_factory.mktemp("riva"), trustme.CA()
    pair, roots = pair_in(at, "gateway"), at / "ca.pem"
    put(pair, authority.issue_cert("127.0.0.1"))
    roots.write_bytes(authority.cert_pem.bytes())
    async with (
        serve(EmulatorSettings()) as emulator,
        running_gateway(
            emulator,
            app_grpc_port=0,
            app_auth_tokens=TOKEN,
            app_ssl_cert=pair.certificate,
            app_ssl_key=pair.key,
            # A killed recogniser is away for as long as it takes here.
            riva={"outage_limit_s": 30.0},
        ) as gateway,
    ):
        yield Speech(emulator, gateway, roots)


def spoken() -> list[FixtureClip]:
    return [clip for clip in clips() if clip.text][:5]


def config(rate: int, **more: Any) -> Any:  # noqa: ANN401 - NVIDIA's client is untyped
    chosen = {"encoding": riva.client.AudioEncoding.LINEAR_PCM, "sample_rate_hertz": rate}
    return riva.client.RecognitionConfig(
        **chosen, language_code="en-US", enable_automatic_punctuation=True, **more
    )


def streamed(speech: Speech, clip: FixtureClip) -> list[Any]:
    """Send a recording as fast as it is taken, and return the results."""
    samples, rate = pcm(FIXTURES / clip.file)
    data, size = samples.astype("<i2").tobytes(), 2 * int(rate * FRAME_S)

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(data), size):
            yield data[start : start + size]

    asked = riva.client.StreamingRecognitionConfig(
        config=config(rate, enable_word_time_offsets=True), interim_results=True
    )
    answers = speech.service().streaming_response_generator(chunks(), asked)
    return [result for response in answers for result in response.results]


def text_of(results: list[Any]) -> str:
    return "".join(one.alternatives[0].transcript for one in results if one.is_final)


async def test_streams_have_the_words_that_the_engine_hears_directly(speech: Speech) -> None:
    for clip in clips():
        results = await asyncio.to_thread(streamed, speech, clip)
        assert bare(text_of(results)) == bare(golden(clip.id).transcript), clip.id
        words = [word for one in results if one.is_final for word in one.alternatives[0].words]
        assert bare(" ".join(word.word for word in words)) == bare(text_of(results))
        times = [time for word in words for time in (word.start_time, word.end_time)]
        assert times == sorted(times)
        assert all(0 <= time <= clip.seconds * 1000 + 1 for time in times)


async def test_recordings_have_the_same_words_in_one_message(speech: Speech) -> None:
    for clip in spoken():
        content = (FIXTURES / clip.file).read_bytes()
        asked = riva.client.RecognitionConfig(
            language_code="en-US", enable_automatic_punctuation=True
        )
        answer = await asyncio.to_thread(speech.service().offline_recognize, content, asked)
        text = "".join(one.alternatives[0].transcript for one in answer.results)
        assert bare(text) == bare(golden(clip.id).transcript), clip.id


async def test_a_recogniser_that_dies_in_the_middle_costs_no_word(speech: Speech) -> None:
    clip = next(clip for clip in clips() if clip.id == CLIP)
    dies = Fail.model_validate(
        {"do": "fail", "after": After(audio_seconds=2.0), "status": "UNAVAILABLE", "message": "no"}
    )
    before = len(speech.emulator.streams)
    speech.emulator.set_script(Script(streams=(StreamScript(fault=dies), StreamScript())))
    try:
        results = await asyncio.to_thread(streamed, speech, clip)
    finally:
        speech.emulator.set_script(Script())
    assert len(speech.emulator.streams) == before + 2
    assert bare(text_of(results)) == bare(golden(clip.id).transcript)


def examples() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", [0, 1])
async def test_the_pages_programs_do_what_they_say(
    speech: Speech, tmp_path: Path, number: int
) -> None:
    assert len(examples()) == 2
    example = examples()[number]
    assert example.count(ADDRESS) == 1
    (tmp_path / "example.py").write_text(example.replace(ADDRESS, speech.address))
    samples, rate = pcm(FIXTURES / f"{CLIP}.flac")
    soundfile.write(tmp_path / "talk.wav", samples, rate)
    own = {
        "PATH": os.environ["PATH"],
        "PERCH_TOKEN": TOKEN,
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(speech.authority),
    }
    running = await asyncio.create_subprocess_exec(
        sys.executable, "example.py", cwd=tmp_path, env=own, stdout=asyncio.subprocess.PIPE
    )
    written, _ = await running.communicate()
    assert running.returncode == 0
    assert bare(written.decode()) == bare(golden(CLIP).transcript)
