"""Decoding, queueing and pacing of audio, without a socket."""

from itertools import pairwise
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.asr import Transcript, Word
from app.gateway.admission.clients import Visitor
from app.gateway.admission.rate import TokenBucket
from app.gateway.admission.succession import ClientTokens
from app.gateway.audio.decoder import AudioDecoder
from app.gateway.core import Gateway
from app.gateway.dialects.intents import SessionRequest
from app.gateway.resume_token import ResumeTokens
from app.gateway.session import arrivals
from app.gateway.session.arrivals import ArrivalClock
from app.gateway.session.recognition import Recognition
from app.gateway.session.results import said_to
from app.gateway.settings.gateway import GatewaySettings
from tests.support.clock import Clock, stopped
from tests.support.memory_recogniser import MemoryRecogniser

if TYPE_CHECKING:
    from app.asr import RivaASRClient


def decoded(decoder: AudioDecoder, data: bytes, cuts: list[int]) -> tuple[bytes, float, int]:
    """Feed data cut at places; return PCM16, seconds, and left-over bytes."""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    out, seconds = b"", 0.0
    for start, end in pairwise(places):
        for length, pcm in decoder.feed(data[start:end]):
            out += pcm
            seconds += length
    tail, left = decoder.finish()
    return out + tail, seconds, left


@given(
    data=st.binary(max_size=20_000),
    cuts=st.lists(st.integers(0, 20_000), max_size=12),
    encoding=st.sampled_from(["pcm16", "float32"]),
    channels=st.sampled_from([1, 2]),
)
def test_where_messages_are_cut_makes_no_difference(
    data: bytes, cuts: list[int], encoding: str, channels: int
) -> None:
    whole = decoded(AudioDecoder(encoding, channels, 16_000, 16_000), data, [])
    pieces = decoded(AudioDecoder(encoding, channels, 16_000, 16_000), data, cuts)
    assert pieces[0] == whole[0]
    assert pieces[1] == pytest.approx(whole[1])
    assert pieces[2] == whole[2]
    frame = {"pcm16": 2, "float32": 4}[encoding] * channels
    assert whole[2] == len(data) % frame
    assert whole[1] == pytest.approx(len(data) // frame / 16_000)
    assert len(whole[0]) == len(data) // frame * 2


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 47_999, 48_000])
def test_the_seconds_are_those_of_the_rate_also_where_a_piece_is_no_whole_tenth(rate: int) -> None:
    ten = bytes(2 * rate * 10)
    _, seconds, _ = decoded(AudioDecoder("pcm16", 1, rate, rate), ten, [])
    assert seconds == pytest.approx(10, abs=1e-6)


def test_pcm16_mono_is_handed_on_untouched() -> None:
    data = np.arange(-2000, 2000, dtype="<i2").tobytes()
    assert decoded(AudioDecoder("pcm16", 1, 16_000, 16_000), data, [77])[0] == data


def test_float_samples_are_scaled_and_clipped_and_nonsense_is_silence() -> None:
    samples = np.array([0.0, 0.5, -1.0, 1.0, 9.0, -9.0, np.nan, np.inf], dtype="<f4")
    pcm, _, _ = decoded(AudioDecoder("float32", 1, 16_000, 16_000), samples.tobytes(), [])
    assert np.frombuffer(pcm, "<i2").tolist() == [
        0,
        16384,
        -32768,
        32767,
        32767,
        -32768,
        0,
        32767,
    ]


