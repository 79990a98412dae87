"""The gateway with one more address, an echo: what the test cases want to talk to.

`python -m tests.conformance.echo LIMIT` serves until it is ended, and says its port in one line.
Everything below the echo is the gateway's: its application, uvicorn as it sets it up, and
`GatewayProtocol`. No recogniser is there, and none is asked for.
"""

import argparse
import asyncio
import socket
import sys
from contextlib import suppress

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.asr import RivaASRClient, RivaSettings
from app.gateway.server.app import create_app
from app.gateway.server.process import build_server
from app.gateway.settings.gateway import GatewaySettings


async def echo(websocket: WebSocket) -> None:
    """Send every message back as it came."""
    await websocket.accept()
    # A client that leaves before its echo has seen enough.
    with suppress(WebSocketDisconnect):
        await _echo_all(websocket)


async def _echo_all(websocket: WebSocket) -> None:
    while (message := await websocket.receive())["type"] == "websocket.receive":
        if message.get("bytes") is not None:
            await websocket.send_bytes(message["bytes"])
        else:
            await websocket.send_text(message["text"])


async def serve(limit_mb: float) -> None:
    # Section 9 sends 4 MiB in parts of 64 bytes: right, and slowed down where nothing is said.
    settings = GatewaySettings(
        ws_max_message_size_mb=limit_mb, ws_frame_rate=100_000, ws_frame_burst=1_000_000
    )
    app = create_app(settings, RivaASRClient(RivaSettings()))
    app.router.routes.insert(0, WebSocketRoute("/echo", echo))
    listener = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    await build_server(settings, app).serve([listener])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.echo", description=__doc__)
    parser.add_argument("limit", type=float, help="largest message in MiB")
    asyncio.run(serve(parser.parse_args().limit))
