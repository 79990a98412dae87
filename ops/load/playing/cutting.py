"""Breaks a client's connection on purpose: a relay on this machine that lives for one session.

TLS goes through it untouched: it passes bytes on, and cuts the first connection when it is told to.
The client then comes back through it, as it would after a break of its network.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_DEFAULT_PORTS = {"ws": 80, "wss": 443}
_BLOCK_BYTES = 65_536


@dataclass(slots=True, kw_only=True)
class Relay:
    """A way to a gateway that can be cut.

    Attributes:
        url: By which a client comes through it.
        host: The gateway's name, which its certificate carries.
    """

    url: str
    host: str
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    def cut(self) -> None:
        """Break every connection that goes through it now."""
        for writer in tuple(self._open):
            writer.transport.abort()


@asynccontextmanager
async def relaying(url: str) -> AsyncIterator[Relay]:
    """Run a relay to a gateway for the length of a block.

    Args:
        url: Address of the gateway.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or _DEFAULT_PORTS[parts.scheme]
    relay = Relay(url="", host=host)
    tasks: set[asyncio.Task[None]] = set()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection(host, port)
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, there[1])
        relay._open.update(pair)  # noqa: SLF001 - the relay that this runs
        try:
            await asyncio.gather(_pump(reader, there[1]), _pump(there[0], writer))
        finally:
            relay._open.difference_update(pair)  # noqa: SLF001 - as above
            for one in pair:
                one.transport.abort()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of our own: asyncio complains of one of its own that is cancelled.
        task = asyncio.create_task(pass_on(reader, writer), name="relay")
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    own = server.sockets[0].getsockname()[1]
    relay.url = urlunsplit((parts.scheme, f"127.0.0.1:{own}", parts.path, parts.query, ""))
    try:
        yield relay
    finally:
        server.close()
        relay.cut()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes on until there are no more, or the connection is cut."""
    # uvloop has a RuntimeError for a transport that was cut meanwhile.
    with suppress(OSError, RuntimeError):
        while block := await reader.read(_BLOCK_BYTES):
            writer.write(block)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
