"""Baseline `threads`: the common design, one thread a stream on NVIDIA's blocking client."""

import argparse
import asyncio
import json
import os
import queue
import threading
from collections.abc import Iterator
from typing import Any

import riva.client
import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from bench.config import streaming_config


def _recognise(
    websocket: WebSocket, chunks: queue.Queue[bytes | None], loop: asyncio.AbstractEventLoop
) -> None:
    def audio() -> Iterator[bytes]:
        while (chunk := chunks.get()) is not None:
            yield chunk

    def send(message: dict[str, Any]) -> None:
        asyncio.run_coroutine_threadsafe(websocket.send_text(json.dumps(message)), loop).result()

    service = websocket.app.state.service
    for response in service.streaming_response_generator(audio(), streaming_config()):
        for result in response.results:
            kind = "transcription" if result.is_final else "partial"
            send({"type": kind, "text": result.alternatives[0].transcript})


async def bridge(websocket: WebSocket) -> None:
    """Carry one stream."""
    await websocket.accept()
    await websocket.send_text(json.dumps({"type": "connection"}))
    await websocket.receive_text()
    await websocket.send_text(json.dumps({"type": "session_started"}))
    chunks: queue.Queue[bytes | None] = queue.Queue()
    loop = asyncio.get_running_loop()
    worker = threading.Thread(target=_recognise, args=(websocket, chunks, loop))
    worker.start()
    while audio := (await websocket.receive()).get("bytes"):
        chunks.put(audio)
    chunks.put(None)
    await asyncio.to_thread(worker.join)
    await websocket.send_text(json.dumps({"type": "session_stopped"}))
    await websocket.close()


def main() -> None:
    """Serve on the port named by BENCH_PORT."""
    parser = argparse.ArgumentParser(prog="python -m bench.threads", description=__doc__)
    parser.epilog = "Set by BENCH_PORT and RIVA_PORT; `python -m bench` runs it."
    parser.parse_args()
    app = Starlette(routes=[WebSocketRoute("/", bridge)])
    auth = riva.client.Auth(uri=f"127.0.0.1:{os.environ['RIVA_PORT']}")
    app.state.service = riva.client.ASRService(auth)
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(os.environ["BENCH_PORT"]),
        log_level="error",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="off",
        loop="asyncio",
    )


if __name__ == "__main__":
    main()
