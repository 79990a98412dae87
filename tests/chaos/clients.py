"""Clients: Perch's own, and old ones that speak the dialects as the predecessor's clients did."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from time import monotonic
from typing import TYPE_CHECKING, Final

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_websocket
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from app.client import (
    ClientError,
    Deadlines,
    GatewayError,
    Partial,
    Reconnected,
    RefusedError,
    StartTranscription,
    Transcription,
    WarningA,
    connect,
)
from app.contract import WarningCode
from tests.chaos.speech import SAMPLE_BYTES, Pacing, Party, Recording, spoken
from tests.chaos.word_difference import TimedWord
from tests.support.processes import Place

if TYPE_CHECKING:
    from app.client import AnyConnection

UNHURRIED = Deadlines(open=60.0, start=60.0, send=120.0, finish=120.0)
"""A scenario has a deadline of its own; a loaded machine is slow."""
OLD_RATE = 16_000
"""What the predecessor's clients send, whatever they say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OldDialect:
    """The messages an old client knows."""

    path: str
    start: str
    started: str
    stop: str
    stopped: str


OLD_A = OldDialect(
    path="/",
    start="start_transcription",
    started="session_started",
    stop="stop_transcription",
    stopped="session_stopped",
)
OLD_B = OldDialect(
    path="/ws/transcribe",
    start="start_recording",
    started="recording_started",
    stop="stop_recording",
    stopped="recording_stopped",
)


@dataclass(slots=True, kw_only=True)
class Heard:
    """What one client saw of its session.

    Attributes:
        client: Which kind it is.
        what: What it said.
        interims: Whether it asked for interims.
        finals: Texts, in order.
        words: Of the finals, with their times.
        results_at: Monotonic moments of interims and finals.
        ended_at: When the session or the connection was over.
        warnings: Codes, in order.
        error: Code of what ended it; None for a good end.
        begun: Whether the gateway began the session; before that it takes no word.
        turned_away: Whether it was refused before it began, and may come again.
        lost: Span that the gateway said is in no final.
        sent_s: Seconds of audio handed to the socket.
        sent_when_warned_s: The same when the gateway said that it goes away.
        taken: Seconds of audio that the gateway says it took; None where it did not say.
        close_code: Of the connection, where the gateway closed it.
        hung: Whether it was still waiting at the scenario's deadline.
        resumed: How often it went on over a new connection.
    """

    client: str
    what: Recording
    interims: bool = True
    finals: list[str] = field(default_factory=list)
    words: list[TimedWord] = field(default_factory=list)
    results_at: list[float] = field(default_factory=list)
    ended_at: float | None = None
    warnings: list[str] = field(default_factory=list)
    error: str | None = None
    begun: bool = False
    turned_away: bool = False
    lost: tuple[float, float] | None = None
    sent_s: float = 0.0
    sent_when_warned_s: float | None = None
    taken: float | None = None
    close_code: int | None = None
    hung: bool = False
    resumed: int = 0

    @property
    def text(self) -> str:
        """All finals."""
        return " ".join(self.finals)

    def text_until(self, end: float) -> str:
        """All words that begin before a moment of the session's audio."""
        return " ".join(word.word for word in self.words if word.start < end)

    def longest_gap(self, since: float) -> float:
        """Longest time from a moment on between two results; the end counts as the last one."""
        marks = [since, *(at for at in self.results_at if at > since)]
        if self.ended_at is not None and self.ended_at > since:
            marks.append(self.ended_at)
        return max((later - earlier for earlier, later in pairwise(marks)), default=0.0)

    def final(self, text: str, words: list[tuple[str, float, float]]) -> None:
        """A final came."""
        self.results_at.append(monotonic())
        self.finals.append(text)
        self.words += [TimedWord(word=word, start=start, end=end) for word, start, end in words]

    def warned(self, code: str) -> None:
        """A warning came."""
        self.warnings.append(code)
        if code == WarningCode.GOING_AWAY:
            self.sent_when_warned_s = self.sent_s

    def signs(self) -> set[str]:
        """What it noticed: codes of warnings, and `reconnected`."""
        return {*self.warnings, *(["reconnected"] if self.resumed else [])}


Session = Callable[[Place, Heard, Pacing, Party | None], Coroutine[None, None, None]]
"""Runs one session into what was heard; ends without an exception whatever happened to it."""


