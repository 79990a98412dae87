"""A Riva server that recognises nothing and answers at once.

It sends one interim for every audio message and one final at half-close, so what a benchmark sees
is the cost of whatever stands between it and the client, and not that of a recogniser. Prints its
gRPC and HTTP ports as one line.
"""

import argparse
import asyncio
import signal
from collections.abc import AsyncIterator
from typing import Any

import grpc
import uvloop
from riva.client.proto import riva_asr_pb2, riva_asr_pb2_grpc

TEXT = "the quick brown fox jumps over the lazy dog"


def _response(text: str, seconds: float, *, final: bool) -> Any:  # noqa: ANN401 - generated
    alternative = riva_asr_pb2.SpeechRecognitionAlternative(transcript=text)
    result = riva_asr_pb2.StreamingRecognitionResult(
        alternatives=[alternative], is_final=final, audio_processed=seconds
    )
    return riva_asr_pb2.StreamingRecognizeResponse(results=[result])


class EchoAsr(riva_asr_pb2_grpc.RivaSpeechRecognitionServicer):  # type: ignore[misc]
    """Answers every audio message with an interim."""

    async def StreamingRecognize(  # noqa: N802 - the name is Riva's
        self,
        requests: AsyncIterator[Any],
        _context: grpc.aio.ServicerContext[Any, Any],
    ) -> AsyncIterator[Any]:
        """Yield one interim per audio message, then one final."""
        rate, seconds = 16000, 0.0
        async for request in requests:
            if request.HasField("streaming_config"):
                rate = request.streaming_config.config.sample_rate_hertz
                continue
            seconds += len(request.audio_content) / 2 / rate
            yield _response(TEXT, seconds, final=False)
        yield _response(TEXT, seconds, final=True)

    async def GetRivaSpeechRecognitionConfig(  # noqa: N802 - the name is Riva's
        self,
        _request: Any,  # noqa: ANN401 - generated
        _context: grpc.aio.ServicerContext[Any, Any],
    ) -> Any:  # noqa: ANN401 - generated
        """List one streaming model, which is what a gateway waits for."""
        model = riva_asr_pb2.RivaSpeechRecognitionConfigResponse.Config(
            model_name="echo", parameters={"type": "online", "language_code": "en-US"}
        )
        return riva_asr_pb2.RivaSpeechRecognitionConfigResponse(model_config=[model])


READY = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n"
    b'{"status":"ready"}'
)


async def _say_ready(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer whatever is asked with a NIM's readiness; a gateway asks before it opens a stream."""
    while await reader.readline():
        while (await reader.readline()).strip():
            pass
        writer.write(READY)
        await writer.drain()
    writer.close()


async def main() -> None:
    """Serve until SIGTERM."""
    server = grpc.aio.server()
    riva_asr_pb2_grpc.add_RivaSpeechRecognitionServicer_to_server(EchoAsr(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    readiness = await asyncio.start_server(_say_ready, "127.0.0.1", 0)
    http_port = readiness.sockets[0].getsockname()[1]
    print(port, http_port, flush=True)  # noqa: T201 - the parent reads it
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    readiness.close()
    await server.stop(grace=1)


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m bench.echo_asr", description=__doc__).parse_args()
    uvloop.run(main())
