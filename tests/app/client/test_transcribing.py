"""Whole recordings against a scripted server, and latencies on a clock moved by hand.

Does not prove that any figure is good, only that each is what it says, and None where nothing was
measured.
"""

import asyncio
import itertools
from pathlib import Path

import numpy as np
import pytest
import soundfile

from app.client import GatewayError, PcmAudio, StartTranscription, connect, stream, transcribe
from app.client.timeline import Timeline, span
from app.contract import ErrorCode
from app.contract.fields import WordTiming
from tests.support.gateways import scripted as play
from tests.support.gateways.scripted import Peer, scripted

HALF_SECOND = PcmAudio(data=b"\1\0" * 4000, sample_rate=8000)


def word(text: str, start: float, end: float) -> WordTiming:
    return WordTiming(word=text, start=start, end=end, confidence=None)


async def answer(peer: Peer) -> None:
    await peer.begin()
    await peer.say(play.interim(0, ""), play.interim(0, "good"))
    await peer.hear("stop_transcription")
    await peer.say(play.final(0, "Good."), play.final(1, "Morning."), play.stopped(2))


@pytest.mark.parametrize("realtime", [True, False])
async def test_a_recording_goes_out_whole_and_its_text_comes_back(*, realtime: bool) -> None:
    seen: list[str] = []
    async with scripted(answer) as gateway:
        outcome = await transcribe(
            gateway.url,
            HALF_SECOND,
            options=StartTranscription(sample_rate=48000, hotwords=["Perch"]),
            realtime=realtime,
            on_event=lambda event: seen.append(event.type),
        )
        peer = gateway.peers[0]
    assert outcome.text == "Good. Morning."
    assert outcome.audio_s == 0.5
    assert b"".join(peer.frames) == HALF_SECOND.data
    assert peer.controls[0]["sample_rate"] == 8000, "the recording's own rate counts"
    assert peer.controls[0]["hotwords"] == ["Perch"]
    assert seen == ["partial", "partial", "transcription", "transcription"]
    assert outcome.last_final_s is not None
    assert outcome.finish_s is not None
    assert outcome.last_final_s <= outcome.finish_s


async def test_a_file_is_read_and_sent(tmp_path: Path) -> None:
    path = tmp_path / "tone.flac"
    samples = np.arange(1600, dtype=np.int16)
    soundfile.write(path, samples, 16000)
    async with scripted(answer) as gateway:
        await transcribe(gateway.url, path, realtime=False)
        assert b"".join(gateway.peers[0].frames) == samples.astype("<i2").tobytes()


async def test_a_recording_without_a_sample_measures_nothing() -> None:
    async def nothing_heard(peer: Peer) -> None:
        await peer.begin()
        await peer.hear("stop_transcription")
        await peer.say(play.stopped())

    async with scripted(nothing_heard) as gateway:
        outcome = await transcribe(gateway.url, PcmAudio(data=b"", sample_rate=16000))
    assert outcome.text == ""
    assert outcome.wall_s is None
    assert outcome.first_interim_s is None
    assert outcome.last_final_s is None
    assert outcome.final_lags_s == ()


async def test_a_failure_in_the_middle_is_raised_as_itself_and_not_as_a_group() -> None:
    async def fail(peer: Peer) -> None:
        await peer.begin()
        await peer.give_up(ErrorCode.ASR_OVERLOADED, "Riva streaming error: no slot")

    async with scripted(fail) as gateway, connect(gateway.url) as connection:
        with pytest.raises(GatewayError, match="no slot") as failed:
            await stream(connection, HALF_SECOND, realtime=True)
        assert failed.value.retry_after == 10.0


async def test_an_observer_that_fails_ends_the_session_with_its_own_error() -> None:
    def burst(_: object) -> None:
        raise ZeroDivisionError

    async with scripted(answer) as gateway, connect(gateway.url) as connection:
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(
                stream(connection, HALF_SECOND, realtime=False, on_event=burst), 5
            )


def timeline(*moments: float, chunk_s: float = 0.1) -> Timeline:
    """A timeline that reads these moments off its clock, one after the other."""
    clock = itertools.chain(moments)
    return Timeline(chunk_s=chunk_s, clock=lambda: next(clock))


def test_the_first_interim_with_text_counts_and_an_empty_one_does_not() -> None:
    times = timeline(10.0, 10.5, 11.0, 12.0)
    times.sent()
    for text in ("", "good", "good morning"):
        times.received(play.interim(0, text))
    assert span(times.begun_at, times.first_interim_at) == 1.0


def test_a_finals_lag_is_counted_from_the_message_that_held_its_last_words_end() -> None:
    times = timeline(10.0, 10.1, 10.2, 11.0)
    for _ in range(3):
        times.sent()
    times.received(
        play.final(0, "good morning", [word("good", 0, 0.1), word("morning", 0.1, 0.15)])
    )
    assert list(times.final_lags()) == [pytest.approx(0.9)]


def test_finals_without_words_or_beyond_what_was_sent_or_after_the_stop_have_no_lag() -> None:
    times = timeline(10.0, 11.0, 12.0, 13.0, 14.0)
    times.sent()
    times.received(play.final(0, "no words"))
    times.received(play.final(1, "beyond", [word("beyond", 5.0, 6.0)]))
    times.stop_requested()
    times.received(play.final(2, "after", [word("after", 0.0, 0.05)]))
    assert list(times.final_lags()) == []
    assert times.last_final_after_stop_at == 14.0


def test_a_final_before_the_stop_is_no_final_after_it() -> None:
    times = timeline(10.0, 11.0, 12.0)
    times.sent()
    times.received(play.final(0, "early"))
    times.stop_requested()
    assert times.last_final_after_stop_at is None


def test_where_speech_begins_is_looked_up_only_in_what_was_sent() -> None:
    times = timeline(10.0, 10.1)
    times.sent()
    times.sent()
    assert times.sent_of(0.15) == 10.1
    assert times.sent_of(0.25) is None
    assert times.sent_of(-1.0) is None
