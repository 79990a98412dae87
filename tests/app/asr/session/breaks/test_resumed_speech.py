"""Real speech that goes on in another stream from a cursor, and finals on request in its middle.

One emulator process that hears; the audio after a cursor is all that the second stream gets. Words
are compared without punctuation and capitals, which depend on where a recogniser began to listen.
That a NIM's word times are as good is not proved here.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from app.asr import Finalised, Transcript
from ops.qa.wer import count_errors
from tests.app.asr.session.breaks.test_reopened_speech import (
    DEADLINE_S,
    Recogniser,
    check,
    client_of,
)
from tests.app.asr.session.pushing import Caller, events_of
from tests.app.asr.sound import of
from tests.support.recognisers.speech import FIXTURES, clips, golden, pcm

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from app.asr import Cursor, RivaASRClient, StreamEvent

pytestmark = [pytest.mark.xdist_group("engine"), pytest.mark.asyncio(loop_scope="module")]

CHUNK_S = 0.2


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def recogniser() -> AsyncIterator[Recogniser]:
    running = Recogniser()
    try:
        await running.start()
        yield running
    finally:
        await running.kill()


def recording(clip_id: str) -> tuple[bytes, int]:
    (clip,) = (clip for clip in clips() if clip.id == clip_id)
    samples, rate = pcm(FIXTURES / clip.file)
    return samples.astype("<i2").tobytes(), rate


def chunks(data: bytes, rate: int) -> list[bytes]:
    step = round(rate * CHUNK_S) * 2
    return [data[at : at + step] for at in range(0, len(data), step)]


async def finals(
    client: RivaASRClient, data: bytes, rate: int, cursor: Cursor | None = None
) -> list[Transcript]:
    kept = data if cursor is None else data[round(cursor.position * rate) * 2 :]
    stream = client.stream_transcribe(of(chunks(kept, rate)), rate, resume_from=cursor)
    return [transcript async for transcript in stream if transcript.is_final]


@pytest.mark.parametrize(
    "clip_id", [pytest.param("clean_us_f", marks=pytest.mark.slow), "tel8k_us_f"]
)
async def test_speech_goes_on_from_the_cursor_of_every_final(
    recogniser: Recogniser, clip_id: str
) -> None:
    data, rate = recording(clip_id)
    async with (
        aclosing(client_of([recogniser])) as client,
        asyncio.timeout(DEADLINE_S),
    ):
        undisturbed = await finals(client, data, rate)
        assert len(undisturbed) > 1
        for index, last in enumerate(undisturbed[:-1]):
            assert last.cursor is not None
            rest = await finals(client, data, rate, last.cursor)
            check(clip_id, [*undisturbed[: index + 1], *rest])


@pytest.mark.slow
async def test_finals_on_request_in_the_pauses_keep_every_word(recogniser: Recogniser) -> None:
    clip_id = "clean_us_f"
    data, rate = recording(clip_id)
    control = Caller()
    async with (
        aclosing(client_of([recogniser])) as client,
        asyncio.timeout(DEADLINE_S),
    ):
        pauses = [final.words[-1].end for final in await finals(client, data, rate)][:-1]
        events = await heard_with_requests(client, data, rate, control, pauses)
    transcripts = [event for event in events if isinstance(event, Transcript) and event.is_final]
    text = " ".join(transcript.text for transcript in transcripts)
    assert count_errors(golden(clip_id).transcript, text).total == 0, text
    assert sum(isinstance(event, Finalised) for event in events) == len(pauses)
    assert any(transcript.forced for transcript in transcripts)
    assert [transcript.segment_id for transcript in transcripts] == list(range(len(transcripts)))


async def heard_with_requests(
    client: RivaASRClient, data: bytes, rate: int, control: Caller, pauses: list[float]
) -> list[StreamEvent]:
    """Hears the recording and asks for finals 0.2 s after each of these moments."""

    async def speak() -> AsyncIterator[bytes]:
        edges = [0, *(round((pause + 0.2) * rate) * 2 for pause in pauses), len(data)]
        for first, last in pairwise(edges):
            for chunk in chunks(data[first:last], rate):
                yield chunk
            if last < len(data):
                control.finalise()

    return [event async for event in events_of(client, speak(), control, rate)]
