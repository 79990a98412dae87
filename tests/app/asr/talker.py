"""A recogniser that hears a word in each whole block of numbered samples and can be told manners.

Where a word begins and ends stands in the audio itself, so a word that is lost, said twice or moved
in time shows at once. It hears a word only whole: one that is cut in two is no word to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc
import numpy as np

from tests.app.asr.sound import tone
from tests.support.recognisers.fake_riva import final, interim, word

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.asr import Transcript
    from tests.support.recognisers.fake_riva import Response, Stream

RATE = 16_000
BLOCK = 4000  # samples a word is long: 0.25 s
WORD_S = BLOCK / RATE


def speech(words: int) -> bytes:
    """Audio in which so many words are heard; at most 16, the samples' numbers end there."""
    return tone(words * WORD_S)


def chunks(audio: bytes, size: int = 2000) -> list[bytes]:
    return [audio[at : at + size] for at in range(0, len(audio), size)]


def names(first: int, last: int) -> list[str]:
    return [f"w{number}" for number in range(first, last)]


def said(heard: list[Transcript]) -> list[str]:
    """The words of all finals."""
    return [name for transcript in heard if transcript.is_final for name in transcript.text.split()]


@dataclass(frozen=True, kw_only=True)
class Talker:
    """Says what it hears in its manner.

    Attributes:
        words_a_final: after so many words it gives a final; None only at half-close.
        ends: whether it gives a final at half-close; else it leaves its interim standing.
        times: whether words have times.
        told: whether it says how much audio it has used.
        dies_after: words after which it fails; None never.
        dies_of: the status it fails with.
        dies_at_end: whether it fails at half-close, before it says anything.
        at_end: awaited at half-close.
        silent: blocks in which nobody speaks.
        repeats: whether it says an open interim again with each chunk that has no new word.
    """

    words_a_final: int | None = 1
    ends: bool = True
    times: bool = True
    told: bool = True
    dies_after: int | None = None
    dies_of: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE
    dies_at_end: bool = False
    at_end: Callable[[], Awaitable[None]] | None = None
    silent: frozenset[int] = frozenset()
    repeats: bool = False

    async def __call__(self, stream: Stream) -> None:
        open_words: list[int] = []
        heard = 0
        while await stream.receive() is not None:
            new = [n for n in whole_words(stream.audio) if n not in self.silent][heard:]
            if self.repeats and open_words and not new:
                await stream.say(self._result(stream.audio, open_words, is_final=False))
            for number in new:
                if heard == self.dies_after:
                    await stream.fail(self.dies_of, "gone")
                heard += 1
                open_words.append(number)
                is_final = len(open_words) == self.words_a_final
                await stream.say(self._result(stream.audio, open_words, is_final=is_final))
                if is_final:
                    open_words.clear()
        if self.at_end is not None:
            await self.at_end()
        if self.dies_at_end:
            await stream.fail(self.dies_of, "gone")
        if open_words and self.ends:
            await stream.say(self._result(stream.audio, open_words, is_final=True))

    def _result(self, audio: bytes, numbers: list[int], *, is_final: bool) -> Response:
        first = first_sample(audio)
        text = " ".join(f"w{number}" for number in numbers)
        begins = [(number * BLOCK - first) * 1000 // RATE for number in numbers]
        processed = (begins[-1] + WORD_S * 1000) / 1000 if self.told else 0.0
        if self.told and self.repeats:
            processed = len(audio) / 2 / RATE
        words = [
            word(f"w{number}", begin, begin + round(WORD_S * 1000))
            for number, begin in zip(numbers, begins, strict=True)
        ]
        if not is_final:
            return interim(text, audio_processed=processed)
        return final(text, *(words if self.times else ()), audio_processed=processed)


def first_sample(audio: bytes) -> int:
    return int(np.frombuffer(audio[:2], "<u2")[0])


def whole_words(audio: bytes) -> list[int]:
    if len(audio) < 2:
        return []
    first = first_sample(audio)
    return list(range(-(-first // BLOCK), (first + len(audio) // 2) // BLOCK))


@dataclass
class Turns:
    """A manner for each stream, in the order of opening; the last one stays."""

    scripts: list[Callable[[Stream], Awaitable[None]]] = field(default_factory=list)

    async def __call__(self, stream: Stream) -> None:
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        await script(stream)
