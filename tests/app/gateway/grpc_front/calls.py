"""Clients of Riva's gRPC, by the stubs of NVIDIA's client.

What is to be told a status while it still sends is a client of gRPC's threads, as NVIDIA's own is:
one of grpc.aio says "Internal error from Core" in the status' place where its write fails first.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import grpc
from riva.client.proto import riva_asr_pb2 as asr
from riva.client.proto import riva_asr_pb2_grpc

from tests.support.gateways.running import DEADLINE_S, SILENCE_100MS, Running

Metadata: TypeAlias = tuple[tuple[str, str], ...]
METHOD = "/nvidia.riva.asr.RivaSpeechRecognition/"


_OPTIONS = [
    ("grpc.use_local_subchannel_pool", 1),
    # What is not read waits at the gateway: this side's window does not grow.
    ("grpc.http2.bdp_probe", 0),
]


def _target(running: Running) -> str:
    return f"127.0.0.1:{running.grpc_port}"


def _blocking(running: Running, roots: bytes | None) -> grpc.Channel:
    if roots is None:
        return grpc.insecure_channel(_target(running), _OPTIONS)
    return grpc.secure_channel(_target(running), grpc.ssl_channel_credentials(roots), _OPTIONS)


@asynccontextmanager
async def channel_of(
    running: Running, roots: bytes | None = None
) -> AsyncIterator[grpc.aio.Channel]:
    """Connect to a gateway's gRPC, by TLS where a root is given."""
    async with (
        grpc.aio.insecure_channel(_target(running), _OPTIONS)
        if roots is None
        else grpc.aio.secure_channel(
            _target(running), grpc.ssl_channel_credentials(roots), _OPTIONS
        )
    ) as channel:
        yield channel


def stub_of(channel: grpc.Channel | grpc.aio.Channel) -> Any:  # noqa: ANN401 - the stubs are untyped
    return riva_asr_pb2_grpc.RivaSpeechRecognitionStub(channel)


def config(*, interims: bool = True, **fields: Any) -> Any:  # noqa: ANN401 - protobuf's own
    """Return a first message."""
    chosen = {"encoding": 1, "sample_rate_hertz": 16_000, "language_code": "en-US", **fields}
    return asr.StreamingRecognizeRequest(
        streaming_config=asr.StreamingRecognitionConfig(
            config=asr.RecognitionConfig(**chosen), interim_results=interims
        )
    )


def audio(content: bytes = SILENCE_100MS, **runtime: str) -> Any:  # noqa: ANN401 - protobuf's own
    return asr.StreamingRecognizeRequest(audio_content=content, runtime_config=runtime)


@dataclass
class Heard:
    """What a call was answered with."""

    responses: list[Any] = field(default_factory=list)
    status: grpc.StatusCode = grpc.StatusCode.UNKNOWN
    details: str = ""
    trailers: dict[str, str] = field(default_factory=dict)

    @property
    def results(self) -> list[Any]:
        return [result for response in self.responses for result in response.results]

    @property
    def finals(self) -> list[str]:
        return [one.alternatives[0].transcript for one in self.results if one.is_final]


async def ended(call: Any, heard: Heard | None = None) -> Heard:  # noqa: ANN401 - grpc.aio's own
    """Read a call to its end."""
    heard = heard or Heard()
    async with asyncio.timeout(DEADLINE_S):
        try:
            async for response in call:
                heard.responses.append(response)
        except grpc.aio.AioRpcError:
            pass
        heard.status = await call.code()
        heard.details = await call.details() or ""
        heard.trailers = {
            str(key): str(value) for key, value in await call.trailing_metadata() or ()
        }
    return heard


async def converse(
    running: Running,
    messages: Iterable[Any],
    metadata: Metadata = (),
    roots: bytes | None = None,
) -> Heard:
    """Send messages, half-close, and read to the end."""

    def talk() -> Heard:
        heard = Heard()
        with _blocking(running, roots) as channel:
            call = stub_of(channel).StreamingRecognize(
                iter(messages), metadata=metadata, timeout=DEADLINE_S
            )
            with suppress(grpc.RpcError):
                heard.responses.extend(call)
            heard.status, heard.details = call.code(), call.details()
            heard.trailers = dict(call.trailing_metadata() or ())
        return heard

    return await asyncio.to_thread(talk)
