"""Speak to Riva over grpc.aio: the three calls of `Transport`.

gRPC stands in this file and in `channels` alone.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

import grpc.aio
from google.protobuf.message import DecodeError
from riva.client.proto import riva_asr_pb2

from app.asr.errors import (
    AsrError,
    ErrorCode,
    Fault,
    answer_invalid,
    answer_too_large,
    client_closed,
    from_status,
    late,
)
from app.asr.wire.answers import (
    FILE_BYTES,
    MODELS_BYTES,
    STREAM_BYTES,
    STREAM_PARTS,
    UNCOUNTED_BYTES,
    count_parts,
    file_parts,
    is_answer_refused,
)
from app.asr.wire.channels import ChannelPool
from app.pcm import BYTES_PER_SAMPLE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

    from app.asr.events import Metadata
    from app.asr.settings import RivaSettings
    from app.asr.wire.channels import StreamSlot
    from app.asr.wire.credentials import Credentials


Answer = TypeVar("Answer")

_FAILED_WRITE = "Internal error from Core"
# The status is in the same bytes that made the write fail; gRPC has only to read it.
_STATUS_WAIT_S = 1.0


class GrpcTransport:
    """Riva over grpc.aio and the stubs of nvidia-riva-client.

    `riva.client.ASRService` is not used: it blocks, has no deadline and no cancel, and sends
    metadata twice over TLS.

    Args:
        settings: with the server's host and port.
        credentials: what this side proves itself with.
        authority: the name it goes by in requests, where that is not its host.
    """

    def __init__(
        self, settings: RivaSettings, credentials: Credentials, authority: str | None = None
    ) -> None:
        self._channels = ChannelPool(settings, credentials, authority)
        self._credentials = credentials

    async def open_stream(
        self,
        request: riva_asr_pb2.StreamingRecognizeRequest,
        *,
        within: float,
        metadata: Metadata = (),
    ) -> GrpcStreamCall:
        """Take a free slot on a connection, connect, and send the configuration."""
        own = await self._credentials.metadata()
        try:
            async with asyncio.timeout(within):
                slot = await self._channels.acquire()
        except TimeoutError:
            raise _no_slot(self._channels.slots) from None
        call = GrpcStreamCall(slot, (*own, *metadata))
        try:
            async with asyncio.timeout(within):
                await call.send(request)
        except BaseException as error:
            call.abort()
            if isinstance(error, TimeoutError):
                # A stream beyond the server's own limit ends here too: gRPC would queue it for
                # ever.
                raise late("open stream", within) from None
            raise
        return call

    async def recognize(
        self,
        request: riva_asr_pb2.RecognizeRequest,
        *,
        within: float,
        metadata: Metadata = (),
    ) -> riva_asr_pb2.RecognizeResponse:
        """Recognise one recording, within that many seconds."""
        async with _deadline("recognise file", within):
            own = await self._credentials.metadata()
            async with self._channels.control() as channel:
                answer = await _unary(
                    channel.recognize(request, timeout=within, metadata=(*own, *metadata)),
                    "recognise file",
                )
            return await read_answer(
                answer,
                riva_asr_pb2.RecognizeResponse.FromString,
                most_bytes=FILE_BYTES,
                most_parts=file_parts(_seconds_of(request)),
            )

    async def list_models(
        self, *, within: float
    ) -> riva_asr_pb2.RivaSpeechRecognitionConfigResponse:
        """List what the recogniser serves, within that many seconds."""
        async with _deadline("list models", within):
            own = await self._credentials.metadata()
            request = riva_asr_pb2.RivaSpeechRecognitionConfigRequest()
            async with self._channels.control() as channel:
                answer = await _unary(
                    channel.list_models(request, timeout=within, metadata=own), "list models"
                )
            return await read_answer(
                answer,
                riva_asr_pb2.RivaSpeechRecognitionConfigResponse.FromString,
                most_bytes=MODELS_BYTES,
            )

    async def aclose(self) -> None:
        """End every call and connection."""
        await self._channels.aclose()


class GrpcStreamCall:
    """A `StreamCall` over grpc.aio; releases its slot on the connection when it is over."""

    def __init__(self, slot: StreamSlot, metadata: tuple[tuple[str, str], ...]) -> None:
        self._slot = slot
        self._status: tuple[str, str] | None = None
        self._status_came = asyncio.Event()
        self._call = slot.channel.stream(metadata=metadata)
        self._call.add_done_callback(self._note_status)

    def _note_status(self, call: grpc.aio.Call) -> None:
        """Keep the server's own status, whenever grpc.aio sets one.

        A write that fails because the call is over makes grpc.aio put "INTERNAL: Internal error
        from Core" in the place of the status the server sent, before or after that one comes
        (grpc/grpc issue 36066).
        """
        self._slot.release()
        name, text = _result_of(call.code()).name, _result_of(call.details()) or ""
        if self._status is None and text != _FAILED_WRITE:
            self._status = (name, text)
            self._status_came.set()

    async def _final_status(self) -> tuple[str, str]:
        try:
            async with asyncio.timeout(_STATUS_WAIT_S):
                await self._status_came.wait()
        except TimeoutError:
            return ("INTERNAL", _FAILED_WRITE)
        return self._status or ("INTERNAL", _FAILED_WRITE)

    async def write(self, pcm: bytes) -> None:
        """Send audio in one message; return when flow control has taken it."""
        await self.send(riva_asr_pb2.StreamingRecognizeRequest(audio_content=pcm))

    async def send(self, request: riva_asr_pb2.StreamingRecognizeRequest) -> None:
        """Send a message; the first one is the configuration."""
        before = _cancellations()
        try:
            await self._call.write(request)
        except _CALL_ENDED as error:
            raise await self._reason(error, before) from None

    async def half_close(self) -> None:
        """Tell the recogniser that no more audio follows."""
        before = _cancellations()
        try:
            await self._call.done_writing()
        except _CALL_ENDED as error:
            raise await self._reason(error, before) from None

    async def read(self) -> riva_asr_pb2.StreamingRecognizeResponse | None:
        """Return the next response, or None at the stream's good end."""
        before = _cancellations()
        try:
            response = await self._call.read()
        except _CALL_ENDED as error:
            raise await self._reason(error, before) from None
        if response is grpc.aio.EOF:
            return None
        return await read_answer(
            cast("bytes", response),
            riva_asr_pb2.StreamingRecognizeResponse.FromString,
            most_bytes=STREAM_BYTES,
            most_parts=STREAM_PARTS,
        )

    def abort(self) -> None:
        """End the stream at once."""
        self._call.cancel()

    async def _reason(self, error: BaseException, before: int) -> BaseException:
        """Return why a wait on this call ended.

        grpc.aio raises CancelledError both when another task aborted the call and when the waiting
        task itself is cancelled; only the latter raises the task's count of cancellations.
        """
        if isinstance(error, asyncio.CancelledError):
            if _cancellations() > before:
                return error
            return from_status("CANCELLED", "aborted by this side", doing="stream")
        name, text = await self._final_status()
        if is_answer_refused(text, most_bytes=STREAM_BYTES):
            return answer_too_large(text)
        return from_status(name, text, doing="stream")


