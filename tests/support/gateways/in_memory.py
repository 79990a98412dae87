"""A WebSocket of the gateway without a socket: what is read in which turn of the loop, exactly.

The protocol is the gateway's own, as uvicorn would run it. The transport is a list of what was
written, and as honest as TCP: nothing arrives while reading is paused.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

from uvicorn.server import ServerState
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from app.gateway.admission.turns import Turns
from app.gateway.server.protocol.buffers import Buffers
from app.gateway.server.protocol.connections import HttpConnections
from app.gateway.server.protocol.frames import IncomingRules
from app.gateway.server.protocol.http import HttpConfig
from app.gateway.server.protocol.websocket import GatewayProtocol
from app.gateway.session.socket import EXTENSION, SocketControl
from app.gateway.telemetry.metrics import GatewayMetrics

App = Callable[[SocketControl, Callable[[dict[str, Any]], Awaitable[None]]], Awaitable[None]]


def rules(**changes: Any) -> IncomingRules:  # noqa: ANN401 - of any of its fields
    """Return rules without limits but for those that are given."""
    return replace(
        IncomingRules(
            frame_rate=100_000,
            frame_burst=1_000_000,
            message_timeout_s=3600.0,
            buffers=Buffers(2**40, 2**40),
        ),
        **changes,
    )


def masked(opcode: Opcode, data: bytes = b"", *, fin: bool = True) -> bytes:
    """Return a frame as a client writes it."""
    return Frame(opcode, data, fin=fin).serialize(mask=True)


@dataclass(eq=False)
class Timer:
    """What is to happen at a time."""

    at: float
    happen: Callable[[], object]
    is_cancelled: bool = False

    def cancel(self) -> None:
        self.is_cancelled = True


class HandClock:
    """The running loop, but for its time, which passes as the test says."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._now = 0.0
        self._timers: list[Timer] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a loop has
        return getattr(self._loop, name)

    def time(self) -> float:
        return self._now

    def call_later(self, delay: float, happen: Callable[..., object], *args: object) -> Timer:
        self._timers.append(Timer(self._now + delay, partial(happen, *args)))
        return self._timers[-1]

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and what was to happen in it happen."""
        until = self._now + seconds
        while due := [timer for timer in self._timers if timer.at <= until]:
            timer = min(due, key=lambda one: one.at)
            self._timers.remove(timer)
            self._now = timer.at
            if not timer.is_cancelled:
                timer.happen()
        self._now = until


class MemoryTransport(asyncio.Transport):
    """The socket's side of a protocol.

    Attributes:
        protocol: What is read goes there.
        written: What it wrote.
        is_read: Whether it reads.
    """

    def __init__(self, *, half_closes: bool = True) -> None:
        super().__init__({})
        self.protocol: GatewayProtocol | None = None
        self.written = bytearray()
        self.is_read = True
        self.has_ended = False
        self._half_closes = half_closes
        self._is_closing = False
        self._on_the_way = bytearray()

    def arrive(self, data: bytes, *, most: int = 262_144) -> None:
        """Have the client's bytes arrive, in reads of at most so many, while anybody reads."""
        self._on_the_way += data
        self.deliver(most)

    def deliver(self, most: int = 262_144) -> None:
        """Hand over what is on the way as far as it is read."""
        assert self.protocol is not None
        while self._on_the_way and self.is_read and not self._is_closing:
            read = bytes(self._on_the_way[:most])
            del self._on_the_way[:most]
            self.protocol.data_received(read)

    @property
    def unread(self) -> int:
        """Bytes that wait at the client."""
        return len(self._on_the_way)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True

    def is_closing(self) -> bool:
        return self._is_closing

    def can_write_eof(self) -> bool:
        return self._half_closes

    def write_eof(self) -> None:
        self.has_ended = True

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            assert self.protocol is not None
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    def abort(self) -> None:
        self.close()


class MemoryConnection:
    """A client that has shaken hands with an application.

    Args:
        app: Gets the connection's control and ASGI's send once it is accepted.
        incoming: What may come in.
        max_size: Largest message in bytes.

    Attributes:
        clock: What the connection takes for its time.
    """

    def __init__(
        self, app: App, incoming: IncomingRules | None = None, max_size: int = 1_048_576
    ) -> None:
        async def accept(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
            await receive()
            await send({"type": "websocket.accept"})
            # uvicorn would report it; here it is how a test ends.
            with suppress(asyncio.CancelledError):
                await app(scope["extensions"][EXTENSION], send)

        config = HttpConfig(
            accept,
            ws=GatewayProtocol,
            ws_max_size=max_size,
            ws_per_message_deflate=False,
            ws_ping_interval=None,
            log_config=None,
        )
        config.metrics = GatewayMetrics("test")
        config.turns = Turns()
        config.send_timeout_s = 60.0
        config.open_connections = HttpConnections(8, config.metrics)
        config.incoming = incoming or rules()
        config.load()
        self.state = ServerState()
        self.clock = HandClock()
        loop = cast("asyncio.AbstractEventLoop", self.clock)
        self.protocol = GatewayProtocol(config, self.state, {}, loop)
        self.transport = MemoryTransport()
        self.transport.protocol = self.protocol
        self.protocol.connection_made(self.transport)
        self.client = ClientProtocol(parse_uri("ws://gateway/"), max_size=None)
        self.client.send_request(self.client.connect())
        self.transport.arrive(b"".join(self.client.data_to_send()))

    def heard(self) -> list[Frame]:
        """Return the frames the gateway has written since the last time."""
        self.client.receive_data(bytes(self.transport.written))
        self.transport.written.clear()
        events = self.client.events_received()
        return [event for event in events if isinstance(event, Frame)]

    async def opened(self) -> None:
        """Wait until the application runs."""
        while not self.protocol.handshake_complete:  # noqa: ASYNC110 - a turn or two
            await asyncio.sleep(0)

    async def closed(self) -> None:
        """Break the connection and end everything it started."""
        for task in self.state.tasks:
            task.cancel()
        self.transport.close()
        while self.state.tasks:  # noqa: ASYNC110 - a turn or two
            await asyncio.sleep(0)
