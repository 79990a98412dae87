"""Recordings as files: containers, channels, rates, limits, and which call of the server is used.

The server hears nothing; that speech survives decoding is shown where a real recogniser listens.
"""

# ruff: noqa: ANN401 - generated messages and server contexts carry no types

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from riva.client.proto import riva_asr_pb2

from app.asr import AsrError, Fault
from app.asr.files.audio import FileAudio, FileLimits
from tests.app.asr.conftest import client_of
from tests.support.recognisers.fake_riva import FakeRiva, final, serving, word

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import numpy.typing as npt

    from tests.support.recognisers.fake_riva import Stream

LIMITS = FileLimits(max_bytes=10_000_000, max_duration=60.0)
BOTH = {"on": {"type": "online"}, "off": {"type": "offline"}}


def sine(seconds: float, rate: int, channels: int = 1) -> npt.NDArray[np.float64]:
    wave = 0.5 * np.sin(2 * np.pi * 300 * np.arange(round(seconds * rate)) / rate)
    return np.column_stack([wave * (1 - 0.5 * n) for n in range(channels)])


def encoded(samples: npt.NDArray[np.float64], rate: int, container: str, subtype: str) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=container, subtype=subtype)
    return buffer.getvalue()


async def decoded(audio: bytes | Path, limits: FileLimits, sample: int = 0) -> bytes:
    """All audio of a file from a sample on."""
    async with FileAudio(audio, limits) as file:
        return b"".join([chunk async for chunk in file.from_sample(sample, 1000)])


@pytest.mark.parametrize(
    ("container", "subtype", "exact"),
    [
        ("WAV", "PCM_16", True),
        ("WAV", "FLOAT", True),
        ("WAV", "ULAW", False),
        ("FLAC", "PCM_16", True),
        ("OGG", "VORBIS", False),
        ("OGG", "OPUS", False),
        ("MP3", "MPEG_LAYER_III", False),
    ],
)
async def test_every_container_is_decoded_mixed_to_mono_and_sent_whole(
    container: str, subtype: str, exact: bool
) -> None:
    samples = sine(1.0, 16000, channels=2)
    blob = encoded(samples, 16000, container, subtype)
    async with serving(FakeRiva(script=say_length)) as riva, client_of(riva) as client:
        heard = await client.transcribe_file(blob)
        audio = np.frombuffer(riva.streams[0].audio, dtype="<i2") / 32768
    expected = samples.mean(axis=1)
    # Lossy coders pad the ends: MP3 by up to two frames of 1152 samples.
    assert abs(len(audio) - len(expected)) <= (0 if exact else 2400)
    assert heard.duration == len(audio) / 16000
    assert np.sqrt(np.mean(audio**2)) == pytest.approx(np.sqrt(np.mean(expected**2)), rel=0.1)
    if exact:
        assert np.max(np.abs(audio - expected)) < 1.6 / 32768
    assert heard.text == f"{len(audio) * 2} bytes"


async def say_length(stream: Stream) -> None:
    await stream.receive_all()
    await stream.say(final(f"{len(stream.audio)} bytes"))


@pytest.mark.parametrize(
    ("rate", "sent"), [(8000, 8000), (16000, 16000), (48000, 48000), (4000, 16000), (96000, 16000)]
)
async def test_a_rate_the_recogniser_takes_is_kept_and_another_one_is_resampled(
    rate: int, sent: int
) -> None:
    async with serving(FakeRiva(script=say_length)) as riva, client_of(riva) as client:
        heard = await client.transcribe_file(encoded(sine(0.5, rate), rate, "WAV", "PCM_16"))
        config = riva.streams[0].opening.streaming_config.config
        assert config.sample_rate_hertz == sent
        assert len(riva.streams[0].audio) == sent
    assert heard.duration == 0.5


