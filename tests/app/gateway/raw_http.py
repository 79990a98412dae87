"""A TCP connection to a gateway on which a test writes bytes and reads HTTP answers."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.support.gateways.running import DEADLINE_S, Running


@dataclass
class Answer:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes


class Raw:
    """A connection that says what the test says."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> Answer:
        async with asyncio.timeout(DEADLINE_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            status, _, rest = head.partition("\r\n")
            found = re.match(r"HTTP/1\.1 (\d{3}) ", status)
            assert found is not None, head
            pairs = (line.partition(": ") for line in rest.splitlines() if line)
            headers = {name.lower(): value for name, _, value in pairs}
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return Answer(int(found[1]), headers, body)

    async def status(self) -> int:
        return (await self.answer()).status

    async def is_closed(self) -> bool:
        async with asyncio.timeout(DEADLINE_S):
            try:
                return await self.reader.read() == b""
            except ConnectionResetError:
                return True


@asynccontextmanager
async def raw(
    gateway: Running, said: bytes = b"", *, room: int | None = None
) -> AsyncIterator[Raw]:
    """Connect to a gateway; with little room the test's side reads only what it asks for."""
    plain = socket.socket()
    if room is not None:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    plain.setblocking(False)
    address = ("127.0.0.1", int(gateway.url.rpartition(":")[2]))
    await asyncio.get_running_loop().sock_connect(plain, address)
    reader, writer = await asyncio.open_connection(sock=plain, limit=room or 2**16)
    try:
        writer.write(said)
        yield Raw(reader, writer)
    finally:
        # What nobody reads would keep a close waiting.
        writer.transport.abort() if room is not None else writer.close()


def measured(gateway: Running, name: str, **labels: str) -> float | None:
    """Return a metric of a gateway."""
    return gateway.gateway.metrics.registry.get_sample_value(name, labels)


def held(gateway: Running) -> float | None:
    """Return how many HTTP connections a gateway has."""
    return measured(gateway, "perch_http_connections")


def cut(gateway: Running, reason: str) -> float | None:
    """Return how many it has cut."""
    return measured(gateway, "perch_http_connections_cut_total", reason=reason)
