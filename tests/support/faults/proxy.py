"""A TCP proxy that misbehaves as it is told: toxiproxy's toxics, added and removed while it runs.

    async with FaultProxy("127.0.0.1", 50051) as proxy:
        proxy.add("slow", Latency(latency=0.2), "down")
        ...
        proxy.remove("slow")

It knows nothing of what it carries. What it cannot do: lose or reorder single packets; that is
below TCP.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self, TypeVar

from tests.support.faults.toxics import (
    Bandwidth,
    Latency,
    LimitData,
    ResetPeer,
    Slicer,
    SlowClose,
    Stream,
    Timeout,
    Toxic,
    check,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

Kind = TypeVar("Kind", Latency, Bandwidth, SlowClose, Slicer, LimitData)

CHUNK = 32_768
QUEUED_CHUNKS = 256
"""What may be under way in one direction, for a latency not to become a bandwidth: 8 MiB."""
BANDWIDTH_STEP_S = 0.05
SEED = 1
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time to linger: closing sends a TCP reset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A toxic on its way of a proxy."""

    toxic: Toxic
    stream: Stream
    toxicity: float


@dataclass(eq=False, slots=True)
class Link:
    """One direction of one connection.

    Args:
        reader: Where bytes come from.
        writer: Where they go.
        close: Closes the connection, in order.
        reset: Breaks it.
        dice: What jitter and sizes are drawn with.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    close: Callable[[], None]
    reset: Callable[[], None]
    dice: random.Random
    toxics: dict[str, Toxic] = field(default_factory=dict)
    carried: int = 0
    _timers: dict[str, asyncio.TimerHandle] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _under_way: asyncio.Queue[tuple[float, bytes]] = field(
        default_factory=lambda: asyncio.Queue(QUEUED_CHUNKS)
    )

    def add(self, name: str, toxic: Toxic) -> None:
        """Let a toxic work from now on."""
        self.toxics[name] = toxic
        loop = asyncio.get_running_loop()
        match toxic:
            case Timeout(timeout=seconds) if seconds > 0:
                self._timers[name] = loop.call_later(seconds, self.close)
            case ResetPeer(timeout=seconds):
                self._timers[name] = loop.call_later(seconds, self.reset)
            case _:
                pass
        self._wake()

    def remove(self, name: str) -> None:
        """End a toxic's work."""
        toxic = self.toxics.pop(name, None)
        if (timer := self._timers.pop(name, None)) is not None:
            timer.cancel()
        if isinstance(toxic, Timeout | ResetPeer):
            self.close()
        self._wake()

    async def run(self) -> None:
        """Carry bytes until the end of the stream."""
        reading = asyncio.create_task(self._read(), name="fault proxy: read")
        try:
            while True:
                arrived, data = await self._under_way.get()
                if not data:
                    break
                await self._carry(arrived, data)
            await self._until(lambda: sum(t.delay for t in self._of(SlowClose)), self._now())
            # A stream that swallows data swallows its end too.
            while self._swallows:
                await self._change()
            with contextlib.suppress(OSError):
                self.writer.write_eof()
        except OSError:
            self.close()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            for timer in self._timers.values():
                timer.cancel()

    async def _read(self) -> None:
        data = b"-"
        while data:
            try:
                data = await self.reader.read(CHUNK)
            except OSError:
                self.close()
                return
            await self._under_way.put((self._now(), data))

    async def _carry(self, arrived: float, data: bytes) -> None:
        spread = self.dice.uniform(-1.0, 1.0)
        await self._until(
            lambda: sum(toxic.latency + toxic.jitter * spread for toxic in self._of(Latency)),
            arrived,
        )
        async for piece in self._slices(data):
            if self._swallows:
                return
            await self._write(piece)

    async def _slices(self, data: bytes) -> AsyncIterator[bytes]:
        at = 0
        while at < len(data):
            slicer = next(self._of(Slicer), None)
            if slicer is None:
                yield data[at:]
                return
            size = slicer.average_size + self.dice.randint(
                -slicer.size_variation, slicer.size_variation
            )
            if at:
                await asyncio.sleep(slicer.delay)
            yield data[at : at + size]
            at += size

    async def _write(self, data: bytes) -> None:
        left = min((limit.limit - self.carried for limit in self._of(LimitData)), default=None)
        allowed = data if left is None else data[: max(0, left)]
        async for part in self._throttled(allowed):
            self.carried += len(part)
            self.writer.write(part)
            await self.writer.drain()
        if left is not None and len(data) >= left:
            self.close()

    async def _throttled(self, data: bytes) -> AsyncIterator[bytes]:
        at = 0
        while at < len(data):
            rate = min((toxic.rate for toxic in self._of(Bandwidth)), default=None)
            if rate is None:
                yield data[at:]
                return
            part = data[at : at + max(1, int(rate * BANDWIDTH_STEP_S))]
            await asyncio.sleep(len(part) / rate)
            yield part
            at += len(part)

    def _of(self, kind: type[Kind]) -> Iterator[Kind]:
        return (toxic for toxic in list(self.toxics.values()) if isinstance(toxic, kind))

    @property
    def _swallows(self) -> bool:
        return any(isinstance(toxic, Timeout | ResetPeer) for toxic in self.toxics.values())

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    async def _until(self, seconds: Callable[[], float], since: float) -> None:
        """Wait until so many seconds have passed since then, by the toxics as they are by then."""
        while (due := since + seconds()) > self._now():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._change()

    async def _change(self) -> None:
        await self._changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class Connection:
    """One client's connection and the one to the server made for it."""

    def __init__(
        self,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        dice: random.Random,
    ) -> None:
        self._writers = (client[1], server[1])
        self._ended = asyncio.Event()
        parts = (self.close, self.reset, dice)
        self.links: dict[Stream, Link] = {
            "up": Link(client[0], server[1], *parts),
            "down": Link(server[0], client[1], *parts),
        }

    async def run(self) -> None:
        """Carry bytes both ways until both ends are done, or somebody closed."""
        ways = [
            asyncio.create_task(link.run(), name=f"fault proxy: {way}")
            for way, link in self.links.items()
        ]
        both = asyncio.ensure_future(asyncio.gather(*ways))
        closed = asyncio.create_task(self._ended.wait(), name="fault proxy: closed")
        try:
            await asyncio.wait((both, closed), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*ways, closed):
                task.cancel()
            await asyncio.gather(*ways, closed, both, return_exceptions=True)
            for writer in self._writers:
                writer.close()
            for writer in self._writers:
                with contextlib.suppress(OSError):
                    await writer.wait_closed()

    def close(self) -> None:
        """End both sides with what was written before."""
        self._ended.set()

    def reset(self) -> None:
        """Break both sides with a TCP reset."""
        for writer in self._writers:
            sock: socket.socket | None = writer.get_extra_info("socket")
            if sock is not None and sock.fileno() >= 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()
        self._ended.set()


