"""A WebSocket server that plays one side of the contract from a script.

Every message it sends is built from the contract's own types. It stands in where a real gateway
cannot be made to misbehave on purpose; `test_with_a_gateway.py` holds the client against the real
one.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from ssl import SSLContext

from pydantic import BaseModel
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from app.contract import ERRORS, CloseCode, ErrorCode
from app.contract.dialect_a import (
    Connection,
    ErrorA,
    Partial,
    ServerConfig,
    SessionStarted,
    SessionStopped,
    Transcription,
)
from app.contract.fields import AudioFormats, GatewayLimits, Heartbeat, SessionConfig, WordTiming

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MAX_MESSAGE_BYTES = 1000


def hello() -> Connection:
    return Connection(
        connection_id="c1",
        server_config=ServerConfig(
            sample_rate=16000, channels=1, frame_ms=100, riva_target="scripted"
        ),
        timestamp=NOW,
        supported_audio_formats=AudioFormats(
            sample_rates=[16000], encodings=["pcm16"], channels=[1]
        ),
        limits=GatewayLimits(
            max_message_bytes=MAX_MESSAGE_BYTES,
            max_control_bytes=65536,
            max_session_s=None,
            idle_timeout_s=None,
        ),
    )


def started() -> SessionStarted:
    return SessionStarted(
        connection_id="c1",
        enable_partials=True,
        timestamp=NOW,
        session_id="s1",
        config=SessionConfig(
            sample_rate=16000, encoding="pcm16", channels=1, language=None, model=None
        ),
    )


def interim(segment: int, text: str) -> Partial:
    return Partial(segment_id=segment, text=text, timestamp=NOW, processing_time_ms=1.0)


def final(segment: int, text: str, words: Sequence[WordTiming] = ()) -> Transcription:
    return Transcription(
        segment_id=segment,
        text=text,
        timestamp=NOW,
        processing_time_ms=1.0,
        words=list(words),
        confidence=None,
    )


def stopped(segments: int = 0, audio_seconds: float = 0.0) -> SessionStopped:
    return SessionStopped(
        connection_id="c1",
        timestamp=NOW,
        session_id="s1",
        audio_seconds=audio_seconds,
        segments=segments,
    )


def heartbeat(*, received: float, recognised: float) -> Heartbeat:
    return Heartbeat(
        timestamp=NOW,
        audio_received=received,
        audio_recognised=recognised,
        queued=received - recognised,
        realtime_factor=None,
    )


def error(code: ErrorCode, sentence: str) -> ErrorA:
    spec = ERRORS[code]
    return ErrorA(
        error=sentence,
        code=code,
        retryable=spec.retryable,
        retry_after=spec.retry_after_s,
        timestamp=NOW,
    )


@dataclass
class Peer:
    """The server's end of one connection, and what it has received."""

    socket: ServerConnection
    controls: list[dict[str, object]] = field(default_factory=list)
    frames: list[bytes] = field(default_factory=list)

    async def say(self, *messages: BaseModel) -> None:
        for message in messages:
            await self.socket.send(message.model_dump_json())

    async def hear(self, kind: str) -> dict[str, object]:
        """Take in everything up to a control message of this type."""
        while True:
            raw = await self.socket.recv()
            if isinstance(raw, bytes):
                self.frames.append(raw)
                continue
            message: dict[str, object] = json.loads(raw)
            self.controls.append(message)
            if message["type"] == kind:
                return message

    async def hear_frame(self) -> None:
        """Take in one message of audio."""
        raw = await self.socket.recv()
        assert isinstance(raw, bytes)
        self.frames.append(raw)

    async def begin(self) -> dict[str, object]:
        """Greet, wait for a start message and accept it."""
        await self.say(hello())
        options = await self.hear("start_transcription")
        await self.say(started())
        return options

    async def give_up(self, code: ErrorCode, sentence: str) -> None:
        """Say why, then close with the code the contract gives that reason."""
        await self.say(error(code, sentence))
        close_code = ERRORS[code].close_code
        assert close_code is not None
        await self.socket.close(close_code)


Script = Callable[[Peer], Awaitable[None]]


@dataclass
class Gateway:
    """A running server: where it is, and every connection it had."""

    url: str
    peers: list[Peer]
    requests: list[Request]


@asynccontextmanager
async def scripted(
    script: Script,
    *,
    refusal: tuple[HTTPStatus, dict[str, str], bytes] | None = None,
    tls: SSLContext | None = None,
) -> AsyncIterator[Gateway]:
    """Serve a script on a free port of the loopback address."""
    peers: list[Peer] = []
    requests: list[Request] = []

    async def handle(socket: ServerConnection) -> None:
        peer = Peer(socket)
        peers.append(peer)
        try:
            await script(peer)
        except ConnectionClosed:
            return

    def process(_: ServerConnection, request: Request) -> Response | None:
        requests.append(request)
        if refusal is None:
            return None
        status, headers, body = refusal
        fields = Headers({**headers, "Content-Length": str(len(body)), "Connection": "close"})
        return Response(status.value, status.phrase, fields, body)

    server: Server
    async with serve(
        handle, "127.0.0.1", 0, process_request=process, ssl=tls, close_timeout=1
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        scheme = "ws" if tls is None else "wss"
        yield Gateway(f"{scheme}://127.0.0.1:{port}/ws", peers, requests)


__all__ = [
    "MAX_MESSAGE_BYTES",
    "CloseCode",
    "Gateway",
    "Peer",
    "Script",
    "error",
    "final",
    "heartbeat",
    "hello",
    "interim",
    "scripted",
    "started",
    "stopped",
]
