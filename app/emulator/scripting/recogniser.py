"""A recogniser that gives a script's results in step with the audio, without listening."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from itertools import count

from app.emulator.recognition import HeardWord, Hypothesis, StreamOptions
from app.emulator.scripting.script import ScriptedResult

_BACKLOG = 256  # results a client may be behind before its audio waits


def _moved(result: ScriptedResult, offset: float) -> Hypothesis:
    return Hypothesis(
        text=result.text,
        is_final=result.is_final,
        words=tuple(
            HeardWord(
                word=word.word,
                start=word.start + offset,
                end=word.end + offset,
                confidence=word.confidence,
            )
            for word in result.words
        ),
        confidence=result.confidence,
        stability=result.stability,
        audio_processed=result.at + offset,
    )


def _schedule(
    results: Sequence[ScriptedResult], repeat_every: float | None
) -> Iterator[Hypothesis]:
    for turn in count():
        for result in results:
            yield _moved(result, turn * (repeat_every or 0.0))
        if repeat_every is None or not results:
            return


class ScriptedSession:
    """One stream of a `ScriptedRecogniser`.

    Args:
        results: What to say, ascending by `at`.
        repeat_every: Seconds of audio after which `results` come again, or None.
        options: The client's wishes; without `interim_results` interims are left out.
    """

    def __init__(
        self,
        results: Sequence[ScriptedResult],
        repeat_every: float | None,
        options: StreamOptions,
    ) -> None:
        self._owed = _schedule(results, repeat_every)
        self._next = next(self._owed, None)
        self._endless = repeat_every is not None
        self._options = options
        self._bytes = 0
        self._queue: asyncio.Queue[Hypothesis | None] = asyncio.Queue(_BACKLOG)
        self._released = asyncio.Event()

    async def write(self, chunk: bytes) -> None:
        """Count the audio and queue the results that are due."""
        self._bytes += len(chunk)
        heard = self._bytes / self._options.audio.bytes_per_second
        while self._next is not None and self._next.audio_processed <= heard:
            await self._say(self._next)
            self._next = next(self._owed, None)

    async def end(self) -> None:
        """Queue the remaining results; none of a repeating script, which would never end."""
        while self._next is not None and not self._endless:
            await self._say(self._next)
            self._next = next(self._owed, None)
        await self._queue.put(None)

    async def _say(self, result: Hypothesis) -> None:
        if result.is_final or self._options.interim_results:
            await self._queue.put(result)

    async def results(self) -> AsyncGenerator[Hypothesis]:
        """Yield the results as they are queued, to the end."""
        gone = asyncio.ensure_future(self._released.wait())
        try:
            while True:
                get = asyncio.ensure_future(self._queue.get())
                await asyncio.wait({get, gone}, return_when=asyncio.FIRST_COMPLETED)
                if gone.done() or (result := await get) is None:
                    get.cancel()
                    return
                yield result
        finally:
            gone.cancel()

    def release(self) -> None:
        """End the results now."""
        self._released.set()
        self._next = None


class ScriptedRecogniser:
    """Says the same results on every stream; without results it is deaf, which costs nothing.

    Args:
        results: What every stream says, ascending by `at`.
        repeat_every: Seconds of audio after which `results` come again, or None.
    """

    def __init__(
        self, results: Sequence[ScriptedResult] = (), repeat_every: float | None = None
    ) -> None:
        self._results = tuple(results)
        self._repeat_every = repeat_every

    async def load(self) -> None:
        """Do nothing: there is nothing to load."""

    def open(self, options: StreamOptions) -> ScriptedSession:
        """Open a stream."""
        return ScriptedSession(self._results, self._repeat_every, options)

    async def aclose(self) -> None:
        """Do nothing: there is nothing to release."""
