"""The connections to one recogniser: opened when needed, each with a bounded number of streams.

A server's MAX_CONCURRENT_STREAMS (often 100) makes gRPC queue further streams on that connection
silently and without end. So a connection takes fewer than that, then the next one is opened, and
beyond the last one a caller waits for a slot with its own deadline.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc.aio
from riva.client.proto import riva_asr_pb2

from app.asr.errors import client_closed
from app.asr.wire.answers import FILE_BYTES, STREAM_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from app.asr.settings import RivaSettings
    from app.asr.wire.credentials import Credentials

_MS = 1000
# gRPC starts at 1 s and goes to 120 s: too slow for a recogniser that restarts on the same machine.
_FIRST_RECONNECT_MS, _LAST_RECONNECT_MS = 200, 5000


_UnaryMultiCallable: TypeAlias = "grpc.aio.UnaryUnaryMultiCallable[Any, bytes]"
_StreamMultiCallable: TypeAlias = "grpc.aio.StreamStreamMultiCallable[Any, bytes]"
_SERVICE = "/nvidia.riva.asr.RivaSpeechRecognition"


class RivaChannel:
    """A connection and the number of calls on it.

    Its calls return bytes, which `app.asr.wire.answers` checks before it parses them.

    Args:
        channel: the connection.
        generation: of the certificates it was made with.
    """

    def __init__(self, channel: grpc.aio.Channel, generation: int) -> None:
        self.channel = channel
        self.generation = generation
        self.stream: _StreamMultiCallable = channel.stream_stream(
            f"{_SERVICE}/StreamingRecognize",
            request_serializer=riva_asr_pb2.StreamingRecognizeRequest.SerializeToString,
        )
        self.recognize: _UnaryMultiCallable = channel.unary_unary(
            f"{_SERVICE}/Recognize",
            request_serializer=riva_asr_pb2.RecognizeRequest.SerializeToString,
        )
        self.list_models: _UnaryMultiCallable = channel.unary_unary(
            f"{_SERVICE}/GetRivaSpeechRecognitionConfig",
            request_serializer=(riva_asr_pb2.RivaSpeechRecognitionConfigRequest.SerializeToString),
        )
        self.calls = 0


class StreamSlot:
    """One stream's slot on a connection."""

    def __init__(self, channel: RivaChannel, on_release: Callable[[RivaChannel], None]) -> None:
        self.channel = channel
        self._on_release = on_release
        self._held = True
        channel.calls += 1

    def release(self) -> None:
        """Give the slot back; further calls do nothing."""
        if self._held:
            self._held = False
            self._on_release(self.channel)


