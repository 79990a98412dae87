"""What people's recordings are answered with: what is in them, what was missing, or how to convert.

The recogniser keeps what it is given and says nothing; that words come back is shown elsewhere. No
test here may leave a traceback in the log (conftest).
"""

import struct
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path

import httpx
import numpy as np
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.recordings import ACCEPTED, read_recording
from tests.support.gateways.running import running_gateway
from tests.support.recordings.making import LINEAR, LOSSY, encoded, promising, speech_like
from tests.support.recordings.ways import Stage, a_stage, upload

pytestmark = pytest.mark.asyncio(loop_scope="module")

RATE = 16_000
SOUND = speech_like(1.0, RATE)
KINDS = [*LINEAR, *LOSSY]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    async with a_stage() as running:
        yield running


async def answer_to(stage: Stage, data: bytes) -> httpx.Response:
    async with httpx.AsyncClient(base_url=stage.gateway.http_url, timeout=60) as http:
        return await http.post("/transcribe/file", files={"file": ("talk.bin", data)})


async def test_a_recording_that_is_whole_has_no_warnings(stage: Stage) -> None:
    answer = await answer_to(stage, encoded(SOUND, RATE, "FLAC", "PCM_24"))
    assert (answer.status_code, answer.json()["warnings"]) == (200, [])


@pytest.mark.parametrize("container", ["WAV", "FLAC", "MP3"])
async def test_what_a_header_promises_too_much_is_no_sound_and_is_told(
    stage: Stage, container: str
) -> None:
    answer = await answer_to(stage, promising(container, SOUND, RATE, 9.8))
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["duration"] == pytest.approx(1.0, abs=0.06)
    [warning] = body["warnings"]
    assert warning.startswith("It ends after 1.0 s, 8.")


@pytest.mark.parametrize(("container", "subtype"), [("WAV", "GSM610"), ("WAV", "MS_ADPCM")])
async def test_what_telephones_record_is_heard(
    stage: Stage, container: str, subtype: str, tmp_path: Path
) -> None:
    rate = 8000 if subtype == "GSM610" else RATE
    data = encoded(speech_like(1.0, rate), rate, container, subtype)
    assert await stage.heard(upload, data, tmp_path) == (rate, read_recording(data).data)


def wav_of(tag: int, bits: int) -> bytes:
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 836, b"WAVE", b"fmt ", 16, tag, 1, 16_000, 32_000, 2, bits,
        b"data", 800,
    ) + bytes(800)  # fmt: skip


@pytest.mark.parametrize(
    ("data", "seems"),
    [
        (b"wvpk" + bytes(400), "WavPack"),
        (wav_of(0x0045, 4), "WAV with G.726 ADPCM in it"),
        (wav_of(0x1234, 16), "WAV with samples of kind 0x1234 in it"),
        (wav_of(1, 64), "WAV with 64-bit unsigned samples"),
    ],
)
async def test_what_cannot_be_decoded_is_415_and_tells_how_to_convert_it(
    stage: Stage, data: bytes, seems: str
) -> None:
    answer = await answer_to(stage, data)
    assert answer.status_code == 415
    body = answer.json()
    assert (body["code"], body["retryable"]) == ("unsupported_audio", False)
    assert body["error"] == (
        f"talk.bin: The recording cannot be decoded; accepted: {ACCEPTED}; it seems to be {seems}; "
        "to convert it: ffmpeg -i FILE -ac 1 -ar 16000 OUTPUT.wav"
    )


@pytest.mark.parametrize(("allowed", "status"), [(False, 415), (True, 200)])
async def test_ffmpeg_is_given_strangers_recordings_only_where_that_is_set(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, allowed: bool, status: int
) -> None:
    """A program in its place hands out what it is given; the real one is in test_ffmpeg.py."""
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\nexec cat\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    async with (
        running_gateway(stage.emulator, audio_ffmpeg=allowed) as gateway,
        httpx.AsyncClient(base_url=gateway.http_url, timeout=60) as http,
    ):
        webm = b"\x1a\x45\xdf\xa3" + bytes(4 * RATE)
        answer = await http.post("/transcribe/file", files={"file": ("talk.webm", webm)})
    assert answer.status_code == status, answer.text
    assert ("it seems to be WebM or Matroska" in answer.text) is not allowed


@cache
def whole(container: str, subtype: str) -> bytes:
    return encoded(SOUND[: RATE // 5], RATE, container, subtype)


@given(
    kind=st.sampled_from(KINDS),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6),
    left=st.floats(0.01, 1),
)
@hypothesis_settings(deadline=None, max_examples=30)
async def test_no_file_is_a_fault_of_the_gateway(
    stage: Stage,
    kind: tuple[str, str],
    changes: list[tuple[float, int]],
    left: float,
) -> None:
    data = bytearray(whole(*kind))
    for place, value in changes:
        data[round(place * min(200, len(data) - 1))] = value
    answer = await answer_to(stage, bytes(data[: max(1, round(left * len(data)))]))
    assert answer.status_code in {200, 400, 415}, answer.text


@pytest.mark.slow
async def test_sixty_megabytes_are_heard_though_no_message_holds_them(
    stage: Stage, tmp_path: Path
) -> None:
    """The recogniser has a model for whole files too, and takes messages of 4 MiB."""
    samples = np.zeros(30_000_000)
    samples[::8000] = 0.5
    data = encoded(samples, 48_000, "WAV", "PCM_16")
    assert len(data) > 60_000_000
    rate, pcm = await stage.heard(upload, data, tmp_path)
    assert rate == 48_000
    assert pcm == data[44:]


async def test_what_only_the_recogniser_knows_to_be_too_large_is_streamed_after_all(
    tmp_path: Path,
) -> None:
    data = encoded(SOUND, RATE, "WAV", "PCM_16")
    async with a_stage(max_message_bytes=20_000) as small:
        rate, pcm = await small.heard(upload, data, tmp_path)
    assert (rate, pcm) == (RATE, data[44:])
