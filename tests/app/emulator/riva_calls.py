"""Raw Riva calls, as any client makes them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import grpc
import riva.client.proto.riva_asr_pb2 as asr
import riva.client.proto.riva_asr_pb2_grpc as asr_grpc

from app.emulator import Emulator

RATE = 16_000
Message: TypeAlias = Any
"""Generated protobuf types and stubs are untyped."""


def recognition_config(**changes: object) -> Message:
    """A RecognitionConfig that the default emulator serves."""
    fields = {"encoding": 1, "sample_rate_hertz": RATE, "language_code": "en-US"}
    return asr.RecognitionConfig(**{**fields, **changes})


def first(*, interim_results: bool = True, **changes: object) -> Message:
    """The first message of a stream."""
    return asr.StreamingRecognizeRequest(
        streaming_config=asr.StreamingRecognitionConfig(
            config=recognition_config(**changes), interim_results=interim_results
        )
    )


def audio(seconds: float = 0.1) -> Message:
    """A message of silence."""
    return asr.StreamingRecognizeRequest(audio_content=bytes(2 * int(RATE * seconds)))


@asynccontextmanager
async def stub(emulator: Emulator) -> AsyncIterator[Message]:
    """A Riva stub on a channel of its own."""
    async with grpc.aio.insecure_channel(emulator.grpc_target) as channel:
        yield asr_grpc.RivaSpeechRecognitionStub(channel)


async def stream(emulator: Emulator, *messages: Message) -> list[Message]:
    """The results of one stream that sends these messages and half-closes."""

    async def requests() -> AsyncIterator[Message]:
        for message in messages:
            yield message

    async with stub(emulator) as riva:
        return [
            result
            async for response in riva.StreamingRecognize(requests())
            for result in response.results
        ]


async def refusal(emulator: Emulator, *messages: Message) -> tuple[str, str]:
    """Status name and text with which a stream ends that is refused at its last message.

    Nothing is sent after that message: grpc.aio reports INTERNAL in place of the server's status
    when a write meets the end of the call. Without messages the stream only half-closes.
    """
    async with stub(emulator) as riva:
        call = riva.StreamingRecognize()
        for message in messages:
            await call.write(message)
        if not messages:
            await call.done_writing()
        return (await call.code()).name, await call.details() or ""


def transcripts(results: list[Message], *, final: bool) -> list[str]:
    """The first alternatives of finals or of interims."""
    return [
        result.alternatives[0].transcript
        for result in results
        if result.is_final is final and result.alternatives
    ]
