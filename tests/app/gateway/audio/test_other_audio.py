"""Live sessions whose clients send something else than the samples they announced.

Does not prove what a real Safari's recorder makes: its container is made by ffmpeg here.
"""

import asyncio
import base64
import io
import json
import subprocess
import threading
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from app.contract import Dialect
from app.contract.disguised import audio_in_text, text_in_audio
from app.emulator import EmulatorSettings, serve
from app.recordings.streamed import THREAD
from tests.support.gateways.running import (
    PATH_B,
    SILENCE_100MS,
    Running,
    client,
    eventually,
    running_gateway,
    said,
    said_until,
    send,
)
from tests.support.recognisers.speech import FIXTURES, golden
from tests.support.tools import need
from tests.support.words import bare

CLIP = "fast_gb_m"
SPOKEN = FIXTURES / f"{CLIP}.flac"
PIECE = 3000
SAMPLES = np.random.default_rng(3).integers(-9000, 9000, 800, dtype="<i2")
BASE64 = base64.b64encode(SAMPLES.tobytes()).decode()


def container(kind: str) -> bytes:
    """The clip in a container, as a client would send it piece by piece."""
    if kind == "webm":
        command = [need("ffmpeg", "ffmpeg"), "-loglevel", "error", "-i", str(SPOKEN)]
        command += ["-c:a", "libopus", "-f", "webm", "pipe:1"]
        return subprocess.run(command, capture_output=True, check=True).stdout
    file = io.BytesIO()
    audio, rate = soundfile.read(SPOKEN)
    soundfile.write(file, audio, rate, format=kind.upper())
    return file.getvalue()


def decoders() -> list[threading.Thread]:
    """The threads that decode a live recording now."""
    return [thread for thread in threading.enumerate() if thread.name == THREAD]


async def heard_in(gateway: Running, messages: list[bytes]) -> list[dict[str, Any]]:
    """What a session says that gets these messages and is then stopped."""
    async with client(gateway) as socket:
        await send(socket, "start_transcription", resumable=True)
        await said_until(socket, "session_started")
        reading = asyncio.create_task(said_until(socket, "session_stopped"))
        for message in messages:
            await socket.send(message)
        await send(socket, "stop_transcription")
        return await reading


def of_type(said: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [message for message in said if message["type"] == kind]


@pytest.mark.tool
@pytest.mark.xdist_group("engine")
async def test_a_container_is_decoded_while_it_comes_and_its_client_told_once() -> None:
    async with (
        serve(EmulatorSettings()) as emulator,
        running_gateway(emulator, audio_ffmpeg=True) as gateway,
    ):
        for kind, name in (("wav", "WAV"), ("ogg", "OGG"), ("webm", "WebM or Matroska")):
            data = container(kind)
            pieces = [data[at : at + PIECE] for at in range(0, len(data), PIECE)]
            heard = await heard_in(gateway, pieces)
            (warning,) = of_type(heard, "warning")
            assert warning["code"] == "not_samples"
            assert f"seems to be {name} and is decoded" in warning["warning"]
            finals = of_type(heard, "transcription")
            # As WER does: a coder may cost a comma.
            words = bare(" ".join(final["text"] for final in finals))
            assert words == bare(golden(CLIP).transcript)
            assert {final["resume"] for final in finals} == {None}
    assert not decoders()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("messages", "name"),
    [
        ([b'{"type": "stop_transcription"}'], "JSON text"),
        ([BASE64.encode()], "base64 text"),
        ([b"wvpk" + bytes(3000), bytes(3000)], "WavPack"),
        ([b"<!doctype html>" + b"<p>bad gateway</p>" * 10], "an HTML page"),
    ],
    ids=["json", "base64", "wavpack", "html"],
)
async def test_what_cannot_be_heard_is_named_once_and_never_taken_for_sound(
    gateway: Running, messages: list[bytes], name: str
) -> None:
    heard = await heard_in(gateway, [*messages, *messages])
    (warning,) = of_type(heard, "warning")
    assert f"seems to be {name} and is not heard" in warning["warning"]
    assert "send pcm16 samples at 16000 Hz as binary messages" in warning["warning"]
    assert heard[-1]["audio_seconds"] == 0.0


