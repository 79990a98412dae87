"""The Riva ASR service and the standard health service, as generic gRPC handlers."""

import asyncio
from dataclasses import replace
from typing import Protocol

import grpc
import riva.client.proto.health_pb2 as health
import riva.client.proto.riva_asr_pb2 as asr

from app.emulator.recognition import AudioFormat, Hypothesis, Session
from app.emulator.refusals import RefusalError
from app.emulator.runtime import Runtime
from app.emulator.service.headers import UNSAID, HeaderedSession
from app.emulator.service.messages import (
    Message,
    check_served,
    config_response,
    declared_format,
    recognize_response,
    stream_options,
)
from app.emulator.service.stream import StreamCall

ASR_SERVICE = "nvidia.riva.asr.RivaSpeechRecognition"
HEALTH_SERVICE = "grpc.health.v1.Health"
_PIECE_BYTES = 32_768  # how much of a file a session gets at a time


class _Context(Protocol):
    async def abort(self, code: grpc.StatusCode, details: str) -> Message: ...


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
        """Serve StreamingRecognize."""
        try:
            await StreamCall(self._runtime, context).run()
        except RefusalError as refusal:
            await context.abort(refusal.status, refusal.text)

    async def recognize(self, request: Message, context: _Context) -> Message:
        """Serve Recognize: a whole file in one message, its finals in one answer."""
        try:
            self._runtime.require_ready()
            check_served(request.config, self._runtime.settings, "offline")
            async with self._runtime.slot():
                return await self._recognize(request)
        except RefusalError as refusal:
            return await context.abort(refusal.status, refusal.text)

    async def _recognize(self, request: Message) -> Message:
        declared = declared_format(request.config)
        options = stream_options(request.config, declared or UNSAID, interim_results=False)

        def begin(audio: AudioFormat) -> Session:
            return self._runtime.recogniser.open(replace(options, audio=audio))

        session = HeaderedSession(declared, begin)
        heard = await self._hear(bytes(request.audio), session)
        return recognize_response(heard, options, request.id.value)

    async def _hear(self, data: bytes, session: HeaderedSession) -> list[Hypothesis]:
        async def write() -> None:
            for start in range(0, len(data), _PIECE_BYTES):
                await session.write(data[start : start + _PIECE_BYTES])
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
            await session.aclose()

    async def get_config(self, request: Message, context: _Context) -> Message:
        """Serve GetRivaSpeechRecognitionConfig."""
        try:
            self._runtime.require_ready()
        except RefusalError as refusal:
            return await context.abort(refusal.status, refusal.text)
        return config_response(self._runtime.settings, request.model_name)

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return the service's handlers for gRPC."""
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
        """Serve Check."""
        if request.service not in {"", ASR_SERVICE}:
            return await context.abort(
                grpc.StatusCode.NOT_FOUND, f"unknown service {request.service!r}"
            )
        return self._status()

    async def watch(
        self, request: Message, context: grpc.aio.ServicerContext[Message, Message]
    ) -> None:
        """Serve Watch: the status now and after every change.

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
        """Return the service's handlers for gRPC."""
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
