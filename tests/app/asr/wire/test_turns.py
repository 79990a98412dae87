"""A large answer is taken apart step by step, so that every other session has its turn.

Counted in turns of the event loop, not in time: how long a step takes depends on the machine.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from riva.client.proto import riva_asr_pb2

from app.asr.errors import AsrError
from app.asr.wire.allowance import Allowance
from app.asr.wire.results import StreamResults, offline_transcripts, words

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

STEP = 200
"""Words or results between two turns."""


class Turns:
    """How often somebody else had one."""

    count = 0


@asynccontextmanager
async def neighbour() -> AsyncIterator[Turns]:
    turns = Turns()

    async def run() -> None:
        while True:
            turns.count += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(run())
    try:
        yield turns
    finally:
        task.cancel()


def alternative(count: int) -> riva_asr_pb2.SpeechRecognitionAlternative:
    return riva_asr_pb2.SpeechRecognitionAlternative(
        transcript="a" * count,
        words=[
            riva_asr_pb2.WordInfo(word="a", start_time=10 * at, end_time=10 * at + 5)
            for at in range(count)
        ],
    )


@pytest.mark.parametrize(("count", "turns"), [(199, 0), (200, 1), (1000, 5)])
async def test_the_words_of_a_result(count: int, turns: int) -> None:
    async with neighbour() as others:
        found = await words(alternative(count), lambda seconds: seconds, 100.0)
    assert len(found) == count
    assert others.count == turns


@pytest.mark.parametrize(("count", "turns"), [(199, 0), (200, 1), (1000, 5)])
async def test_the_results_of_a_response(count: int, turns: int) -> None:
    response = riva_asr_pb2.StreamingRecognizeResponse(
        results=[
            riva_asr_pb2.StreamingRecognitionResult(alternatives=[alternative(1)], is_final=True)
            for _ in range(count)
        ]
    )
    results = StreamResults(lambda seconds: seconds, lambda: 100.0, word_times=False)
    async with neighbour() as others:
        found = [transcript async for transcript in results.transcripts(response)]
    assert [transcript.segment_id for transcript in found] == list(range(count))
    assert others.count == turns


@pytest.mark.parametrize(("count", "turns"), [(199, 0), (200, 1), (1000, 5)])
async def test_the_results_of_a_file(count: int, turns: int) -> None:
    response = riva_asr_pb2.RecognizeResponse(
        results=[
            riva_asr_pb2.SpeechRecognitionResult(alternatives=[alternative(1)])
            for _ in range(count)
        ]
    )
    async with neighbour() as others:
        found = await offline_transcripts(response, duration=100.0, word_times=False)
    assert len(found) == count
    assert others.count == turns


def add(times: int, letters: int, words: int, *, is_final: bool) -> None:
    """Count so many results of ten seconds of audio."""
    allowance = Allowance()
    for _ in range(times):
        allowance.add_result(10.0)
        allowance.add(letters, words, 10.0, is_final=is_final)


@pytest.mark.parametrize(
    ("times", "letters", "words", "is_final"),
    [
        # Of ten seconds: base and ten times what a second is allowed.
        (2_000 + 2_000, 1, 0, False),
        (1_000 + 200, 1, 0, True),
        (1, 205_000, 0, False),
        (1, 205_000, 0, True),
        (5, 41_000, 0, True),
        (1, 1, 2_500, True),
        (5, 1, 500, True),
    ],
)
def test_what_a_recogniser_may_say_in_ten_seconds_is_bounded(
    times: int, letters: int, words: int, *, is_final: bool
) -> None:
    add(times, letters, words, is_final=is_final)
    more = (times + 1, letters, words) if times > 1_000 else (times, letters + 1, words + 1)
    with pytest.raises(AsrError, match="ANSWER_TOO_LARGE"):
        add(*more, is_final=is_final)