def test_two_channels_are_averaged() -> None:
    stereo = np.array([[100, 300], [-32768, -32768], [32767, -32767]], dtype="<i2")
    pcm, seconds, _ = decoded(AudioDecoder("pcm16", 2, 16_000, 16_000), stereo.tobytes(), [3, 5])
    assert np.frombuffer(pcm, "<i2").tolist() == [200, -32768, 0]
    assert seconds == pytest.approx(3 / 16_000)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_resampling_keeps_length_and_pitch(rate: int) -> None:
    t = np.arange(rate) / rate
    tone = (np.sin(2 * np.pi * 440 * t) * 20_000).astype("<i2")
    pcm, seconds, _ = decoded(AudioDecoder("pcm16", 1, rate, 16_000), tone.tobytes(), [999, 5001])
    heard = np.frombuffer(pcm, "<i2").astype(float)
    assert seconds == pytest.approx(1.0)
    assert len(heard) == pytest.approx(16_000, abs=2)
    spectrum = np.abs(np.fft.rfft(heard[:16_000], n=16_000))
    assert int(spectrum.argmax()) == pytest.approx(440, abs=1)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return stopped(monkeypatch, arrivals)


def test_the_age_of_a_result_counts_from_the_arrival_of_its_newest_audio(time: Clock) -> None:
    clock = ArrivalClock()
    assert clock.age(1.0) == 0.0
    for _ in range(10):
        clock.arrived(0.1)
        time.now += 0.1
    time.now += 0.05
    assert clock.age(0.3) == pytest.approx(0.05 + 0.8)
    assert clock.age(1.0) == pytest.approx(0.15)
    # Beyond what arrived: the newest there is.
    assert clock.age(60.0) == pytest.approx(0.15)
    assert clock.seconds == pytest.approx(1.0)
    assert clock.first_arrival == 100.0


def transcript(processed: float | None, words: tuple[Word, ...] = ()) -> Transcript:
    return Transcript(
        text="x",
        is_final=True,
        words=words,
        confidence=None,
        stability=None,
        audio_processed=processed,
        channel=None,
        languages=(),
        segment_id=0,
    )


@pytest.fixture
def recognition() -> Recognition:
    settings = GatewaySettings.model_validate(
        {"app_resume_keys": "a key for the gateways of this test"}
    )
    gateway = Gateway.build(settings, cast("RivaASRClient", MemoryRecogniser()), "0")
    tokens = ClientTokens(ResumeTokens([], 120), Visitor(b""))
    return Recognition(gateway, SessionRequest(sample_rate=16_000), tokens)


async def test_a_result_is_as_old_as_the_newest_audio_the_recogniser_had(
    time: Clock, recognition: Recognition
) -> None:
    for number in range(10):
        recognition.arrivals.arrived(0.1)
        if number < 8:
            await recognition.session.send(bytes(3200))
        time.now += 0.1
    assert recognition.result_age(transcript(0.5).audio_processed) == pytest.approx(0.6)
    # Where the recogniser does not say, it can have heard no more than it was sent.
    assert recognition.result_age(transcript(None).audio_processed) == pytest.approx(0.3)


async def test_segments_follow_each_other_without_overlap(recognition: Recognition) -> None:
    word = Word(word="x", start=0.2, end=0.9, confidence=None, speaker=None, language=None)
    recognition.note(said_to(transcript(1.0, (word,))), is_final=True)
    assert recognition.segment_start == 0.9
    assert recognition.segment_end(said_to(transcript(0.5))) == 0.9
    assert recognition.segment_end(said_to(transcript(2.5))) == 2.5


def bucket_of(time: Clock, rate: float, burst: float) -> TokenBucket:
    return TokenBucket(rate, burst, time)


def test_a_bucket_gives_its_burst_then_its_rate(time: Clock) -> None:
    bucket = bucket_of(time, rate=2, burst=3)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    time.now += 0.5
    assert [bucket.take() for _ in range(2)] == [True, False]
    time.now += 60
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]


def test_spending_beyond_the_burst_says_how_long_to_wait(time: Clock) -> None:
    bucket = bucket_of(time, rate=10, burst=5)
    assert bucket.spend(5) == 0
    assert bucket.spend(1) == pytest.approx(0.1)
    time.now += 0.1
    assert bucket.spend(2) == pytest.approx(0.2)
