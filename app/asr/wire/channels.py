"""The connections to one recogniser: opened when needed, each with a bounded number of streams.

A server's MAX_CONCURRENT_STREAMS (often 100) makes gRPC queue further streams on that connection
silently and without end. So a connection takes fewer than that, then the next one is opened, and
beyond the last one a caller waits for a slot with its own deadline.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc.aio
from riva.client.proto import riva_asr_pb2

from app.asr.errors import AsrError, ErrorCode, Fault, client_closed
from app.asr.wire.answers import FILE_BYTES, STREAM_BYTES

if TYPE_CHECKING:
    from app.asr.settings import RivaSettings

_MS = 1000
# gRPC starts at 1 s and goes to 120 s: too slow for a recogniser that restarts on the same machine.
_FIRST_RECONNECT_MS, _LAST_RECONNECT_MS = 200, 5000


_UnaryMultiCallable: TypeAlias = "grpc.aio.UnaryUnaryMultiCallable[Any, bytes]"
_StreamMultiCallable: TypeAlias = "grpc.aio.StreamStreamMultiCallable[Any, bytes]"
_SERVICE = "/nvidia.riva.asr.RivaSpeechRecognition"


class RivaChannel:
    """A connection and the number of streams on it.

    Its calls return bytes, which `app.asr.wire.answers` checks before it parses them.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
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
        self.streams = 0


class StreamSlot:
    """One stream's slot on a connection."""

    def __init__(self, channel: RivaChannel, free: asyncio.Semaphore) -> None:
        self.channel = channel
        self._free = free
        self._held = True
        channel.streams += 1

    def release(self) -> None:
        """Give the slot back; further calls do nothing."""
        if self._held:
            self._held = False
            self.channel.streams -= 1
            self._free.release()


@dataclass(frozen=True, slots=True)
class _TlsFiles:
    roots: bytes | None
    certificate: bytes | None
    key: bytes | None


class ChannelPool:
    """Hands out slots for streams, filling one connection before opening the next.

    Args:
        settings: with the server's host and port.
        authority: the name it goes by in requests, where that is not its host.
    """

    def __init__(self, settings: RivaSettings, authority: str | None = None) -> None:
        self._settings = settings
        self._authority = authority
        self._limit = settings.max_streams_per_channel
        self.slots = settings.channels * self._limit
        self._free = asyncio.Semaphore(self.slots)
        self._opening = asyncio.Lock()
        self._channels: list[RivaChannel] = []
        self._control: RivaChannel | None = None
        self._tls: _TlsFiles | None = None
        self._closed = False

    async def acquire(self) -> StreamSlot:
        """Return a slot for one stream, once one is free. The caller sets the deadline."""
        await self._free.acquire()
        try:
            return StreamSlot(await self._channel_with_room(), self._free)
        except BaseException:
            self._free.release()
            raise

    async def _channel_with_room(self) -> RivaChannel:
        async with self._opening:
            self._refuse_when_closed()
            for channel in self._channels:
                if channel.streams < self._limit:
                    return channel
            channel = await self._open(STREAM_BYTES)
            self._channels.append(channel)
            return channel

    async def control(self) -> RivaChannel:
        """Return the connection of the short calls: no stream delays a health check."""
        async with self._opening:
            self._refuse_when_closed()
            if self._control is None:
                self._control = await self._open(FILE_BYTES)
            return self._control

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise client_closed()

    async def _open(self, largest_answer: int) -> RivaChannel:
        options = channel_options(self._settings, largest_answer)
        if self._authority is not None:
            name = f"{self._authority}:{self._settings.port}"
            options.append(("grpc.default_authority", name))
        if not self._settings.ssl:
            return RivaChannel(grpc.aio.insecure_channel(self._settings.target, options=options))
        if self._tls is None:
            self._tls = await asyncio.to_thread(_read_tls_files, self._settings)
        credentials = grpc.ssl_channel_credentials(
            root_certificates=self._tls.roots,
            private_key=self._tls.key,
            certificate_chain=self._tls.certificate,
        )
        return RivaChannel(
            grpc.aio.secure_channel(self._settings.target, credentials, options=options)
        )

    async def aclose(self) -> None:
        """End every call and connection; later calls get an AsrError."""
        self._closed = True
        async with self._opening:
            channels = [*self._channels, *([self._control] if self._control else [])]
            self._channels, self._control = [], None
        for channel in channels:
            await channel.channel.close()


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


def _read_tls_files(settings: RivaSettings) -> _TlsFiles:
    paths = (settings.ssl_cert, settings.ssl_client_cert, settings.ssl_client_key)
    try:
        roots, certificate, key = (None if path is None else path.read_bytes() for path in paths)
    except OSError as error:
        raise AsrError(
            ErrorCode.TLS_FAILED,
            "No secure connection to the recogniser could be made.",
            retryable=False,
            fault=Fault.SETUP,
            detail=f"read RIVA_SSL_CERT, RIVA_SSL_CLIENT_CERT, RIVA_SSL_CLIENT_KEY: {error}",
        ) from None
    return _TlsFiles(roots=roots, certificate=certificate, key=key)
