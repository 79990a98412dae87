"""The caller's audio between the caller and whichever stream is open: when it is taken and kept."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

from app.asr.session.intake import Intake, Tap
from app.asr.session.replay import ReplayBuffer
from tests.app.asr.session.test_reopened_streams import Reader, check, client_of_all, hear
from tests.app.asr.sound import Microphone, of, tone
from tests.support.recognisers.fake_riva import FakeRiva, Stream, final, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CHUNK = bytes(2000)
LIMIT = 2500  # samples: two chunks and a half


@asynccontextmanager
async def taking(intake: Intake) -> AsyncIterator[None]:
    task = asyncio.create_task(intake.run())
    try:
        yield
    finally:
        intake.stopping()
        task.cancel()
        await asyncio.wait([task])


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_nothing_is_taken_before_a_stream_asks_and_then_one_chunk_at_a_time() -> None:
    buffer = ReplayBuffer(LIMIT)
    intake = Intake(of([CHUNK] * 9), buffer, patience=0.0)
    async with taking(intake):
        await settle()
        assert buffer.end == 0
        tap = Tap(intake, 0, 8192)
        assert await anext(tap) == CHUNK
        await settle()
        assert buffer.end == 1000


async def test_while_no_stream_is_open_audio_is_taken_to_the_bound_and_none_of_it_goes() -> None:
    buffer = ReplayBuffer(LIMIT)
    intake = Intake(of([CHUNK] * 9), buffer, patience=0.0)
    async with taking(intake):
        intake.fall_behind()
        await settle()
        assert (buffer.start, buffer.end) == (0, 3000)
        tap = Tap(intake, 0, 8192)
        heard = b""
        while len(heard) < 9 * len(CHUNK):
            heard += await anext(tap)
        assert heard == CHUNK * 9


async def test_a_full_buffer_of_audio_that_had_no_time_yet_holds_the_caller_back() -> None:
    buffer = ReplayBuffer(LIMIT)
    intake = Intake(of([CHUNK] * 9), buffer, patience=3600.0)
    async with taking(intake):
        tap = Tap(intake, 0, 8192)
        for _ in range(3):
            await anext(tap)
        waiting = asyncio.ensure_future(anext(tap))
        await settle()
        assert (waiting.done(), buffer.end) == (False, 3000)
        buffer.cover(2000)
        intake.freed()
        assert await waiting == CHUNK


async def test_a_full_buffer_of_audio_that_had_its_time_holds_nobody_back() -> None:
    buffer = ReplayBuffer(LIMIT)
    intake = Intake(of([CHUNK] * 9), buffer, patience=0.0)
    async with taking(intake):
        heard = [piece async for piece in Tap(intake, 0, 8192)]
    assert len(heard) == 9
    assert buffer.end - buffer.start <= LIMIT


async def test_a_broken_stream_leaves_its_endpoint_even_for_a_busier_one() -> None:
    async def stay(stream: Stream) -> None:
        await stream.receive()
        await stream.say(final("hello"))
        await stream.receive_all()

    async def first_stays(stream: Stream) -> None:
        await (stay if len(busy.streams) == 1 else Reader())(stream)

    async def first_stays_then_breaks(stream: Stream) -> None:
        await (Reader(2) if len(idle.streams) == 1 else Reader())(stream)

    busy, idle = FakeRiva(script=first_stays), FakeRiva(script=first_stays_then_breaks)
    microphone = Microphone()
    microphone.speak(tone(0.02))
    async with serving(busy), serving(idle), client_of_all(busy, idle) as client:
        async with aclosing(client.stream_transcribe(microphone.listen())) as transcripts:
            await anext(transcripts)
            check(await hear(client))
        assert (len(busy.streams), len(idle.streams)) == (2, 1)