class ChannelPool:
    """Hands out slots for streams, filling one connection before opening the next.

    Once there are other certificates, new calls go over new connections. Those of before are closed
    when the last call on them has ended.

    Args:
        settings: with the server's host and port.
        credentials: what connections are made with, where they have TLS.
        authority: the name it goes by in requests, where that is not its host.
    """

    def __init__(
        self, settings: RivaSettings, credentials: Credentials, authority: str | None = None
    ) -> None:
        self._settings = settings
        self._credentials = credentials
        self._authority = authority
        self._limit = settings.max_streams_per_channel
        self.slots = settings.channels * self._limit
        self._free = asyncio.Semaphore(self.slots)
        self._opening = asyncio.Lock()
        self._channels: list[RivaChannel] = []
        self._control: RivaChannel | None = None
        self._retired: list[RivaChannel] = []
        self._closing: set[asyncio.Task[None]] = set()
        self._closed = False

    async def acquire(self) -> StreamSlot:
        """Return a slot for one stream, once one is free. The caller sets the deadline."""
        await self._free.acquire()
        try:
            return StreamSlot(await self._channel_with_room(), self._released)
        except BaseException:
            self._free.release()
            raise

    def _released(self, channel: RivaChannel) -> None:
        self._free.release()
        self._ended(channel)

    def _ended(self, channel: RivaChannel) -> None:
        """Count a call that is over, and close its connection if that was all it was there for."""
        channel.calls -= 1
        if channel in self._retired:
            self._close_unused()

    def _retire(self) -> None:
        """Leave out connections of certificates that there are no more."""
        if not self._settings.ssl:
            return
        now = self._credentials.generation
        self._retired += [one for one in self._channels if one.generation != now]
        self._channels = [one for one in self._channels if one.generation == now]
        if self._control is not None and self._control.generation != now:
            self._retired.append(self._control)
            self._control = None
        self._close_unused()

    def _close_unused(self) -> None:
        unused = [one for one in self._retired if one.calls == 0]
        self._retired = [one for one in self._retired if one.calls > 0]
        for channel in unused:
            closing = asyncio.create_task(channel.channel.close(), name="close old connection")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def _channel_with_room(self) -> RivaChannel:
        async with self._opening:
            self._refuse_when_closed()
            self._retire()
            for channel in self._channels:
                if channel.calls < self._limit:
                    return channel
            channel = await self._open(STREAM_BYTES)
            self._channels.append(channel)
            return channel

    @asynccontextmanager
    async def control(self) -> AsyncIterator[RivaChannel]:
        """Give the connection of the short calls for one: no stream delays a health check."""
        async with self._opening:
            self._refuse_when_closed()
            self._retire()
            if self._control is None:
                self._control = await self._open(FILE_BYTES)
            channel = self._control
            channel.calls += 1
        try:
            yield channel
        finally:
            self._ended(channel)

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise client_closed()

    async def _open(self, largest_answer: int) -> RivaChannel:
        options = channel_options(self._settings, largest_answer)
        if self._authority is not None:
            name = f"{self._authority}:{self._settings.port}"
            options.append(("grpc.default_authority", name))
        target = self._settings.target
        if not self._settings.ssl:
            return RivaChannel(grpc.aio.insecure_channel(target, options=options), 0)
        files = await self._credentials.tls()
        credentials = grpc.ssl_channel_credentials(
            root_certificates=files.roots,
            private_key=files.key,
            certificate_chain=files.certificate,
        )
        channel = grpc.aio.secure_channel(target, credentials, options=options)
        return RivaChannel(channel, self._credentials.generation)

    async def aclose(self) -> None:
        """End every call and connection; later calls get an AsrError."""
        self._closed = True
        async with self._opening:
            last = [self._control] if self._control else []
            channels = [*self._channels, *last, *self._retired]
            self._channels, self._control, self._retired = [], None, []
        for channel in channels:
            await channel.channel.close()
        await asyncio.gather(*self._closing)


def channel_options(
    settings: RivaSettings, largest_answer: int = STREAM_BYTES
) -> list[tuple[str, int | str]]:
    """Return the gRPC arguments of a connection whose answers have at most so many bytes."""
    options: list[tuple[str, int | str]] = [
        # Without it channels with equal arguments share one connection, and a pool is a pool of
        # one.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.max_receive_message_length", largest_answer),
        ("grpc.max_send_message_length", settings.max_message_bytes),
        ("grpc.initial_reconnect_backoff_ms", _FIRST_RECONNECT_MS),
        ("grpc.max_reconnect_backoff_ms", _LAST_RECONNECT_MS),
        # The recogniser stands beside the gateway: a proxy of the environment is for other traffic.
        ("grpc.enable_http_proxy", 0),
        # Retries are decided in one place, `app.asr.pool.retries`.
        ("grpc.enable_retries", 0),
    ]
    if settings.keepalive_time_s > 0:
        options += [
            ("grpc.keepalive_time_ms", round(settings.keepalive_time_s * _MS)),
            ("grpc.keepalive_timeout_ms", round(settings.keepalive_timeout_s * _MS)),
        ]
    if settings.ssl and settings.ssl_server_name is not None:
        options.append(("grpc.ssl_target_name_override", settings.ssl_server_name))
    return options
