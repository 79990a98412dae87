"""The caller's audio between the caller and whichever stream is open: when it is taken and kept."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from app.asr.session.buffer import AudioBuffer, ReplayReader
from app.asr.session.rules import BufferLimits
from tests.app.asr.session.breaks.test_reopened_streams import Reader, check, client_of_all, hear
from tests.app.asr.sound import Microphone, tone
from tests.support.recognisers.fake_riva import FakeRiva, Stream, final, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CHUNK = bytes(2000)
LIMIT = 2500  # samples: two chunks and a half


@asynccontextmanager
async def taking(audio: AudioBuffer) -> AsyncIterator[None]:
    """Nine chunks come from a caller who waits for room before each."""

    async def speak() -> None:
        for _ in range(9):
            await audio.room()
            audio.append(CHUNK)
        audio.end()

    task = asyncio.create_task(speak())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def buffer(patience: float, unsent: int = 0) -> AudioBuffer:
    return AudioBuffer(BufferLimits(unsent=unsent, unfinal=LIMIT, patience=patience))


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_nothing_is_taken_before_a_stream_asks_and_then_one_chunk_at_a_time() -> None:
    audio = buffer(patience=0.0)
    async with taking(audio):
        await settle()
        assert audio.held.end == 0
        reader = ReplayReader(audio, 0, 8192)
        assert await anext(reader) == CHUNK
        await settle()
        assert audio.held.end == 1000


async def test_while_no_stream_is_open_audio_is_taken_to_the_bound_and_none_of_it_goes() -> None:
    audio = buffer(patience=0.0)
    async with taking(audio):
        audio.fall_behind()
        await settle()
        assert (audio.held.start, audio.held.end) == (0, 3000)
        reader = ReplayReader(audio, 0, 8192)
        heard = b""
        while len(heard) < 9 * len(CHUNK):
            heard += await anext(reader)
        assert heard == CHUNK * 9


async def test_a_full_buffer_of_audio_that_had_no_time_yet_holds_the_caller_back() -> None:
    audio = buffer(patience=3600.0)
    async with taking(audio):
        reader = ReplayReader(audio, 0, 8192)
        for _ in range(3):
            await anext(reader)
        waiting = asyncio.ensure_future(anext(reader))
        await settle()
        assert (waiting.done(), audio.held.end) == (False, 3000)
        audio.held.cover(2000)
        audio.freed()
        assert await waiting == CHUNK


async def test_a_full_buffer_of_audio_that_had_its_time_holds_nobody_back() -> None:
    audio = buffer(patience=0.0)
    async with taking(audio):
        heard = [piece async for piece in ReplayReader(audio, 0, 8192)]
    assert len(heard) == 9
    assert audio.held.end - audio.held.start <= LIMIT


async def test_small_chunks_that_wait_are_given_together_up_to_the_limit() -> None:
    audio = buffer(patience=0.0, unsent=LIMIT)
    for value in range(25):
        audio.append(bytes([value]) * 30)
    audio.end()
    pieces = [piece async for piece in ReplayReader(audio, 0, 100)]
    assert [len(piece) for piece in pieces] == [100] * 7 + [50]
    assert b"".join(pieces) == b"".join(bytes([value]) * 30 for value in range(25))
    assert audio.sent == 375


async def test_unsent_audio_holds_the_caller_until_some_was_taken() -> None:
    audio = buffer(patience=0.0, unsent=1000)
    audio.append(bytes(2000))
    assert not audio.has_room
    waiting = asyncio.create_task(audio.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    reader = ReplayReader(audio, 0, 100)
    assert len(await anext(reader)) == 100
    await waiting


async def test_the_end_frees_a_caller_that_waits_and_what_it_had_is_not_taken() -> None:
    audio = buffer(patience=0.0, unsent=1000)
    audio.append(bytes(2000))
    waiting = asyncio.create_task(audio.room())
    await asyncio.sleep(0)
    audio.end()
    await waiting
    assert not audio.append(b"late")
    assert b"".join([piece async for piece in ReplayReader(audio, 0, 8192)]) == bytes(2000)


async def test_audio_that_nobody_was_sent_is_never_forced_out() -> None:
    audio = buffer(patience=0.0, unsent=4 * LIMIT)
    chunks = [bytes([value]) * 2000 for value in range(9)]
    for chunk in chunks:
        assert audio.has_room
        audio.append(chunk)
    audio.end()
    pieces = [piece async for piece in ReplayReader(audio, 0, 8192)]
    assert b"".join(pieces) == b"".join(chunks)


async def test_both_limits_hold_while_the_call_that_is_open_takes_nothing() -> None:
    audio = buffer(patience=0.0, unsent=1000)
    reader = ReplayReader(audio, 0, 8192)

    def fill() -> int:
        taken = 0
        while audio.has_room:
            audio.append(CHUNK)
            taken += 1
        return taken

    assert fill() == 1
    for _ in range(8):
        await anext(reader)
        assert fill() == 1
    assert audio.held.end - audio.held.start <= LIMIT + 1000 + 1000


@given(
    chunks=st.lists(st.binary(max_size=90), max_size=20),
    most=st.integers(1, 60).map(lambda n: 2 * n),
    cut=st.one_of(st.none(), st.integers(0, 500)),
)
@settings(deadline=None)
def test_the_reader_gives_whole_samples_and_none_is_empty_or_too_large(
    chunks: list[bytes], most: int, cut: int | None
) -> None:
    async def read() -> tuple[list[bytes], bool]:
        audio = AudioBuffer(BufferLimits(unsent=10**6, unfinal=10**6, patience=0.0))
        for chunk in chunks:
            audio.append(chunk)
        audio.end()
        reader = ReplayReader(audio, 0, most)
        if cut is not None:
            reader.end_at(cut)
        return [piece async for piece in reader], reader.is_cut

    pieces, is_cut = asyncio.run(read())
    all_of_it = b"".join(chunks)
    whole = all_of_it[: len(all_of_it) // 2 * 2]
    assert b"".join(pieces) == (whole if cut is None else whole[: cut * 2])
    assert is_cut == (cut is not None and cut * 2 <= len(whole))
    assert all(0 < len(piece) <= most and len(piece) % 2 == 0 for piece in pieces)


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
