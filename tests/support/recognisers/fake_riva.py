"""A gRPC server of Riva's recognition service whose every answer a test writes down beforehand.

It is a real grpc.aio server on 127.0.0.1, so flow control, deadlines, TLS and cancellation are
gRPC's own. It recognises nothing: app/emulator does.
"""

# ruff: noqa: ANN401 - generated messages and server contexts carry no types

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc.aio
from riva.client.proto import riva_asr_pb2, riva_asr_pb2_grpc

Response = Any  # the generated message classes carry no types


@dataclass
class Stream:
    """What the server saw of one StreamingRecognize call, and its end of it."""

    context: Any
    peer: str
    metadata: list[tuple[str, str | bytes]]
    opening: Any = None
    chunks: list[bytes] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: bool = False
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def audio(self) -> bytes:
        return b"".join(self.chunks)

    async def receive(self) -> bytes | None:
        """The next chunk of audio, or None at half-close."""
        request = await self.context.read()
        if request is grpc.aio.EOF:
            return None
        chunk: bytes = request.audio_content
        self.chunks.append(chunk)
        async with self.changed:
            self.changed.notify_all()
        return chunk

    async def receive_all(self) -> bytes:
        while await self.receive() is not None:
            pass
        return self.audio

    async def say(self, *results: Response) -> None:
        """Sends one response with these results."""
        await self.context.write(riva_asr_pb2.StreamingRecognizeResponse(results=results))

    async def fail(self, status: grpc.StatusCode, text: str) -> None:
        await self.context.abort(status, text)

    async def saw_audio(self, count: int) -> None:
        """Waits until that many chunks have come."""
        async with self.changed:
            await self.changed.wait_for(lambda: len(self.chunks) >= count)


Script = Callable[[Stream], Awaitable[None]]


async def hear_for_ever(stream: Stream) -> None:
    """Takes everything and waits to be cancelled, which a read alone shows as a half-close."""
    await stream.receive_all()
    await asyncio.Event().wait()


async def hear_all(stream: Stream) -> None:
    """The default script: takes everything, says nothing."""
    await stream.receive_all()


@dataclass
class FakeRiva(riva_asr_pb2_grpc.RivaSpeechRecognitionServicer):  # type: ignore[misc]  # generated, untyped
    """Scripts and what was seen."""

    script: Script = hear_all
    models: dict[str, dict[str, str]] = field(
        default_factory=lambda: {"parakeet-streaming": {"type": "online", "language_code": "en-US"}}
    )
    recognize: Callable[[Any, Any], Awaitable[Any]] | None = None
    failures_before_success: int = 0
    streams: list[Stream] = field(default_factory=list)
    files: list[Any] = field(default_factory=list)
    config_metadata: list[list[tuple[str, str | bytes]]] = field(default_factory=list)
    config_calls: int = 0
    opened: asyncio.Condition = field(default_factory=asyncio.Condition)
    port: int = 0

    async def StreamingRecognize(self, _: object, context: Any) -> None:  # noqa: N802 - Riva's name
        stream = Stream(context, context.peer(), _pairs(context))
        self.streams.append(stream)
        try:
            request = await context.read()
            stream.opening = request
            async with self.opened:
                self.opened.notify_all()
            await self.script(stream)
        except asyncio.CancelledError:
            stream.cancelled = True
            raise
        finally:
            stream.ended.set()

    async def Recognize(self, request: Any, context: Any) -> Any:  # noqa: N802 - Riva's name
        self.files.append(request)
        if self.recognize is None:
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT,
                "Error: Unavailable model requested given these parameters: "
                "language_code=en-US; type=offline; ",
            )
            raise AssertionError
        return await self.recognize(request, context)

    async def GetRivaSpeechRecognitionConfig(  # noqa: N802 - Riva's name
        self, _: object, context: Any
    ) -> Any:
        self.config_calls += 1
        self.config_metadata.append(_pairs(context))
        if self.config_calls <= self.failures_before_success:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "loading at 10.1.2.3")
        return riva_asr_pb2.RivaSpeechRecognitionConfigResponse(
            model_config=[
                {"model_name": name, "parameters": parameters}
                for name, parameters in self.models.items()
            ]
        )

    async def stream(self, index: int = 0) -> Stream:
        """Waits for the call of that number to have its configuration."""
        async with self.opened:
            await self.opened.wait_for(
                lambda: len(self.streams) > index and self.streams[index].opening is not None
            )
        return self.streams[index]


def _pairs(context: Any) -> list[tuple[str, str | bytes]]:
    return [(str(key), value) for key, value in context.invocation_metadata()]


@asynccontextmanager
async def serving(
    riva: FakeRiva,
    *,
    credentials: grpc.ServerCredentials | None = None,
    options: Iterable[tuple[str, int]] = (),
    at: str = "127.0.0.1:0",
) -> AsyncIterator[FakeRiva]:
    """Runs the server on a free port of 127.0.0.1, or where it is told to."""
    server = grpc.aio.server(options=list(options))
    riva_asr_pb2_grpc.add_RivaSpeechRecognitionServicer_to_server(riva, server)
    if credentials is None:
        riva.port = server.add_insecure_port(at)
    else:
        riva.port = server.add_secure_port(at, credentials)
    await server.start()
    try:
        yield riva
    finally:
        await server.stop(None)


def word(text: str, start_ms: int, end_ms: int, confidence: float = 0.0) -> Any:
    return riva_asr_pb2.WordInfo(
        word=text, start_time=start_ms, end_time=end_ms, confidence=confidence
    )


def interim(text: str, *, stability: float = 0.0, audio_processed: float = 0.0) -> Response:
    return riva_asr_pb2.StreamingRecognitionResult(
        alternatives=[riva_asr_pb2.SpeechRecognitionAlternative(transcript=text)],
        stability=stability,
        audio_processed=audio_processed,
    )


def final(
    text: str,
    *words: Any,
    confidence: float = 0.0,
    audio_processed: float = 0.0,
    languages: Iterable[str] = (),
) -> Response:
    return riva_asr_pb2.StreamingRecognitionResult(
        alternatives=[
            riva_asr_pb2.SpeechRecognitionAlternative(
                transcript=text, words=words, confidence=confidence, language_code=languages
            )
        ],
        is_final=True,
        audio_processed=audio_processed,
    )
