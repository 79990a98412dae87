"""The life of one StreamingRecognize call."""

import asyncio
from contextlib import aclosing
from dataclasses import replace

import grpc

from app.emulator.recognition import AudioFormat, Hypothesis, Session, StreamOptions
from app.emulator.refusals import bad_argument, sequence_freed
from app.emulator.runtime import Runtime
from app.emulator.scripting.faults import FaultTrigger, inject, shaped, until_due
from app.emulator.scripting.recogniser import ScriptedSession
from app.emulator.scripting.script import Fault
from app.emulator.service.headers import UNSAID, HeaderedSession
from app.emulator.service.messages import (
    Message,
    check_served,
    declared_format,
    stream_options,
    streaming_response,
)


class StreamCall:
    """Reads one client's audio and writes its results.

    Args:
        runtime: The emulator's shared parts.
        context: The call, of grpc.aio's reader-and-writer API.
    """

    def __init__(
        self, runtime: Runtime, context: grpc.aio.ServicerContext[Message, Message]
    ) -> None:
        self._runtime = runtime
        self._context = context
        self._record = runtime.journal.open()
        self._record.metadata = tuple(context.invocation_metadata() or ())
        self._script = runtime.book.next()
        self._trigger = FaultTrigger(self._script.fault)

    async def run(self) -> None:
        """Serve the call to its end.

        Raises:
            RefusalError: The call ends with a status other than OK.
        """
        try:
            options, declared = await self._first_message()

            def begin(audio: AudioFormat) -> Session:
                return self._open(replace(options, audio=audio))

            async with self._runtime.slot():
                await self._converse(options, HeaderedSession(declared, begin, self._heard))
        except asyncio.CancelledError:
            self._ended("CANCELLED")
            raise
        except Exception as error:
            self._ended(getattr(error, "status", grpc.StatusCode.UNKNOWN).name)
            raise
        self._ended("OK")

    def _ended(self, status: str) -> None:
        self._record.status = status
        self._runtime.metrics.ended.labels(status).inc()
        self._runtime.journal.changed()

    async def _first_message(self) -> tuple[StreamOptions, AudioFormat | None]:
        """Read the first message: the options, and the audio's format where it is declared."""
        request = await self._context.read()
        if request is grpc.aio.EOF or request.WhichOneof("streaming_request") != "streaming_config":
            raise bad_argument("the first message of a stream must carry streaming_config")
        self._runtime.require_ready()
        streaming = request.streaming_config
        check_served(streaming.config, self._runtime.settings, "online")
        declared = declared_format(streaming.config)
        options = stream_options(
            streaming.config, declared or UNSAID, interim_results=streaming.interim_results
        )
        self._record.request_id = request.id.value
        self._record.model = streaming.config.model
        self._record.language = streaming.config.language_code
        self._record.hotwords = options.hotwords
        self._told(declared)
        return options, declared

    def _told(self, audio: AudioFormat | None) -> None:
        if audio is not None:
            self._record.sample_rate = audio.sample_rate
            self._record.encoding = audio.encoding
        self._runtime.journal.changed()

    def _open(self, options: StreamOptions) -> Session:
        self._told(options.audio)
        if self._script.results is None:
            return self._runtime.recogniser.open(options)
        return ScriptedSession(self._script.results, self._script.repeat_every, options)

    async def _converse(self, options: StreamOptions, session: HeaderedSession) -> None:
        reader = asyncio.create_task(self._read(session))
        results = until_due(shaped(session.results(), self._script), self._trigger, self._inject)
        try:
            async with aclosing(results):
                async for heard in results:
                    await self._send(heard, options)
            await reader
        finally:
            session.release()
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
            await session.aclose()

    async def _inject(self, fault: Fault) -> None:
        await inject(fault, self._trigger, self._context.peer(), self._runtime.kill_process)

    async def _send(self, heard: Hypothesis, options: StreamOptions) -> None:
        response = streaming_response(heard, options, self._record.request_id)
        await self._context.write(response)
        if heard.is_final:
            self._record.finals += 1
        else:
            self._record.interims += 1
        self._trigger.delivered()
        self._runtime.journal.changed()

    async def _read(self, session: Session) -> None:
        try:
            while (chunk := await self._next_chunk(session)) is not None:
                await self._take(chunk, session)
            self._record.half_closed = True
            self._runtime.journal.changed()
            await session.end()
        except BaseException:
            session.release()
            raise

    async def _next_chunk(self, session: Session) -> bytes | None:
        await self._trigger.may_read()
        # The pending read is never cancelled for idleness: grpc would take that for the call's end.
        read = asyncio.ensure_future(self._context.read())
        try:
            await asyncio.wait({read}, timeout=self._runtime.settings.idle_timeout)
            if not read.done():
                self._record.freed = True
                self._runtime.journal.changed()
                session.release()
            request = await read
        finally:
            read.cancel()
        if request is grpc.aio.EOF:
            return None
        if self._record.freed:
            raise sequence_freed(self._record.sequence, self._runtime.settings.model_name)
        if request.WhichOneof("streaming_request") == "streaming_config":
            raise bad_argument("streaming_config may be sent once, in the first message")
        return bytes(request.audio_content)

    async def _take(self, chunk: bytes, session: Session) -> None:
        self._record.messages += 1
        self._runtime.journal.changed()
        await session.write(chunk)

    def _heard(self, seconds: float) -> None:
        self._record.audio_seconds += seconds
        self._runtime.metrics.audio.inc(seconds)
        self._runtime.journal.changed()
        self._trigger.received(self._record.audio_seconds)
