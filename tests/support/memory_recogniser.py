"""A wire and a recogniser in memory, for tests that play through many orders of events.

The session, the gateway, its admission and its tokens are the real ones. The recogniser hears
"words": every 0.1 s of audio whose samples hold the number n is the word `wn`. So a lost or doubled
word is a gap or a repetition in numbers.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

from app.asr import (
    DEFAULT_GROUP,
    AsrError,
    Cursor,
    Fault,
    Finalised,
    Interrupted,
    Readiness,
    Resumed,
    RivaASRClient,
    RivaSettings,
    Route,
    SessionOptions,
    StreamEvent,
    Transcript,
    Word,
)
from app.contract import ContractError

RATE = 16_000
WORD_S = 0.1
WORD_BYTES = 3200
WORDS_A_FINAL = 3


def audio_of(first: int, last: int) -> bytes:
    """Return the audio of the words from `first` to before `last`."""
    return b"".join(n.to_bytes(2, "little") * (WORD_BYTES // 2) for n in range(first, last))


class MemorySocket:
    """What a client and a gateway hold the two ends of; uvicorn's part of the conversation."""

    render_end: Callable[[ContractError], Sequence[str]] | None = None
    failure: ContractError | None = None
    owner = b""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.code: int | None = None
        self.after_close: list[str] = []
        self.is_gone = False
        self._to_gateway: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
        self._reads = asyncio.Event()
        self._reads.set()

    # The client's end

    def say(self, message: str | bytes) -> None:
        """Send as a client."""
        key = "text" if isinstance(message, str) else "bytes"
        self._to_gateway.put_nowait({"type": "websocket.receive", key: message})

    def leave(self, code: int) -> None:
        """Be gone."""
        self.is_gone = True
        self._to_gateway.put_nowait({"type": "websocket.disconnect", "code": code})
        self._reads.set()

    def fail(self, error: ContractError, code: int) -> None:
        """Have the layer below end the connection, as it does for text that is not UTF-8."""
        assert self.render_end is not None
        for text in self.render_end(error):
            self._hear(text)
        self._close(code)
        self.failure = error
        self.leave(code)

    def read(self, *, on: bool) -> None:
        """Stop to read, or go on."""
        if on:
            self._reads.set()
        else:
            self._reads.clear()

    # The gateway's end

    @property
    def flowing(self) -> bool:
        return self._reads.is_set()

    @property
    def waiting(self) -> bool:
        return not self._to_gateway.empty()

    async def receive(self) -> Mapping[str, Any]:
        return await self._to_gateway.get()

    def push(self, text: str) -> None:
        if self.is_gone:
            raise ConnectionResetError("gone")
        self._hear(text)

    def cut(self, texts: Sequence[str], code: int) -> None:
        if not self.is_gone:
            for text in texts:
                self._hear(text)
            self._close(code)

    async def deliver(self, text: str) -> None:
        await self._reads.wait()
        if self.is_gone:
            raise ConnectionResetError("gone")
        self._hear(text)

    async def end(self, code: int, _reason: str) -> None:
        self._close(code)

    def _hear(self, text: str) -> None:
        if self.code is None:
            self.heard.append(json.loads(text))
        else:
            self.after_close.append(text)

    def _close(self, code: int) -> None:
        if self.code is None and not self.is_gone:
            self.code = int(code)