async def test_a_path_is_read_like_the_bytes_in_it(tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    path.write_bytes(encoded(sine(0.5, 16000), 16000, "WAV", "PCM_16"))
    async with serving(FakeRiva(script=say_length)) as riva, client_of(riva) as client:
        assert await client.transcribe_file(path) == await client.transcribe_file(path.read_bytes())


def offline(*results: Any) -> Callable[[Any, Any], Awaitable[Any]]:
    async def recognize(_: object, __: object) -> Any:
        return riva_asr_pb2.RecognizeResponse(results=results)

    return recognize


def offline_result(text: str, *words: Any, confidence: float = 0.0) -> Any:
    return riva_asr_pb2.SpeechRecognitionResult(
        alternatives=[
            riva_asr_pb2.SpeechRecognitionAlternative(
                transcript=text, words=words, confidence=confidence
            )
        ]
    )


SHORT = encoded(sine(0.5, 16000), 16000, "WAV", "PCM_16")


async def test_an_offline_model_gets_the_recording_in_one_call_and_every_result_counts() -> None:
    riva = FakeRiva(
        models=BOTH,
        recognize=offline(
            offline_result(
                "Hello there.", word("Hello", 0, 100), word("there.", 100, 200), confidence=0.5
            ),
            riva_asr_pb2.SpeechRecognitionResult(),
            offline_result(" "),
            offline_result("Good night, all.", word("Good", 300, 400), confidence=0.8),
            offline_result("Bye."),
        ),
    )
    async with serving(riva), client_of(riva) as client:
        heard = await client.transcribe_file(SHORT, hotwords=["Perch"], request_id="r-2")
    assert riva.streams == []
    [request] = riva.files
    assert request.id.value == "r-2"
    assert request.config.speech_contexts[0].phrases == ["Perch"]
    assert len(request.audio) == 16000
    assert heard.text == "Hello there. Good night, all. Bye."
    assert [(w.word, w.end) for w in heard.words] == [
        ("Hello", 0.1),
        ("there.", 0.2),
        ("Good", 0.4),
    ]
    assert heard.confidence == pytest.approx((2 * 0.5 + 1 * 0.8) / 3)


async def test_a_streaming_only_server_is_fed_by_the_stream_and_all_finals_are_joined() -> None:
    async def script(stream: Stream) -> None:
        await stream.receive_all()
        await stream.say(final("one", word("one", 0, 100)), final("two", word("two", 100, 200)))
        await stream.say(final("three"))

    async with serving(FakeRiva(script=script)) as riva, client_of(riva) as client:
        heard = await client.transcribe_file(SHORT)
        assert riva.files == []
        assert not riva.streams[0].opening.streaming_config.interim_results
    assert (heard.text, heard.confidence) == ("one two three", None)
    assert [w.word for w in heard.words] == ["one", "two"]


async def test_a_recording_too_large_for_one_message_goes_by_the_stream() -> None:
    riva = FakeRiva(models=BOTH, script=say_length, recognize=offline(offline_result("offline")))
    long = encoded(sine(4.0, 16000), 16000, "WAV", "PCM_16")
    async with serving(riva), client_of(riva, max_message_bytes=70_000) as client:
        assert (await client.transcribe_file(SHORT)).text == "offline"
        assert (await client.transcribe_file(long)).text == "128000 bytes"


async def test_a_model_asked_for_by_name_decides_the_call() -> None:
    riva = FakeRiva(models=BOTH, script=say_length, recognize=offline(offline_result("offline")))
    async with serving(riva), client_of(riva) as client:
        assert (await client.transcribe_file(SHORT, model="off")).text == "offline"
        assert (await client.transcribe_file(SHORT, model="on")).text == "16000 bytes"
        with pytest.raises(AsrError) as caught:
            await client.transcribe_file(SHORT, model="neither")
    assert caught.value.code == "MODEL_UNAVAILABLE"


async def test_an_offline_failure_comes_out_with_its_code() -> None:
    async def refuse(_: object, context: Any) -> None:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "stereo")

    riva = FakeRiva(models=BOTH, recognize=refuse)
    async with serving(riva), client_of(riva) as client:
        with pytest.raises(AsrError) as caught:
            await client.transcribe_file(SHORT)
    assert caught.value.code == "INVALID_ARGUMENT"


async def test_only_so_many_files_are_recognised_at_once() -> None:
    running = most = 0
    full = asyncio.Event()

    async def recognize(_: object, __: object) -> Any:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 2:
            full.set()
        await full.wait()
        running -= 1
        return riva_asr_pb2.RecognizeResponse()

    riva = FakeRiva(models=BOTH, recognize=recognize)
    async with serving(riva), client_of(riva, max_batch_size=2) as client:
        await asyncio.gather(*(client.transcribe_file(SHORT) for _ in range(6)))
    assert most == 2


