"""How sound that is read in a thread is sent: not far ahead, not too fast, and let go of."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing
from dataclasses import dataclass
from typing import cast

import numpy as np
import pytest

from app.client import AnyConnection, Event, StartTranscription
from app.recordings import RecordingError, RecordingProblem, open_recording
from ops.transcribe import sending
from tests.support.recordings.making import encoded


@dataclass(frozen=True)
class Stopped:
    audio_seconds: float


async def test_a_pipe_is_not_read_further_ahead_than_the_gateway_takes() -> None:
    read = 0
    full = threading.Event()

    def blocks() -> Generator[bytes]:
        nonlocal read
        for _ in range(10 * sending.WAITING_BLOCKS):
            read += 1
            if read > sending.WAITING_BLOCKS:
                full.set()
            yield b"ab"

    stream = sending.blocks_of(blocks())
    assert await anext(stream) == b"ab"
    assert await asyncio.to_thread(full.wait, 10)
    # One was taken, as many wait as may, and one more is in the reader's hand.
    assert read <= sending.WAITING_BLOCKS + 2
    assert len([block async for block in stream]) == 10 * sending.WAITING_BLOCKS - 1


async def test_a_stream_that_breaks_off_is_told_where_it_is_read() -> None:
    def blocks() -> Generator[bytes]:
        yield b"ab"
        raise RecordingError(RecordingProblem.UNREADABLE, "broke off")

    stream = sending.blocks_of(blocks())
    assert await anext(stream) == b"ab"
    with pytest.raises(RecordingError):
        await anext(stream)


async def test_sound_is_sent_no_faster_than_was_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the waits that are asked for: nothing is waited for here."""
    waits: list[float] = []
    sleep = asyncio.sleep

    async def noted(seconds: float) -> None:
        waits.append(seconds)
        await sleep(0)

    class Peer:
        sent = 0

        async def start(self, options: StartTranscription) -> None:
            assert options.sample_rate == 8000

        async def send(self, block: bytes) -> None:
            self.sent += len(block)

        async def finish(self) -> Stopped:
            return Stopped(self.sent / 16_000)

        async def events(self) -> AsyncGenerator[Event]:
            nothing: tuple[Event, ...] = ()
            for event in nothing:
                yield event

    monkeypatch.setattr(asyncio, "sleep", noted)
    samples = np.zeros(8000 * 200, dtype="<i2")
    recording = open_recording(encoded(samples, 8000, "WAV", "PCM_16"))
    peer = cast("AnyConnection", Peer())
    heard = await sending.send_live(
        peer, recording, StartTranscription(), lambda _: None, speed=2.0
    )
    assert heard == 200.0
    # The last block is due when 200 s of sound have been spoken twice as fast.
    assert 50 < waits[-1] <= 100
    assert waits[0] <= 0.05


async def test_a_reader_is_closed_by_its_own_thread_when_nobody_listens_any_more() -> None:
    closed_by: list[str] = []
    closed = threading.Event()

    def blocks() -> Generator[bytes]:
        try:
            while True:
                yield b"ab"
        finally:
            closed_by.append(threading.current_thread().name)
            closed.set()

    async with aclosing(sending.blocks_of(blocks())) as stream:
        assert await anext(stream) == b"ab"
    assert await asyncio.to_thread(closed.wait, 10)
    assert closed_by == ["read sound"]
