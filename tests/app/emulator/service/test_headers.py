"""Streams whose audio says what it is, and the session that listens for it.

What is heard is compared sample by sample with what the decoder of recordings makes of the same
file; that this is right is proved with the recordings (tests/app/recordings).
"""

import asyncio
import io
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from typing import Any

import grpc
import numpy as np
import pytest
import riva.client.proto.riva_asr_pb2 as asr
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from app.emulator import Emulator, EmulatorSettings, serve
from app.emulator.recognition import AudioFormat, Hypothesis, StreamOptions
from app.emulator.refusals import RefusalError
from app.emulator.service.headers import HeaderedSession
from app.recordings import read_recording
from tests.app.emulator.riva_calls import (
    Message,
    first,
    recognition_config,
    refusal,
    stream,
    stub,
    transcripts,
)

RATE = 8000
PCM = AudioFormat(encoding="LINEAR_PCM", sample_rate=RATE)
SOUND = (np.sin(np.arange(4000) / 5) * 9000).astype(np.int16)
UNSAID: dict[str, Any] = {"encoding": 0, "sample_rate_hertz": 0}


def file_of(form: str, subtype: str, *, channels: int = 1, rate: int = RATE) -> bytes:
    target = io.BytesIO()
    samples = np.repeat(SOUND[:, None], channels, axis=1)
    soundfile.write(target, samples, rate, format=form, subtype=subtype)
    return target.getvalue()


FILES = {
    "16-bit WAV": file_of("WAV", "PCM_16"),
    "24-bit WAV": file_of("WAV", "PCM_24"),
    "float WAV": file_of("WAV", "FLOAT"),
    "mu-law WAV": file_of("WAV", "ULAW"),
    "48 kHz WAV": file_of("WAV", "PCM_16", rate=48_000),
    "FLAC": file_of("FLAC", "PCM_16"),
    "OGG Opus": file_of("OGG", "OPUS"),
    "OGG Vorbis": file_of("OGG", "VORBIS"),
}


class Ear:
    """A recogniser that writes down what it is given, and says so at the end."""

    def __init__(self) -> None:
        self.heard: list[tuple[AudioFormat, bytes]] = []

    async def load(self) -> None:
        pass

    def open(self, options: StreamOptions) -> "EarSession":
        return EarSession(self, options.audio)

    async def aclose(self) -> None:
        pass


class EarSession:
    def __init__(self, ear: Ear, audio: AudioFormat) -> None:
        self._ear = ear
        self.audio = audio
        self.samples = b""
        self._ended = asyncio.Event()

    async def write(self, chunk: bytes) -> None:
        self.samples += chunk

    async def end(self) -> None:
        self._ear.heard.append((self.audio, self.samples))
        self._ended.set()

    async def results(self) -> AsyncGenerator[Hypothesis]:
        await self._ended.wait()
        if self._ear.heard:
            yield Hypothesis(text=f"{len(self.samples)} bytes", is_final=True)

    def release(self) -> None:
        self._ended.set()


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
async def emulator(ear: Ear) -> AsyncIterator[Emulator]:
    async with serve(EmulatorSettings(tags_selector="mode=all"), recogniser=ear) as running:
        yield running


def sent(data: bytes, step: int = 3200) -> list[Message]:
    return [
        asr.StreamingRecognizeRequest(audio_content=data[start : start + step])
        for start in range(0, len(data), step)
    ]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "config",
    [UNSAID, {"encoding": 1, "sample_rate_hertz": 16_000}, {"encoding": 2, "sample_rate_hertz": 0}],
    ids=["nothing said", "said otherwise", "said to be FLAC"],
)
async def test_a_files_header_decides_whatever_the_config_says(
    emulator: Emulator, ear: Ear, name: str, config: dict[str, Any]
) -> None:
    await stream(emulator, first(**config), *sent(FILES[name]))
    await emulator.wait_for_stream(lambda one: one.status == "OK")
    wanted = read_recording(FILES[name])
    [(audio, samples)] = ear.heard
    assert (audio.encoding, audio.sample_rate) == ("LINEAR_PCM", wanted.sample_rate)
    assert samples == wanted.data
    [record] = emulator.streams
    assert (record.sample_rate, record.encoding) == (wanted.sample_rate, "LINEAR_PCM")
    assert record.audio_seconds == pytest.approx(wanted.duration, abs=0.001)


@pytest.mark.parametrize("name", FILES)
async def test_an_offline_call_hears_the_same(emulator: Emulator, ear: Ear, name: str) -> None:
    request = asr.RecognizeRequest(config=recognition_config(**UNSAID), audio=FILES[name])
    async with stub(emulator) as riva:
        await riva.Recognize(request)
    wanted = read_recording(FILES[name])
    [(audio, samples)] = ear.heard
    assert (audio.sample_rate, samples) == (wanted.sample_rate, wanted.data)