async def test_a_file_that_gets_no_place_in_time_is_told_to_come_back() -> None:
    async def recognize(_: object, __: object) -> Any:
        await asyncio.Event().wait()

    riva = FakeRiva(models=BOTH, recognize=recognize)
    async with serving(riva), client_of(riva, max_batch_size=1, file_timeout_ms=100) as client:
        ends = await asyncio.gather(
            *(client.transcribe_file(SHORT) for _ in range(2)), return_exceptions=True
        )
    codes = sorted(end.code for end in ends if isinstance(end, AsrError))
    assert codes[0] == "DEADLINE_EXCEEDED"
    # The second gives up too, or has just got the first one's place and met the same deadline.
    assert codes[1] in {"RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED"}


async def test_an_empty_recording_is_an_empty_transcript_without_any_call() -> None:
    async with serving(FakeRiva()) as riva, client_of(riva) as client:
        heard = await client.transcribe_file(encoded(sine(0, 16000), 16000, "WAV", "PCM_16"))
        assert riva.streams == []
    assert (heard.text, heard.words, heard.confidence, heard.duration) == ("", (), None, 0.0)


@pytest.mark.parametrize(
    ("audio", "limits", "code", "named"),
    [
        (b"this is no audio", LIMITS, "AUDIO_INVALID", "WAV, FLAC, OGG (Vorbis or Opus), MP3"),
        (
            encoded(sine(0.1, 16000, 33), 16000, "WAV", "PCM_16"),
            LIMITS,
            "AUDIO_INVALID",
            "1 to 32 channels",
        ),
        (
            encoded(sine(0.1, 200_000), 200_000, "WAV", "PCM_16"),
            LIMITS,
            "AUDIO_INVALID",
            "192000 Hz",
        ),
        (b"", LIMITS, "AUDIO_INVALID", "WAV, FLAC, OGG (Vorbis or Opus), MP3"),
        (Path("/no/such/file.wav"), LIMITS, "AUDIO_INVALID", "cannot be read"),
        (Path("/"), LIMITS, "AUDIO_INVALID", "cannot be read: Is a directory"),
        (SHORT, FileLimits(max_bytes=100, max_duration=60.0), "AUDIO_TOO_LARGE", "up to 100"),
        (SHORT, FileLimits(max_bytes=10**9, max_duration=0.4), "AUDIO_TOO_LONG", "0.4 s"),
    ],
)
async def test_a_file_that_cannot_be_used_is_the_callers_fault_and_says_what_is_accepted(
    audio: bytes | Path, limits: FileLimits, code: str, named: str
) -> None:
    with pytest.raises(AsrError) as caught:
        await decoded(audio, limits)
    assert (caught.value.code, caught.value.retryable) == (code, False)
    assert caught.value.fault is Fault.CALLER
    assert named in caught.value.message
    assert "/no/such" not in caught.value.message


async def test_the_limits_of_a_call_win_over_the_settings() -> None:
    async with serving(FakeRiva()) as riva, client_of(riva, file_max_bytes=10) as client:
        with pytest.raises(AsrError, match="AUDIO_TOO_LARGE"):
            await client.transcribe_file(SHORT)
        with pytest.raises(AsrError, match="AUDIO_TOO_LONG"):
            await client.transcribe_file(SHORT, max_bytes=10**6, max_duration=0.1)
        await client.transcribe_file(SHORT, max_bytes=10**6)


@given(
    head=st.sampled_from([SHORT[:44], SHORT[:20], b"fLaC", b"OggS", b"ID3", b"\xff\xfb\x90"]),
    rest=st.binary(max_size=300),
)
@settings(deadline=None)
async def test_a_broken_file_is_read_or_refused_but_never_a_traceback(
    head: bytes, rest: bytes
) -> None:
    try:
        pcm = await decoded(head + rest, LIMITS)
    except AsrError as error:
        assert error.code.startswith("AUDIO_")  # noqa: PT017 - either end is right
    else:
        assert len(pcm) % 2 == 0
