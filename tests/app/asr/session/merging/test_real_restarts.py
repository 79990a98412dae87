"""A reopened stream, real speech and an engine that hears: each word around the restart comes once.

"…before Thursday. If the weather…": the engine guesses the end of "Thursday" 0.3 s too early, and
the stop before its "d" is as quiet as the pause behind it. That other engines hear a word that
stands alone as well as this one does is not shown here.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from app.asr import Transcript, Word
from app.asr.session.buffer import ReplayBuffer
from app.asr.session.coverage import BEGINNING, Coverage
from ops.qa.wer import count_errors
from tests.support.recognisers.speech import FIXTURES, options, pcm
from tests.support.words import bare

if TYPE_CHECKING:
    from app.asr import Cursor
    from app.emulator.engine.recogniser import WhisperRecogniser
    from app.emulator.recognition import Hypothesis

pytestmark = [pytest.mark.xdist_group("engine"), pytest.mark.timeout(300)]

# Of the fixture "pauses": where the first stream begins, which makes the guess a bad one; the
# sentence that ends with "Thursday."; and the end of the next one.
FROM_S, NEXT = 13.24, "If the weather stays dry, the workers expect to finish the roof by the end"
STEP_S = 0.1


async def hear(engine: WhisperRecogniser, data: bytes, rate: int) -> list[Hypothesis]:
    session = engine.open(options(rate))

    async def write() -> None:
        await session.write(data)
        await session.end()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(write())
        return [heard async for heard in session.results()]


def transcript(heard: Hypothesis) -> Transcript:
    return Transcript(
        text=heard.text or "",
        is_final=True,
        words=tuple(
            Word(
                word=word.word,
                start=round(word.start, 3),
                end=round(word.end, 3),
                confidence=None,
                speaker=None,
                language=None,
            )
            for word in heard.words
        ),
        confidence=None,
        stability=None,
        audio_processed=heard.audio_processed,
        channel=None,
        languages=(),
        segment_id=0,
    )


class Listener:
    """One recording, heard by streams that begin where cursors say.

    Args:
        engine: loaded.
        data: PCM16 mono.
        rate: Hz.
    """

    def __init__(self, engine: WhisperRecogniser, data: bytes, rate: int) -> None:
        self._engine = engine
        self._data, self._rate = data, rate
        self._heard: dict[int, list[Hypothesis]] = {}

    def note(self, session: Coverage, final: Transcript) -> Transcript | None:
        """What a session says of a final that comes as soon as it can."""
        assert final.audio_processed is not None
        return session.note(final, round(final.audio_processed * self._rate))

    def session(self, cursor: Cursor) -> Coverage:
        """One that goes on from a cursor and has been sent everything."""
        start = round(cursor.position * self._rate)
        buffer = ReplayBuffer(10**9, start)
        buffer.append(self._data[start * 2 :], 0.0)
        return Coverage(buffer, self._rate, cursor, interims=True)

    def from_sample(self, start: int) -> list[Hypothesis]:
        """What is heard from there on; each place is decoded once."""
        if start not in self._heard:
            self._heard[start] = asyncio.run(
                hear(self._engine, self._data[start * 2 :], self._rate)
            )
        return self._heard[start]

    def rest(self, cursor: Cursor) -> str:
        """The words of a stream that begins there."""
        session, end = self.session(cursor), len(self._data) // 2
        heard = map(transcript, self.from_sample(round(cursor.position * self._rate)))
        finals = [session.note(final, end) for final in heard]
        return " ".join(final.text for final in finals if final is not None)


@pytest.fixture(scope="module")
def listener(engine: WhisperRecogniser) -> Listener:
    samples, rate = pcm(FIXTURES / "pauses.flac")
    return Listener(engine, samples[round(FROM_S * rate) :].astype("<i2").tobytes(), rate)


def thursday(listener: Listener) -> list[Hypothesis]:
    """The finals up to the one that ends with the word."""
    heard = listener.from_sample(0)
    (index,) = (n for n, said in enumerate(heard) if bare(said.text or "")[-1:] == ["thursday"])
    return heard[: index + 1]


@pytest.mark.slow
def test_a_word_that_goes_on_behind_its_guessed_end_is_not_heard_as_another_one(
    listener: Listener,
) -> None:
    session = listener.session(BEGINNING)
    finals = [transcript(heard) for heard in thursday(listener)]
    said = [listener.note(session, final) for final in finals]
    assert said[-1] is not None
    assert said[-1].cursor is not None
    assert count_errors(f"{NEXT} of the month.", listener.rest(said[-1].cursor)).total == 0


def test_wherever_its_end_is_guessed_the_word_is_said_once_and_the_next_is_there(
    listener: Listener,
) -> None:
    *before, last = map(transcript, thursday(listener))
    word = last.words[-1]
    guess = word.start + 0.05
    while guess < word.end + 0.6:
        session = listener.session(BEGINNING)
        moved = replace(word, end=guess)
        final = replace(last, words=(*last.words[:-1], moved))
        said = [listener.note(session, each) for each in (*before, final)]
        assert said[-1] is not None
        assert said[-1].cursor is not None
        rest = listener.rest(said[-1].cursor)
        assert count_errors(f"{NEXT} of the month.", rest).total == 0, (guess, rest)
        guess += STEP_S