class FaultProxy:
    """Listens on loopback and carries every connection to one server.

    Args:
        host: Address of the server; where nobody answers, clients' connections are closed.
        port: Its TCP port.
        seed: Of the dice for toxicity, jitter and sizes: the same faults every run.
    """

    def __init__(self, host: str, port: int, *, seed: int = SEED) -> None:
        self.host = host
        self.server_port = port
        self.port = 0
        self._dice = random.Random(seed)  # noqa: S311 - a repeatable course of events, no secret
        self._toxics: dict[str, Applied] = {}
        self._listener: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections: set[Connection] = set()

    @property
    def connections(self) -> int:
        """Open now."""
        return len(self._connections)

    def add(self, name: str, toxic: Toxic, stream: Stream, *, toxicity: float = 1.0) -> None:
        """Let a toxic work on the connections that are open and on those that follow.

        Args:
            name: To remove it by.
            toxic: What it does.
            stream: In which direction.
            toxicity: Share of the connections that it hits.

        Raises:
            ValueError: The name is taken, or an amount means nothing.
        """
        if name in self._toxics:
            raise ValueError(f"name is {name!r}; accepted: one that no toxic has yet")
        check(toxic, toxicity)
        applied = self._toxics[name] = Applied(toxic=toxic, stream=stream, toxicity=toxicity)
        for connection in self._connections:
            self._infect(connection, name, applied)

    def remove(self, name: str) -> None:
        """End a toxic.

        Raises:
            KeyError: There is none of that name.
        """
        applied = self._toxics.pop(name)
        for connection in list(self._connections):
            connection.links[applied.stream].remove(name)

    async def enable(self) -> None:
        """Listen, on the same port as before."""
        if self._listener is None:
            self._listener = await asyncio.start_server(
                self._accept, "127.0.0.1", self.port, reuse_address=True
            )
            self.port = self._listener.sockets[0].getsockname()[1]

    async def disable(self) -> None:
        """Refuse connections, and end those that are open."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for connection in list(self._connections):
            connection.close()
        ended = tuple(self._tasks)
        await asyncio.gather(*ended, return_exceptions=True)
        # Their own callbacks run a turn of the loop later where all had ended already.
        self._tasks.difference_update(ended)

    async def __aenter__(self) -> Self:
        await self.enable()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.disable()

    def _infect(self, connection: Connection, name: str, applied: Applied) -> None:
        if self._dice.random() < applied.toxicity:
            connection.links[applied.stream].add(name, applied.toxic)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer), name="fault proxy: connection")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server = await asyncio.open_connection(self.host, self.server_port)
        except OSError:
            writer.close()
            return
        connection = Connection((reader, writer), server, self._dice)
        if self._listener is None:
            connection.close()  # disabled while it was being opened
        self._connections.add(connection)
        for name, applied in self._toxics.items():
            self._infect(connection, name, applied)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)
