"""The Riva ASR service and the standard health service, as generic gRPC handlers."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Protocol

import grpc
import riva.client.proto.health_pb2 as health
import riva.client.proto.riva_asr_pb2 as asr
import riva.client.proto.riva_audio_pb2 as audio_pb

from app.emulator.messages import (
    Message,
    audio_format,
    check_served,
    config_response,
    recognize_response,
    stream_options,
)
from app.emulator.refusals import RefusalError, bad_argument
from app.emulator.results import AudioFormat, Hypothesis, StreamOptions
from app.emulator.runtime import Runtime
from app.emulator.stream import StreamCall
from app.recordings import OpenRecording, RecordingError, open_recording

ASR_SERVICE = "nvidia.riva.asr.RivaSpeechRecognition"
HEALTH_SERVICE = "grpc.health.v1.Health"
_CHUNK_SECONDS = 1.0  # how much of a file a session gets at a time


class _Context(Protocol):
    async def abort(self, code: grpc.StatusCode, details: str) -> Message: ...


def _contains_file(request: Message) -> bool:
    by_name = request.config.encoding in {
        audio_pb.AudioEncoding.Value("FLAC"),
        audio_pb.AudioEncoding.Value("OGGOPUS"),
    }
    return by_name or request.audio.startswith((b"RIFF", b"fLaC", b"OggS"))


def _open_file(data: bytes) -> OpenRecording:
    """A sound file at its first sample; blocks."""
    try:
        recording = open_recording(data)
    except RecordingError as error:
        raise bad_argument(str(error)) from None
    if recording.channels != 1:
        recording.close()
        raise bad_argument(f"the audio has {recording.channels} channels; send one channel")
    return recording


def _next_block(blocks: Iterator[bytes]) -> bytes:
    """The next second of a sound file, empty at the end; blocks."""
    try:
        return next(blocks, b"")
    except RecordingError as error:
        raise bad_argument(str(error)) from None


async def _decoded(recording: OpenRecording) -> AsyncIterator[bytes]:
    """A sound file's samples as PCM; off the event loop, decoding takes its time."""
    blocks = recording.blocks(_CHUNK_SECONDS)
    while block := await asyncio.to_thread(_next_block, blocks):
        yield block


async def _cut(data: bytes, step: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), step):
        yield data[start : start + step]


class AsrService:
    """`nvidia.riva.asr.RivaSpeechRecognition`.

    Args:
        runtime: The emulator's shared parts.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def streaming_recognize(
        self, _requests: object, context: grpc.aio.ServicerContext[Message, Message]
    ) -> None:
        """StreamingRecognize."""
        try:
            await StreamCall(self._runtime, context).run()
        except RefusalError as refusal:
            await context.abort(refusal.status, refusal.text)

    async def recognize(self, request: Message, context: _Context) -> Message:
        """Recognize: a whole file in one message, its finals in one answer."""
        try:
            self._runtime.require_ready()
            check_served(request.config, self._runtime.settings, "offline")
            async with self._runtime.slot():
                return await self._recognize(request)
        except RefusalError as refusal:
            return await context.abort(refusal.status, refusal.text)

    async def _recognize(self, request: Message) -> Message:
        data = bytes(request.audio)
        if not _contains_file(request):
            audio = audio_format(request.config)
            chunks = _cut(data, int(audio.bytes_per_second * _CHUNK_SECONDS))
            return await self._answer(request, audio, chunks)
        recording = await asyncio.to_thread(_open_file, data)
        try:
            audio = AudioFormat(encoding="LINEAR_PCM", sample_rate=recording.sample_rate)
            request.config.sample_rate_hertz = audio.sample_rate
            return await self._answer(request, audio, _decoded(recording))
        finally:
            await asyncio.to_thread(recording.close)

    async def _answer(
        self, request: Message, audio: AudioFormat, chunks: AsyncIterator[bytes]
    ) -> Message:
        options = stream_options(request.config, audio, interim_results=False)
        return recognize_response(await self._hear(chunks, options), options, request.id.value)

    async def _hear(self, chunks: AsyncIterator[bytes], options: StreamOptions) -> list[Hypothesis]:
        session = self._runtime.recogniser.open(options)

        async def write() -> None:
            async for chunk in chunks:
                await session.write(chunk)
            await session.end()

        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(write())
                return [heard async for heard in session.results()]
        except BaseExceptionGroup as errors:
            # A decoder's refusal is the caller's to hear, not "UNKNOWN".
            raise errors.exceptions[0] from None
        finally:
            session.release()

    async def get_config(self, request: Message, context: _Context) -> Message:
        """GetRivaSpeechRecognitionConfig."""
        try:
            self._runtime.require_ready()
        except RefusalError as refusal:
            return await context.abort(refusal.status, refusal.text)
        return config_response(self._runtime.settings, request.model_name)

    def handlers(self) -> grpc.GenericRpcHandler:
        """The service as gRPC wants it."""
        return grpc.method_handlers_generic_handler(
            ASR_SERVICE,
            {
                "StreamingRecognize": grpc.stream_stream_rpc_method_handler(
                    self.streaming_recognize,
                    asr.StreamingRecognizeRequest.FromString,
                    asr.StreamingRecognizeResponse.SerializeToString,
                ),
                "Recognize": grpc.unary_unary_rpc_method_handler(
                    self.recognize,
                    asr.RecognizeRequest.FromString,
                    asr.RecognizeResponse.SerializeToString,
                ),
                "GetRivaSpeechRecognitionConfig": grpc.unary_unary_rpc_method_handler(
                    self.get_config,
                    asr.RivaSpeechRecognitionConfigRequest.FromString,
                    asr.RivaSpeechRecognitionConfigResponse.SerializeToString,
                ),
            },
        )


class HealthService:
    """`grpc.health.v1.Health`, for the empty service name and the ASR service.

    Args:
        runtime: The emulator's shared parts.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def _status(self) -> Message:
        status = health.HealthCheckResponse.ServingStatus
        return health.HealthCheckResponse(
            status=status.SERVING if self._runtime.readiness.is_ready else status.NOT_SERVING
        )

    async def check(self, request: Message, context: _Context) -> Message:
        """Check."""
        if request.service not in {"", ASR_SERVICE}:
            return await context.abort(
                grpc.StatusCode.NOT_FOUND, f"unknown service {request.service!r}"
            )
        return self._status()

    async def watch(
        self, request: Message, context: grpc.aio.ServicerContext[Message, Message]
    ) -> None:
        """Watch: the status now and after every change.

        An unknown service ends with NOT_FOUND: Riva's copy of the status enum has no word for it.
        """
        last = await self.check(request, context)
        await context.write(last)
        while True:
            await self._runtime.readiness.change()
            if (now := self._status()) != last:
                await context.write(now)
                last = now

    def handlers(self) -> grpc.GenericRpcHandler:
        """The service as gRPC wants it."""
        return grpc.method_handlers_generic_handler(
            HEALTH_SERVICE,
            {
                "Check": grpc.unary_unary_rpc_method_handler(
                    self.check,
                    health.HealthCheckRequest.FromString,
                    health.HealthCheckResponse.SerializeToString,
                ),
                "Watch": grpc.unary_stream_rpc_method_handler(
                    self.watch,
                    health.HealthCheckRequest.FromString,
                    health.HealthCheckResponse.SerializeToString,
                ),
            },
        )
