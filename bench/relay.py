"""Baseline `relay`: the least a WebSocket to Riva bridge on grpc.aio can do.

Starlette on uvicorn and uvloop, one grpc.aio call a socket; no limits, queue, metrics, validation
or timeouts. What a gateway costs beyond this is the price of everything this lacks.
"""

import argparse
import asyncio
import json
import os
from collections.abc import AsyncIterator
from typing import Any

import grpc
import uvicorn
import uvloop
from riva.client.proto import riva_asr_pb2, riva_asr_pb2_grpc
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from bench.config import streaming_config


async def _requests(websocket: WebSocket) -> AsyncIterator[Any]:
    yield riva_asr_pb2.StreamingRecognizeRequest(streaming_config=streaming_config())
    while True:
        message = await websocket.receive()
        audio = message.get("bytes")
        if not audio:
            return
        yield riva_asr_pb2.StreamingRecognizeRequest(audio_content=audio)


async def relay(websocket: WebSocket) -> None:
    """Carry one stream."""
    await websocket.accept()
    await websocket.send_text(json.dumps({"type": "connection"}))
    await websocket.receive_text()
    await websocket.send_text(json.dumps({"type": "session_started"}))
    stub = websocket.app.state.stub
    async for response in stub.StreamingRecognize(_requests(websocket)):
        for result in response.results:
            kind = "transcription" if result.is_final else "partial"
            text = result.alternatives[0].transcript
            await websocket.send_text(json.dumps({"type": kind, "text": text}))
    await websocket.send_text(json.dumps({"type": "session_stopped"}))
    await websocket.close()


async def main() -> None:
    """Serve on the port named by BENCH_PORT."""
    app = Starlette(routes=[WebSocketRoute("/", relay)])
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{os.environ['RIVA_PORT']}")
    app.state.stub = riva_asr_pb2_grpc.RivaSpeechRecognitionStub(channel)
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=int(os.environ["BENCH_PORT"]),
        log_level="error",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="off",
    )
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.relay", description=__doc__)
    parser.epilog = "Set by BENCH_PORT and RIVA_PORT; `python -m bench` runs it."
    parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