@pytest.mark.asyncio(loop_scope="module")
async def test_json_among_samples_is_left_out_and_the_samples_are_heard(gateway: Running) -> None:
    messages = [SILENCE_100MS, b'{"type": "ping"}', SILENCE_100MS]
    assert (await heard_in(gateway, messages))[-1]["audio_seconds"] == pytest.approx(0.2)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_container_that_breaks_off_at_once_is_told_and_the_session_goes_on(
    gateway: Running,
) -> None:
    broken = b"fLaC" + bytes(5000)
    heard = await heard_in(gateway, [broken, SILENCE_100MS])
    told = [warning["warning"] for warning in of_type(heard, "warning")]
    assert "is decoded" in told[0]
    assert "not heard any further" in told[1]
    assert heard[-1]["type"] == "session_stopped"


@pytest.mark.asyncio(loop_scope="module")
async def test_a_client_that_leaves_in_the_middle_of_a_container_leaves_no_thread(
    gateway: Running,
) -> None:
    async with client(gateway) as socket:
        await send(socket, "start_transcription")
        await socket.send(container("flac")[:9000])
        await said_until(socket, "warning")
        await eventually(lambda: len(decoders()) == 1)
    async with asyncio.timeout(20):
        while decoders():  # noqa: ASYNC110 - a thread's end is no event of the loop
            await asyncio.sleep(0.01)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("path", ["/", PATH_B])
@pytest.mark.parametrize(
    ("text", "name"),
    [
        (BASE64, "base64 text"),
        (f"data:audio/wav;base64,{BASE64}", "base64 text"),
        (json.dumps({"type": "audio", "audio": BASE64}), "base64 inside JSON"),
        (json.dumps({"event": "media", "media": {"payload": BASE64}}), "base64 inside JSON"),
        (json.dumps({"type": "audio", "audio": SAMPLES.tolist()}), "numbers inside JSON"),
    ],
    ids=["base64", "data URL", "field", "nested", "numbers"],
)
async def test_audio_sent_as_text_is_told_once_beside_the_error(
    gateway: Running, path: str, text: str, name: str
) -> None:
    async with client(gateway, path) as socket:
        for _ in range(2):
            await socket.send(text)
        await send(socket, "finalize")
        heard = [await said(socket)]
        while heard[-1].get("code") != "no_active_session":
            heard.append(await said(socket))
    told = [message for message in heard if message.get("code") == "not_samples"]
    assert len(told) == 1
    assert f"seems to be {name} and is not heard" in told[0]["warning"]


@pytest.mark.parametrize("dialect", Dialect)
def test_the_dialects_own_long_messages_carry_no_audio(dialect: Dialect) -> None:
    start = {"type": "start_transcription", "resume": "A" * 900, "hotwords": ["word"] * 90}
    text = json.dumps(start if dialect is Dialect.A else {**start, "type": "start_recording"})
    assert audio_in_text(dialect, text) is None


@given(text=st.text(max_size=600), dialect=st.sampled_from(Dialect))
def test_any_text_is_judged_without_an_error(text: str, dialect: Dialect) -> None:
    audio_in_text(dialect, text)


@given(st.binary(max_size=600))
def test_any_bytes_are_judged_without_an_error(message: bytes) -> None:
    text_in_audio(message)


@given(seed=st.integers(0, 2**32 - 1), level=st.integers(0, 32767), length=st.integers(0, 1600))
def test_samples_of_sound_are_never_taken_for_text(seed: int, level: int, length: int) -> None:
    samples = np.random.default_rng(seed).integers(-level, level + 1, length, dtype=np.int64)
    assert text_in_audio(samples.astype("<i2").tobytes()) is None
