"""A gateway to be broken at any point, that says exactly which audio it was given.

It "recognises" a segment of `SEGMENT_S` at a time: the final's text is a digest of the segment's
bytes. A byte too few, too many or in the wrong place changes every text from there on. What it
keeps between connections is nothing: the token has it all, as the contract wants it.
"""

import asyncio
import hashlib
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from ssl import SSLContext

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from app.contract import ERRORS, ErrorCode
from app.contract.dialect_a import (
    BridgeMetrics,
    Connection,
    ConnectionMetrics,
    Metrics,
    Partial,
    Pong,
    RivaMetrics,
    SessionStarted,
    SessionStopped,
    Transcription,
    WarningA,
)
from app.contract.fields import (
    Finalized,
    Heartbeat,
    Queued,
    Resumed,
    ResumeOffer,
    ResumePoint,
    ServerMessage,
)
from tests.support.gateways import scripted as play
from tests.support.gateways.scripted import NOW

RATE = 8000
SEGMENT_S = 0.05
SEGMENT_BYTES = round(RATE * SEGMENT_S) * 2


class At(StrEnum):
    """Where a connection breaks."""

    REFUSED = "refused"
    HELLO = "before the hello"
    START = "before the start is answered"
    STARTED = "after the start was answered"
    AUDIO = "after so many bytes of audio"
    FINAL = "after so many finals"
    UNSAID = "after so many segments, the last of which was not said"
    STOP = "before the last words"
    STOPPED = "after the last words, before the end was said"
    FINALIZE = "before a finalize is answered"
    PING = "before a ping or a question for metrics is answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """How one connection ends.

    Attributes:
        at: Where.
        count: Of what `at` counts.
        error: Said before the close; None for a connection that only breaks.
        status: Of the refusal.
        retry_after: Of the refusal, seconds.
        offer: Whether the hello offers to resume.
        as_bearer: Whether it offers that resume tokens stand for bearer tokens.
        leaving_after: Bytes of audio after which it warns that it goes away.
        queued: How many places in the waiting room it tells before it starts.
        reject: What a start that resumes is answered with.
        forgetful: Begins a new session where one was to be gone on with.
        finalizes: Whether it knows that message.
        points: Whether finals and heartbeats say where to go on from.
        deaf_after: Bytes of audio after which it takes and says nothing any more, not even pongs.
        unending: Makes nothing final unless it is asked to; tells how much it recognised.
        refuses: Says, once audio came, that the recogniser takes no such session.
        after_stop: Breaks after a session that ended well.
        own_end_after: Bytes of audio after which it takes no more, as one that finalises by its own
            wish, and is asked for the end or a finalize before it has come to it.
    """

    at: At | None = None
    count: int = 0
    error: ErrorCode | None = None
    status: HTTPStatus = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after: str | None = None
    offer: bool = True
    as_bearer: bool = False
    leaving_after: int | None = None
    queued: int = 0
    reject: ErrorCode | None = None
    forgetful: bool = False
    finalizes: bool = True
    points: bool = True
    deaf_after: int | None = None
    refuses: bool = False
    unending: bool = False
    after_stop: bool = False
    own_end_after: int | None = None


class BrokenError(Exception):
    """The connection ends here."""


_ANSWERS: dict[str, ServerMessage] = {
    "ping": Pong(timestamp=NOW),
    "get_metrics": Metrics(
        bridge=BridgeMetrics(
            total_connections=1,
            active_connections=1,
            active_transcription_sessions=1,
            total_audio_chunks_processed=0,
            total_transcriptions=0,
        ),
        riva=RivaMetrics(
            connected=True,
            total_audio_duration_s=0.0,
            total_segments=0,
            current_segment_id=0,
            host="scripted",
            model=None,
        ),
        connection=ConnectionMetrics(
            id="c1",
            created_at=NOW,
            session_active=True,
            total_audio_chunks=0,
            total_transcriptions=0,
        ),
        timestamp=NOW,
    ),
}


def text_of(audio: bytes) -> str:
    return hashlib.sha256(audio).hexdigest()[:16]


def texts_of(audio: bytes) -> list[str]:
    """What a session over this audio says when nothing breaks."""
    return [
        text_of(audio[start : start + SEGMENT_BYTES])
        for start in range(0, len(audio), SEGMENT_BYTES)
    ]


@dataclass
class Served:
    """One connection as the gateway saw it."""

    start: dict[str, object] | None = None
    audio: bytearray = field(default_factory=bytearray)
    position: float = 0.0
    left: asyncio.Event = field(default_factory=asyncio.Event)


def _token(position: float, segment: int) -> str:
    return json.dumps([position, segment])


class _Conversation:
    """One connection: takes messages, says finals, breaks where it is to."""

    def __init__(self, socket: ServerConnection, fault: Fault, served: Served) -> None:
        self.socket = socket
        self.fault = fault
        self.served = served
        self.segment = 0
        self.heard = bytearray()  # of the segment that is being spoken
        self.received = 0.0
        self.finals = 0
        self.warned = False

    async def run(self) -> None:
        try:
            await self._run()
        except BrokenError:
            if self.fault.error is None:
                self.socket.transport.abort()
                return
            await self.say(play.error(self.fault.error, "It is over"))
            close = ERRORS[self.fault.error].close_code
            assert close is not None
            await self.socket.close(close)

    async def say(self, message: ServerMessage) -> None:
        await self.socket.send(message.model_dump_json())

    def break_at(self, at: At, count: int = 0) -> None:
        if self.fault.at is at and count >= self.fault.count:
            raise BrokenError

    async def _run(self) -> None:
        self.break_at(At.HELLO)
        offer = ResumeOffer(
            token=_token(0.0, 0), window_s=60, heartbeat_s=5, as_bearer=self.fault.as_bearer
        )
        hello = play.hello().model_copy(update={"resume": offer if self.fault.offer else None})
        await self.say(hello)
        async for raw in self.socket:
            if isinstance(raw, bytes):
                await self._audio(raw)
                continue
            message = json.loads(raw)
            match message["type"]:
                case "start_transcription":
                    await self._start(message)
                case "ping" | "get_metrics":
                    self.break_at(At.PING)
                    await self.say(_ANSWERS[message["type"]])
                case "finalize" if not self.fault.finalizes:
                    await self.say(play.error(ErrorCode.UNKNOWN_MESSAGE_TYPE, "Unknown message"))
                case "finalize" | "stop_transcription" if self.fault.own_end_after is not None:
                    await self._own_end()
                case "finalize":
                    self.break_at(At.FINALIZE)
                    while self.heard:
                        await self._say_segment(forced=True)
                    await self.say(Finalized(timestamp=NOW, position=self.received))
                case "stop_transcription":
                    await self._stop()
                case other:
                    raise AssertionError(other)

    async def _start(self, message: dict[str, object]) -> None:
        self.served.start = message
        self.break_at(At.START)
        for place in range(self.fault.queued, 0, -1):
            await self.say(Queued(timestamp=NOW, place=place, seconds_left=9.0))
        if self.fault.reject is not None and message.get("resume"):
            await self.say(play.error(self.fault.reject, "No"))
            return
        token = message.get("resume")
        resumed = None
        if self.warned and self.fault.refuses:
            # Another session, with options that can be met.
            self.fault = Fault()
        self.segment, self.received, self.finals = 0, 0.0, 0
        self.heard.clear()
        if token is not None and not self.fault.forgetful:
            position, self.segment = json.loads(str(token))
            self.received = self.served.position = position
            resumed = Resumed(position=position, segment_id=self.segment)
        rate = {"config": play.started().config.model_copy(update={"sample_rate": RATE})}
        started: SessionStarted = play.started().model_copy(update={"resumed": resumed, **rate})
        await self.say(started)
        self.break_at(At.STARTED)

    async def _own_end(self) -> None:
        await self.say(play.error(ErrorCode.NO_ACTIVE_SESSION, "No session is running"))
        while self.heard:
            await self._say_segment()
        await self.say(play.stopped(self.segment, self.received))
        raise BrokenError

    async def _audio(self, raw: bytes) -> None:
        most = self.fault.own_end_after
        if most is not None:
            raw = raw[: most - len(self.served.audio)]
        if self.fault.refuses:
            if not self.warned:
                self.warned = True
                await self.say(play.error(ErrorCode.ASR_REJECTED, "no model for the language"))
            return
        self.served.audio += raw
        self.received += len(raw) / RATE / 2
        self.heard += raw
        leaving = self.fault.leaving_after
        if leaving is not None and len(self.served.audio) >= leaving and not self.warned:
            self.warned = True
            await self.say(
                WarningA(
                    warning="The gateway is going away",
                    code="going_away",
                    timestamp=NOW,
                    seconds_left=30,
                )
            )
        while len(self.heard) >= SEGMENT_BYTES and not self.fault.unending:
            await self._say_segment()
        if self.fault.unending:
            await self.say(self._beat(self.received, None))
        self.break_at(At.AUDIO, len(self.served.audio))
        if self.fault.deaf_after is not None and len(self.served.audio) >= self.fault.deaf_after:
            self.socket.transport.pause_reading()

    async def _say_segment(self, *, forced: bool = False) -> None:
        segment = bytes(self.heard[:SEGMENT_BYTES])
        if not segment:
            return
        del self.heard[:SEGMENT_BYTES]
        text = text_of(segment)
        await self.say(
            Partial(segment_id=self.segment, text=text, timestamp=NOW, processing_time_ms=1.0)
        )
        self.finals += 1
        self.break_at(At.UNSAID, self.finals)
        self.segment += 1
        position = self.received - len(self.heard) / RATE / 2
        point = None
        if self.fault.points:
            point = ResumePoint(position=position, token=_token(position, self.segment))
        final: Transcription = play.final(self.segment - 1, text).model_copy(
            update={"resume": point, "forced": forced}
        )
        await self.say(final)
        await self.say(self._beat(position, point))
        self.break_at(At.FINAL, self.finals)

    def _beat(self, recognised: float, point: ResumePoint | None) -> Heartbeat:
        return Heartbeat(
            timestamp=NOW,
            audio_received=self.received,
            audio_recognised=recognised,
            queued=self.received - recognised,
            realtime_factor=1.0,
            resume=point,
        )

    async def _stop(self) -> None:
        self.break_at(At.STOP)
        while self.heard:
            await self._say_segment()
        self.break_at(At.STOPPED)
        stopped: SessionStopped = play.stopped(self.segment, self.received)
        await self.say(stopped)
        if self.fault.after_stop:
            raise BrokenError


@dataclass
class Broken:
    """A running gateway, or rather as many as connections were made to this address."""

    url: str
    served: list[Served]
    requests: list[Request]
    hellos: list[Connection] = field(default_factory=list)


@asynccontextmanager
async def breaking(
    faults: Sequence[Fault], *, then: Callable[[], Fault] = Fault, tls: SSLContext | None = None
) -> AsyncIterator[Broken]:
    """Serve on a free port; each connection breaks as the next fault says, the rest as `then`."""
    left = deque(faults)
    taken: dict[int, Fault] = {}
    broken = Broken("", [], [])

    async def handle(socket: ServerConnection) -> None:
        served = Served()
        broken.served.append(served)
        fault = taken.pop(id(socket))
        try:
            await _Conversation(socket, fault, served).run()
        except ConnectionClosed:
            pass
        finally:
            served.left.set()

    def process(socket: ServerConnection, request: Request) -> Response | None:
        broken.requests.append(request)
        fault = left.popleft() if left else then()
        if fault.at is not At.REFUSED:
            taken[id(socket)] = fault
            return None
        fields = Headers({"Content-Length": "0", "Connection": "close"})
        if fault.retry_after is not None:
            fields["Retry-After"] = fault.retry_after
        return Response(fault.status.value, fault.status.phrase, fields, b"")

    async with serve(
        handle, "127.0.0.1", 0, process_request=process, close_timeout=1, ssl=tls
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        broken.url = f"{'ws' if tls is None else 'wss'}://127.0.0.1:{port}/ws"
        yield broken
