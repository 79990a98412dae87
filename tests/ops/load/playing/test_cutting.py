"""A relay that cuts: plain TCP through it, on the loop that generators run on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import uvloop

from ops.load.playing.cutting import relaying


@asynccontextmanager
async def echo() -> AsyncIterator[str]:
    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def answer() -> None:
            while block := await reader.read(100):
                writer.write(block)
            writer.close()

        tasks.append(asyncio.create_task(answer()))

    tasks: list[asyncio.Task[None]] = []
    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def test_bytes_pass_until_it_is_cut_and_again_over_the_next_connection() -> None:
    complaints: list[str] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(
            lambda _loop, context: complaints.append(context["message"])
        )
        async with echo() as url, relaying(url) as relay:
            assert urlsplit(relay.url).path == "/ws"
            for turn in (b"one", b"two"):
                port = urlsplit(relay.url).port
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(turn)
                assert await reader.readexactly(3) == turn
                relay.cut()
                with suppress(ConnectionResetError):
                    assert await reader.read() == b""
                writer.transport.abort()
            # The last one is open when the block ends.
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"end")
            assert await reader.readexactly(3) == b"end"
        writer.transport.abort()

    uvloop.run(main())
    assert complaints == []


def test_a_gateway_that_is_not_there_ends_the_connection() -> None:
    async def main() -> None:
        async with relaying("ws://127.0.0.1:1/ws") as relay:
            port = urlsplit(relay.url).port
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            with suppress(ConnectionResetError):
                assert await reader.read() == b""
            writer.transport.abort()

    uvloop.run(main())