class MemoryStream:
    """One session of the recogniser; the test says what goes wrong in it."""

    unsent = 0.0

    def __init__(self, begin: Cursor, entered: Callable[[Self], None], *, interims: bool) -> None:
        self._interims = interims
        self._begin = begin
        self._entered = entered
        self._inbox: asyncio.Queue[bytes | str] = asyncio.Queue()
        self._rest = b""
        self._words: list[int] = []
        self._taken = self._heard = 0
        self._made = begin  # as far as finals were made ...
        self._used = begin  # ... and used
        self._given: Transcript | None = None
        self._lost_from: float | None = None
        self._is_complete = False
        self.has_ended = False
        self.is_open = True

    async def send(self, pcm: bytes) -> bool:
        if self.has_ended:
            return False
        self._taken += len(pcm)
        self._inbox.put_nowait(pcm)
        return True

    def finalise(self) -> None:
        self._inbox.put_nowait("finalise")

    def end(self, last: bytes = b"") -> None:
        if not self.has_ended:
            self._taken += len(last)
            self._inbox.put_nowait(last)
            self._inbox.put_nowait("end")
            self.has_ended = True

    def do(self, what: str) -> None:
        """Make it break and come back, refuse, fail, or end too early."""
        self._inbox.put_nowait(what)

    @property
    def segment_id(self) -> int:
        return self._used.segment_id

    @property
    def cursor(self) -> Cursor | None:
        return self._used

    @property
    def recognised(self) -> float:
        return self._seconds(self._taken)

    @property
    def lost(self) -> tuple[float, float] | None:
        start = self._used.covered if self._lost_from is None else self._lost_from
        taken = self._seconds(self._taken)
        return None if self._is_complete or taken - start < 0.001 else (start, taken)

    async def __aenter__(self) -> Self:
        self._events = self._run()
        self._entered(self)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.is_open, self.has_ended = False, True
        await self._events.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> StreamEvent:
        if self._given is not None and self._given.cursor is not None:
            self._used = self._given.cursor
        self._given = None
        try:
            event = await anext(self._events)
        except StopAsyncIteration:
            self._is_complete = self.has_ended
            raise
        except AsrError as error:
            self.has_ended = True
            if error.lost is not None:
                self._lost_from = error.lost[0]
            raise
        if isinstance(event, Transcript) and event.is_final:
            self._given = event
        return event

    async def _run(self) -> AsyncGenerator[StreamEvent]:
        while True:
            item = await self._inbox.get()
            if isinstance(item, bytes):
                for event in self._hear(item):
                    yield event
            elif item == "end":
                for event in self._make_final():
                    yield event
                return
            else:
                async for event in self._obey(item):
                    yield event

    async def _obey(self, what: str) -> AsyncGenerator[StreamEvent]:
        match what:
            case "finalise":
                for event in self._make_final(forced=True):
                    yield event
                yield Finalised(position=self._seconds(self._heard))
            case "break":
                yield Interrupted(code="UNAVAILABLE", position=self._seconds(self._taken))
                yield Resumed(replayed_from=self._made.position, outage=0.5)
            case _:
                fault = Fault.CALLER if what == "refuse" else Fault.SERVICE
                error = AsrError("INTERNAL", "no", retryable=True, fault=fault)
                taken = self._seconds(self._taken)
                if taken > self._made.covered:
                    error.lost = (self._made.covered, taken)
                raise error

    def _hear(self, chunk: bytes) -> list[StreamEvent]:
        self._heard += len(chunk)
        self._rest += chunk
        found: list[StreamEvent] = []
        while len(self._rest) >= WORD_BYTES:
            self._words.append(int.from_bytes(self._rest[:2], "little"))
            self._rest = self._rest[WORD_BYTES:]
            if len(self._words) == WORDS_A_FINAL:
                found += self._make_final()
        if self._words and self._interims:
            found.append(self._transcript(is_final=False))
        return found

    def _make_final(self, *, forced: bool = False) -> list[StreamEvent]:
        if not self._words:
            return []
        final = self._transcript(is_final=True, forced=forced)
        end = final.words[-1].end
        self._made = Cursor(position=end, covered=end, segment_id=self._made.segment_id + 1)
        self._words = []
        return [replace(final, cursor=self._made)]

    def _transcript(self, *, is_final: bool, forced: bool = False) -> Transcript:
        start = self._made.covered
        words = tuple(
            Word(
                word=f"w{number}",
                start=round(start + at * WORD_S, 6),
                end=round(start + (at + 1) * WORD_S, 6),
                confidence=None,
                speaker=None,
                language=None,
            )
            for at, number in enumerate(self._words)
        )
        return Transcript(
            text=" ".join(word.word for word in words),
            is_final=is_final,
            words=words if is_final else (),
            confidence=None,
            stability=None,
            audio_processed=words[-1].end,
            channel=None,
            languages=(),
            segment_id=self._made.segment_id,
            forced=forced,
        )

    def _seconds(self, taken: int) -> float:
        return self._begin.position + taken / (2 * RATE)


class MemoryRecogniser:
    """What the gateway uses of `app.asr.RivaASRClient`.

    Attributes:
        streams: Every session that was entered.
    """

    has_fallback = True
    files_at_once = 1
    groups = (DEFAULT_GROUP,)

    def __init__(self) -> None:
        self.streams: list[MemoryStream] = []
        self.current_route = Route.PRIMARY
        self.credentials = RivaASRClient(RivaSettings()).credentials

    def slots(self) -> int | None:
        return None

    def endpoints(self) -> tuple[()]:
        return ()

    def route(self, route: Route) -> None:
        self.current_route = route

    def group_of(self, _: SessionOptions) -> str:
        return DEFAULT_GROUP

    def languages(self, _: str) -> tuple[str, ...]:
        return ("en-US",)

    def known_models(self, _: str) -> tuple[()]:
        return ()

    async def ready(self, _: str) -> Readiness:
        return Readiness(ready=True, reason=None, models=())

    def model_of(self, _: SessionOptions) -> str:
        return ""

    async def check(self, options: SessionOptions) -> str:
        return options.language or "en-US"

    def session(self, options: SessionOptions, *, resume: Cursor, **_: object) -> MemoryStream:
        return MemoryStream(resume, self.streams.append, interims=options.enable_partials)
