"""Old clients of both dialects stream a recording in real time and lose no word.

They are written over raw `websockets`. The recogniser is the emulator's engine on real speech: this
proves the path, not Parakeet's hearing.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import soundfile
from websockets.asyncio.client import connect

from app.emulator import EmulatorSettings, serve
from tests.support.gateways.running import PATH_B, Running, running_gateway, said, said_until, send
from tests.support.recognisers.speech import FIXTURES, golden
from tests.support.words import bare

pytestmark = pytest.mark.xdist_group("engine")

CLIP = "fast_gb_m"
FRAME_S = 0.1


@dataclass(frozen=True)
class OldClient:
    """What differs between the predecessor's two kinds of client."""

    path: str
    start: str
    started: str
    stop: str
    stopped: str
    encoding: str

    def message(self) -> dict[str, Any]:
        """Return what the start message carries, as the old clients sent it."""
        if self.path == PATH_B:
            return {"config": {"sample_rate": 16000, "encoding": "float32", "language": "en-US"}}
        return {"enable_partials": True, "hotwords": []}


CLIENTS = (
    OldClient(
        "/", "start_transcription", "session_started", "stop_transcription", "session_stopped", "i2"
    ),
    OldClient(
        PATH_B, "start_recording", "recording_started", "stop_recording", "recording_stopped", "f4"
    ),
)


async def stream(gateway: Running, client: OldClient, audio: np.ndarray) -> list[dict[str, Any]]:
    """Send the recording as a microphone would; return everything that was said."""
    samples = audio if client.encoding == "f4" else np.rint(audio * 32767)
    data = samples.astype(f"<{client.encoding}").tobytes()
    size = int(16_000 * FRAME_S) * np.dtype(client.encoding).itemsize
    async with connect(gateway.url + client.path) as socket:
        assert (await said(socket))["type"] == "connection"
        await send(socket, client.start, **client.message())
        assert (await said(socket))["type"] == client.started
        reading = asyncio.create_task(said_until(socket, client.stopped))
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for number, start in enumerate(range(0, len(data), size), 1):
            await socket.send(data[start : start + size])
            # The pace of a microphone, which is what is under test.
            await asyncio.sleep(max(0.0, begun + number * FRAME_S - loop.time()))
        await send(socket, client.stop)
        return await reading


async def test_both_dialects_give_interims_word_times_and_every_last_word() -> None:
    audio, rate = soundfile.read(FIXTURES / f"{CLIP}.flac", dtype="float32")
    assert rate == 16_000
    seconds = len(audio) / rate
    async with serve(EmulatorSettings()) as emulator, running_gateway(emulator) as gateway:
        heard_by = await asyncio.gather(*(stream(gateway, client, audio) for client in CLIENTS))
    for client, heard in zip(CLIENTS, heard_by, strict=True):
        finals = [message for message in heard if message["type"] == "transcription"]
        interims = [message for message in heard if message["type"] == "partial"]
        texts = [message["text"] for message in finals]
        assert [bare(text) for text in texts] == [bare(final) for final in golden(CLIP).finals]
        assert interims
        assert all(message["segment_id"] == 0 for message in interims)
        words = [word for message in finals for word in message["words"]]
        assert " ".join(word["word"] for word in words) == " ".join(texts)
        times = [time for word in words for time in (word["start"], word["end"])]
        assert times == sorted(times)
        # Seconds, not milliseconds: the predecessor's dialect A passed milliseconds on.
        assert 1.0 < times[-1] <= seconds
        assert heard[-1]["type"] == client.stopped
    assert bare(heard_by[1][-1]["final_transcript"]) == bare(golden(CLIP).transcript)