# What grpc.aio raises on a call that has ended.
_CALL_ENDED = (
    grpc.aio.AioRpcError,
    grpc.aio.InternalError,
    asyncio.CancelledError,
    asyncio.InvalidStateError,
)


async def read_answer(
    raw: bytes, parse: Callable[[bytes], Answer], *, most_bytes: int, most_parts: int | None = None
) -> Answer:
    """Parse the message that a recogniser sent.

    Args:
        raw: as it came.
        parse: `FromString` of the class of its message.
        most_bytes: it may be that long.
        most_parts: results, alternatives and words together that may be in it; None counts none.

    Raises:
        AsrError: ANSWER_TOO_LARGE, or ANSWER_INVALID where it is no such message.
    """
    if len(raw) > most_bytes:
        raise answer_too_large(f"a message of {len(raw)} bytes; accepted: {most_bytes}")
    if most_parts is not None and len(raw) > UNCOUNTED_BYTES:
        await count_parts(raw, most_parts)
    try:
        return parse(raw)
    except DecodeError as error:
        raise answer_invalid(str(error)) from None


def _result_of(finished: Coroutine[Any, Any, Answer]) -> Answer:
    """Return the result of a coroutine that has nothing to wait for, as on an ended call."""
    try:
        finished.send(None)
    except StopIteration as stop:
        result: Answer = stop.value
        return result
    finally:
        finished.close()
    raise RuntimeError("the call has not ended")


def _cancellations() -> int:
    """Return how often the running task was asked to stop."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


@asynccontextmanager
async def _deadline(doing: str, within: float) -> AsyncIterator[None]:
    """Bound a whole short call: gRPC's own deadline begins once it is connected."""
    try:
        async with asyncio.timeout(within):
            yield
    except TimeoutError:
        raise late(doing, within) from None


async def _unary(call: Awaitable[bytes], doing: str) -> bytes:
    before = _cancellations()
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        text = error.details() or ""
        if is_answer_refused(text, most_bytes=FILE_BYTES):
            raise answer_too_large(text) from None
        raise from_status(error.code().name, text, doing=doing) from None
    except asyncio.CancelledError:
        # What grpc.aio raises for a call whose connection was closed; its caller was not cancelled.
        if _cancellations() > before:
            raise
        raise client_closed() from None


def _seconds_of(request: riva_asr_pb2.RecognizeRequest) -> float:
    """Return the length of the PCM16 mono audio in a request."""
    size, rate = len(request.audio), int(request.config.sample_rate_hertz)
    return size / (BYTES_PER_SAMPLE * max(1, rate))


def _no_slot(slots: int) -> AsrError:
    return AsrError(
        ErrorCode.STREAM_LIMIT,
        "Every stream to the recogniser is in use; try again shortly.",
        retryable=True,
        fault=Fault.SERVICE,
        detail=f"open stream: all {slots} places (channels x streams) are taken",
    )