NO_FORMAT = (
    "Error: the audio has no header of a WAV, FLAC or OGG file, and the config names no "
    "sample_rate_hertz for samples without one; send either"
)
BROKEN = {
    "two channels": (file_of("WAV", "PCM_16", channels=2), "has 2 channels; send one channel"),
    "a WAV without sound": (b"RIFF\x04\x00\x00\x00WAVE", "there are no samples in it"),
    "a FLAC of nothing": (b"fLaC" + bytes(4000), ""),
    "an OGG of nothing": (b"OggS" + bytes(4000), ""),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_file_that_cannot_be_heard_ends_the_stream_with_what_is_wrong(
    emulator: Emulator, ear: Ear, name: str
) -> None:
    data, said = BROKEN[name]

    async def requests() -> AsyncIterator[Message]:
        yield first(**UNSAID)
        # In one message: a write that meets the end of the call is INTERNAL to grpc.aio.
        yield asr.StreamingRecognizeRequest(audio_content=data)

    async with stub(emulator) as riva:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            _ = [response async for response in riva.StreamingRecognize(requests())]
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert said in str(refused.value.details())
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await riva.Recognize(
                asr.RecognizeRequest(config=recognition_config(**UNSAID), audio=data)
            )
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert ear.heard == []


async def test_a_file_that_is_found_broken_later_ends_a_stream_that_says_nothing_more(
    emulator: Emulator,
) -> None:
    # The client keeps its side open: it hears at once, and not when the server is tired of waiting.
    broken = BROKEN["two channels"][0]
    status, said = await refusal(emulator, first(**UNSAID), *sent(broken, len(broken)))
    assert status == "INVALID_ARGUMENT"
    assert "send one channel" in said


async def test_samples_of_which_nobody_says_the_rate_are_refused(emulator: Emulator) -> None:
    samples = SOUND.tobytes()
    assert await refusal(emulator, first(**UNSAID), *sent(samples, len(samples))) == (
        "INVALID_ARGUMENT",
        NO_FORMAT,
    )
    async with stub(emulator) as riva:
        with pytest.raises(grpc.aio.AioRpcError, match="no header of a WAV, FLAC or OGG file"):
            await riva.Recognize(
                asr.RecognizeRequest(config=recognition_config(**UNSAID), audio=samples)
            )


@pytest.mark.parametrize("encoding", [1, 0])
async def test_samples_without_a_header_are_what_the_config_says(
    emulator: Emulator, ear: Ear, encoding: int
) -> None:
    config: dict[str, Any] = {"encoding": encoding, "sample_rate_hertz": RATE}
    results = await stream(emulator, first(**config), *sent(SOUND.tobytes(), 999))
    assert transcripts(results, final=True) == ["8000 bytes"]
    assert ear.heard == [(PCM, SOUND.tobytes())]


@pytest.mark.parametrize("messages", [[], [asr.StreamingRecognizeRequest(audio_content=b"")]])
async def test_a_stream_without_a_byte_of_audio_ends_well(
    emulator: Emulator, messages: list[Message]
) -> None:
    assert transcripts(await stream(emulator, first(**UNSAID), *messages), final=True) == [
        "0 bytes"
    ]


@given(
    name=st.sampled_from(sorted(FILES)),
    cuts=st.lists(st.integers(1, 3000), max_size=12),
    raw=st.booleans(),
)
def test_where_the_audio_is_cut_makes_no_difference(name: str, cuts: list[int], raw: bool) -> None:
    data = SOUND.tobytes() if raw else FILES[name]
    wanted = data if raw else read_recording(data).data
    ear = Ear()

    async def hear() -> None:
        session = HeaderedSession(PCM, lambda audio: EarSession(ear, audio), heard.append)
        rest = data
        for cut in cuts:
            await session.write(rest[:cut])
            rest = rest[cut:]
        await session.write(rest)
        await session.end()
        assert [one.is_final async for one in session.results()] == [True]
        await session.aclose()

    heard: list[float] = []
    asyncio.run(hear())
    [(audio, samples)] = ear.heard
    assert samples == wanted
    assert sum(heard) == pytest.approx(len(wanted) / audio.bytes_per_second)


@given(st.binary(max_size=200), st.sampled_from((b"RIFF", b"fLaC", b"OggS", b"")))
def test_any_bytes_are_heard_or_refused(tail: bytes, mark: bytes) -> None:
    async def hear() -> None:
        ear = Ear()
        session = HeaderedSession(None, lambda audio: EarSession(ear, audio), lambda _: None)
        with suppress(RefusalError):
            await session.write(mark + tail)
            await session.end()
        await session.aclose()

    asyncio.run(hear())


async def test_a_stream_that_is_given_up_leaves_no_decoder_behind() -> None:
    ear = Ear()
    session = HeaderedSession(None, lambda audio: EarSession(ear, audio), lambda _: None)
    await session.write(FILES["FLAC"][:200])
    session.release()
    assert [one async for one in session.results()] == []
    await session.aclose()
    await session.write(FILES["FLAC"][200:])
    await session.end()
    assert ear.heard == []
    assert not [one for one in threading.enumerate() if "decode a live" in one.name]