def _perch(*, resume: bool) -> Session:
    async def session(place: Place, heard: Heard, pacing: Pacing, party: Party | None) -> None:
        options = StartTranscription(sample_rate=heard.what.rate, enable_partials=heard.interims)
        try:
            async with (
                connect(
                    f"{place.url}/ws",
                    token=place.token,
                    ssl_context=place.tls,
                    deadlines=UNHURRIED,
                    resume=resume,
                ) as line,
                aclosing(spoken(heard.what, pacing, party)) as pieces,
            ):
                await line.start(options)
                heard.begun = True
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(_listen(line, heard))
                    async for piece in pieces:
                        await line.send(piece)
                    heard.taken = (await line.finish()).audio_seconds
        except* ClientError as group:
            _failed(heard, group.exceptions[0])
        heard.ended_at = monotonic()

    return session


perch: Final = _perch(resume=False)
"""Sessions by `app.client` that end with their connection."""
resuming: Final = _perch(resume=True)
"""Sessions by `app.client` as it is used by default: they go on over another connection."""


async def _listen(line: AnyConnection, heard: Heard) -> None:
    async for event in line.events():
        match event:
            case Transcription():
                heard.final(event.text, [(w.word, w.start, w.end) for w in event.words])
            case Partial():
                heard.results_at.append(monotonic())
            case WarningA():
                heard.warned(event.code)
            case Reconnected():
                heard.resumed += 1
            case _:
                pass


def _failed(heard: Heard, error: BaseException) -> None:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, ClientError):
        heard.error = error.code or type(error).__name__
        heard.close_code = error.close_code
        # Told so before the upgrade or on the open connection: a gateway whose recogniser has just
        # gone takes connections until its next look at it.
        refused = isinstance(error, RefusedError | GatewayError) and error.retryable
        heard.turned_away = refused and not heard.begun
        lost = getattr(error, "lost", None)
        if lost is not None:
            heard.lost = (lost.start, lost.end)


def old(dialect: OldDialect) -> Session:
    """Sessions as a client of the predecessor has them: it knows the old keys and no others."""

    async def session(place: Place, heard: Heard, pacing: Pacing, party: Party | None) -> None:
        try:
            async with open_websocket(
                place.url + dialect.path, compression=None, ssl=place.tls, open_timeout=60.0
            ) as socket:
                await _old_session(dialect, socket, heard, pacing, party)
        except InvalidStatus as error:
            heard.error = f"HTTP {error.response.status_code}"
        except (OSError, WebSocketException) as error:
            heard.error = type(error).__name__
        heard.ended_at = monotonic()

    return session


async def _old_session(
    dialect: OldDialect,
    socket: ClientConnection,
    heard: Heard,
    pacing: Pacing,
    party: Party | None,
) -> None:
    if heard.what.rate != OLD_RATE:
        raise ValueError(f"rate is {heard.what.rate}; accepted: {OLD_RATE}, as old clients send")
    hello = json.loads(await socket.recv())
    if hello["type"] != "connection":
        raise ValueError(f"the first message is {hello['type']}; accepted: connection")
    await socket.send(json.dumps({"type": dialect.start}))
    asked_to_stop = asyncio.Event()
    reader = asyncio.create_task(_old_reader(dialect, socket, heard, asked_to_stop))
    try:
        async with aclosing(spoken(heard.what, pacing, party)) as pieces:
            async for piece in pieces:
                await socket.send(piece)
                heard.sent_s += len(piece) / SAMPLE_BYTES / OLD_RATE
        asked_to_stop.set()
        await socket.send(json.dumps({"type": dialect.stop}))
    except ConnectionClosed:
        pass  # the reader has what came before, and says why
    finally:
        await reader


async def _old_reader(
    dialect: OldDialect, socket: ClientConnection, heard: Heard, asked_to_stop: asyncio.Event
) -> None:
    """Read to the end of the session or of the connection, passing over what is not known."""
    with suppress(ConnectionClosed):
        async for text in socket:
            message = json.loads(text)
            match message["type"]:
                case "transcription":
                    # Dialect B counts word times from the start of the segment.
                    since = message.get("start", 0.0)
                    words = [
                        (w["word"], since + w["start"], since + w["end"]) for w in message["words"]
                    ]
                    heard.final(message["text"], words)
                case "partial":
                    heard.results_at.append(monotonic())
                case "error":
                    heard.error = message["code"]
                    heard.lost = _span(message.get("lost"))
                case "warning":
                    heard.warned(message["code"])
                case dialect.stopped:
                    heard.taken = message.get("audio_seconds", message.get("total_duration"))
                    if asked_to_stop.is_set():
                        return
                case _:
                    pass
    heard.close_code = socket.close_code


def _span(said: dict[str, float] | None) -> tuple[float, float] | None:
    return None if said is None else (said["start"], said["end"])
