"""Recognisers that say interims and never a final: what stands becomes final, and nothing twice.

Over real gRPC, with a recogniser that hears the numbers in the samples; the gaps are fractions of a
second where seconds are usual. Which recognisers are like that in the field is not shown here.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from app.asr.session.quiet import QuietCut, QuietGap
from app.asr.wire.timeline import Timeline
from tests.app.asr.conftest import client_of
from tests.app.asr.sound import of, tone
from tests.app.asr.talker import BLOCK, Talker, chunks, names, said, speech
from tests.support.recognisers.fake_riva import FakeRiva, Stream, final, interim, serving, word

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from app.asr import RivaASRClient, Transcript

AUDIO = speech(14)
SILENT = frozenset(range(3, 10))
WORDS = [*names(0, 3), *names(10, 14)]
NEVER_FINAL = Talker(words_a_final=None, ends=False, silent=SILENT)


def blocks(first: int, last: int) -> bytes:
    return AUDIO[first * BLOCK * 2 : last * BLOCK * 2]


async def finals(client: RivaASRClient, audio: AsyncIterator[bytes]) -> list[Transcript]:
    stream = client.stream_transcribe(audio)
    return [transcript async for transcript in stream if transcript.is_final]


async def test_an_interim_that_stands_at_the_end_becomes_final_as_it_was_said() -> None:
    async def script(stream: Stream) -> None:
        await stream.receive_all()
        one, two = interim("one", audio_processed=0.1), interim("two", audio_processed=0.2)
        one.alternatives[0].confidence = 0.5
        two.alternatives[0].words.append(word("two", 100, 200))
        await stream.say(interim("wan"))
        await stream.say(one, two)

    async with serving(FakeRiva(script=script)) as riva, client_of(riva) as client:
        [heard] = await finals(client, of([tone(0.3)]))
    assert (heard.text, [w.word for w in heard.words]) == ("one two", ["two"])
    assert (heard.confidence, heard.stability, heard.forced) == (None, None, True)
    assert heard.cursor is not None
    assert heard.cursor.covered == pytest.approx(0.2)


async def test_an_interim_that_was_taken_back_does_not_become_final() -> None:
    async def script(stream: Stream) -> None:
        await stream.receive_all()
        await stream.say(interim("uh"))
        await stream.say(interim("") if len(riva.streams) == 1 else final(""))

    async with serving(FakeRiva(script=script)) as riva, client_of(riva) as client:
        assert await finals(client, of([tone(0.3)])) == []
        assert await finals(client, of([tone(0.3)])) == []


async def test_what_stands_while_the_recogniser_hears_on_is_made_final() -> None:
    heard_so_far = asyncio.Queue[None]()

    async def paced() -> AsyncIterator[bytes]:
        for block in range(14):
            yield blocks(block, block + 1)
            await heard_so_far.get()

    class Paced(Talker):
        async def __call__(self, stream: Stream) -> None:
            receive = stream.receive

            async def receive_and_tell() -> bytes | None:
                if stream.chunks:
                    heard_so_far.put_nowait(None)
                return await receive()

            stream.receive = receive_and_tell  # type: ignore[method-assign]  # paces the caller
            await super().__call__(stream)

    script = Paced(words_a_final=None, ends=False, silent=SILENT, repeats=True)
    async with (
        serving(FakeRiva(script=script)) as riva,
        client_of(riva, quiet_gap_s=0.5) as client,
        asyncio.timeout(20),
    ):
        heard = await finals(client, paced())
        assert len(riva.streams) > 1
    assert said(heard) == WORDS
    assert all(transcript.forced for transcript in heard)


class Waiting:
    """Words, then what the test gives until a final comes, then words again."""

    def __init__(self, silence: bytes) -> None:
        self._silence = silence
        self.is_heard, self.is_final = asyncio.Event(), asyncio.Event()

    async def speak(self) -> AsyncIterator[bytes]:
        yield blocks(0, 3)
        await self.is_heard.wait()
        if self._silence:
            yield self._silence
        await self.is_final.wait()
        yield blocks(3, 14)[len(self._silence) :]

    async def hear(self, client: RivaASRClient) -> list[Transcript]:
        heard = []
        async for transcript in client.stream_transcribe(self.speak()):
            if said([replace(transcript, is_final=True)]) == WORDS[:3]:
                self.is_heard.set()
            if transcript.is_final:
                self.is_final.set()
                heard.append(transcript)
        return heard


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("ends", [True, False])
async def test_what_stands_when_nothing_more_is_said_is_made_final(
    *, told: bool, ends: bool
) -> None:
    script = Talker(words_a_final=None, ends=ends, told=told, silent=SILENT)
    async with (
        serving(FakeRiva(script=script)) as riva,
        client_of(riva, quiet_gap_s=0.3) as client,
        asyncio.timeout(20),
    ):
        heard = await Waiting(blocks(3, 6)).hear(client)
        assert len(riva.streams) == 2
    assert [transcript.text for transcript in heard] == [" ".join(names(0, 3)), " ".join(WORDS[3:])]
    assert [transcript.forced for transcript in heard] == [True, not ends]


async def test_what_stands_while_the_caller_pauses_is_made_final() -> None:
    async with (
        serving(FakeRiva(script=NEVER_FINAL)) as riva,
        client_of(riva, quiet_gap_s=0.3, silence_interval_s=0.1) as client,
        asyncio.timeout(20),
    ):
        heard = await Waiting(b"").hear(client)
    assert said(heard) == WORDS


async def test_without_a_gap_it_is_made_final_at_the_end_alone() -> None:
    async with (
        serving(FakeRiva(script=NEVER_FINAL)) as riva,
        client_of(riva, quiet_gap_s=0) as client,
    ):
        [heard] = await finals(client, of(chunks(AUDIO)))
        assert len(riva.streams) == 1
    assert said([heard]) == WORDS


def standing(text: str, processed: float | None) -> SimpleNamespace:
    return SimpleNamespace(text=text, audio_processed=processed)


async def test_a_gap_is_counted_in_audio_heard_since_the_text_changed() -> None:
    rung: list[float] = []
    at = 0.0

    def ring() -> bool:
        rung.append(at)
        return False

    gap = QuietGap(2.0, Timeline(16000), lambda: True, ring)
    said = [(1.0, "a"), (2.5, "a"), (2.9, "a b"), (4.8, "a b"), (4.8, "a b"), (5.0, "a b")]
    for at, text in said:
        gap.heard(standing(text, at))  # type: ignore[arg-type]  # the part of it that is used
    gap.close()
    assert rung == [5.0]


async def test_a_caller_who_does_not_read_is_not_taken_for_a_quiet_recogniser() -> None:
    timeline = Timeline(1000)
    reads, rung = False, asyncio.Event()

    def ring() -> bool:
        rung.set()
        return False

    gap = QuietGap(0.02, timeline, lambda: reads, ring)
    gap.heard(standing("a", None))  # type: ignore[arg-type]  # the part of it that is used
    timeline.add_audio(1000)
    await asyncio.sleep(0.06)
    assert not rung.is_set()
    reads = True
    timeline.add_audio(1000)
    await asyncio.wait_for(rung.wait(), 20)
    gap.close()


async def test_a_gap_that_is_told_not_yet_rings_again() -> None:
    timeline, rung = Timeline(1000), asyncio.Event()
    answers = [True, True, False]

    def ring() -> bool:
        if len(answers) == 1:
            rung.set()
        return answers.pop(0)

    gap = QuietGap(0.02, timeline, lambda: True, ring)
    gap.heard(standing("a", 0.1))  # type: ignore[arg-type]  # the part of it that is used
    timeline.add_audio(1000)
    await asyncio.wait_for(rung.wait(), 20)
    gap.close()
    assert answers == []


async def test_a_cut_waits_for_a_pause_no_longer_than_its_patience_and_is_made_once() -> None:
    speaks, cuts = True, 0

    def end_here() -> None:
        nonlocal cuts
        cuts += 1
        reader.is_ending = True

    reader = SimpleNamespace(is_ending=False, position=0, end_here=end_here)
    coverage = SimpleNamespace(begins_to_speak=lambda _: speaks)

    cut = QuietCut(reader, coverage)  # type: ignore[arg-type]  # the parts that are used
    moments = iter((100.0, 101.5, 102.9, 103.0))
    cut._now = lambda: next(moments)
    assert [cut() for _ in range(5)] == [True, True, True, False, False]
    assert cuts == 1
    reader.is_ending = speaks = False
    assert (cut(), cuts) == (False, 2)
