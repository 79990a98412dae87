"""The fault proxy itself, against a server in the same loop.

Does not prove how much later or slower anything comes, only the order of things: no clock is read.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from tests.support.faults.proxy import FaultProxy
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
)

DEADLINE_S = 20.0
FOR_EVER_S = 3600.0
DATA = bytes(range(256)) * 1000


@dataclass
class Server:
    """Sends back what it gets, and remembers how it came."""

    port: int = 0
    pieces: list[int] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                self.pieces.append(len(data))
                writer.write(data)
                await writer.drain()
            self.ends.append("end")
        except ConnectionResetError:
            self.ends.append("reset")
        self.ended.set()
        writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    echo = Server()
    listener = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    echo.port = listener.sockets[0].getsockname()[1]
    yield echo
    listener.close()


@pytest.fixture
async def proxy(server: Server) -> AsyncIterator[FaultProxy]:
    async with FaultProxy("127.0.0.1", server.port) as running:
        yield running
    assert running.connections == 0
    assert not running._tasks


@asynccontextmanager
async def client(
    proxy: FaultProxy,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with asyncio.timeout(DEADLINE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()


async def echoed(proxy: FaultProxy, data: bytes = DATA) -> bytes:
    """What comes back for data whose end is sent after it."""
    async with client(proxy) as (reader, writer):
        writer.write(data)
        writer.write_eof()
        return await reader.read(-1)


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not holds():  # noqa: ASYNC110 - the proxy's tasks tell nobody
            await asyncio.sleep(0.01)


async def test_without_toxics_every_byte_comes_through_and_so_does_the_end(
    proxy: FaultProxy, server: Server
) -> None:
    assert await echoed(proxy) == DATA
    assert server.ends == ["end"]


@pytest.mark.parametrize(
    "toxic",
    [
        Latency(latency=0.02, jitter=0.02),
        Bandwidth(rate=4_000_000),
        SlowClose(delay=0.02),
        Slicer(average_size=10_000, size_variation=5_000, delay=0.0001),
        LimitData(limit=len(DATA) + 1),
    ],
    ids=lambda toxic: type(toxic).__name__,
)
@pytest.mark.parametrize("stream", ["up", "down"])
async def test_a_toxic_that_only_hinders_changes_no_byte(
    proxy: FaultProxy, toxic: Toxic, stream: Stream
) -> None:
    proxy.add("it", toxic, stream)
    assert await echoed(proxy) == DATA


async def test_a_slicer_cuts_into_pieces_of_about_the_size(
    proxy: FaultProxy, server: Server
) -> None:
    proxy.add("cut", Slicer(average_size=20_000, size_variation=5_000, delay=0.001), "up")
    assert await echoed(proxy) == DATA
    # The kernel may join pieces again, never make more of them.
    assert len(server.pieces) > 1
    assert sum(server.pieces) == len(DATA)


async def test_data_that_is_late_comes_at_once_when_the_latency_is_removed(
    proxy: FaultProxy,
) -> None:
    proxy.add("late", Latency(latency=FOR_EVER_S), "down")
    async with client(proxy) as (reader, writer):
        writer.write(b"hello")
        await eventually(lambda: proxy.connections == 1)
        answer = asyncio.create_task(reader.readexactly(5))
        done, _ = await asyncio.wait({answer}, timeout=0.05)
        assert not done
        proxy.remove("late")
        assert await answer == b"hello"


async def test_an_end_that_is_slow_comes_when_the_toxic_is_removed(
    proxy: FaultProxy, server: Server
) -> None:
    proxy.add("slow", SlowClose(delay=FOR_EVER_S), "up")
    async with client(proxy) as (reader, writer):
        writer.write(b"hello")
        writer.write_eof()
        assert await reader.readexactly(5) == b"hello"
        assert not server.ends
        proxy.remove("slow")
        assert await reader.read() == b""
    assert server.ends == ["end"]


async def test_a_timeout_lets_nothing_through_and_closes_when_it_is_over(
    proxy: FaultProxy, server: Server
) -> None:
    proxy.add("gone", Timeout(timeout=0.05), "up")
    assert await echoed(proxy) == b""
    assert server.pieces == []


async def test_a_timeout_without_end_closes_only_when_it_is_removed(
    proxy: FaultProxy, server: Server
) -> None:
    proxy.add("gone", Timeout(), "up")
    async with client(proxy) as (reader, writer):
        writer.write(b"hello")
        writer.write_eof()
        await eventually(lambda: proxy.connections == 1)
        answer = asyncio.create_task(reader.read())
        done, _ = await asyncio.wait({answer}, timeout=0.05)
        assert not done
        proxy.remove("gone")
        assert await answer == b""
    assert server.pieces == []


async def test_a_reset_reaches_both_ends_as_a_reset(proxy: FaultProxy, server: Server) -> None:
    async with client(proxy) as (reader, writer):
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        proxy.add("reset", ResetPeer(), "down")
        with pytest.raises(ConnectionResetError):
            await reader.read()
        await server.ended.wait()
    assert server.ends == ["reset"]


async def test_a_limit_lets_so_many_bytes_through_and_then_closes(
    proxy: FaultProxy, server: Server
) -> None:
    proxy.add("limit", LimitData(limit=100_001), "up")
    await echoed(proxy)
    await server.ended.wait()
    assert sum(server.pieces) == 100_001


async def test_a_toxicity_hits_that_share_of_the_connections(proxy: FaultProxy) -> None:
    proxy.add("some", Timeout(timeout=0.01), "up", toxicity=0.5)
    heard = [await echoed(proxy, b"hello") for _ in range(40)]
    assert set(heard) == {b"", b"hello"}
    assert 10 <= heard.count(b"hello") <= 30


async def test_a_disabled_proxy_refuses_and_ends_connections_until_it_is_enabled(
    proxy: FaultProxy,
) -> None:
    port = proxy.port
    async with client(proxy) as (reader, writer):
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        await proxy.disable()
        assert await reader.read() == b""
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
    await proxy.enable()
    assert proxy.port == port
    assert await echoed(proxy, b"again") == b"again"


async def test_where_no_server_answers_the_connection_is_closed(proxy: FaultProxy) -> None:
    proxy.server_port = 1
    async with client(proxy) as (reader, _):
        assert await reader.read() == b""


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda p: p.add("a", Latency(latency=-1), "up"), r"Latency.latency is -1; accepted"),
        (lambda p: p.add("a", Bandwidth(rate=0), "up"), r"Bandwidth.rate is 0; accepted"),
        (
            lambda p: p.add("a", Slicer(average_size=5, size_variation=5), "up"),
            r"size_variation is 5; accepted: less than average_size, 5",
        ),
        (lambda p: p.add("a", Timeout(), "up", toxicity=2), r"toxicity is 2; accepted"),
    ],
)
async def test_amounts_that_mean_nothing_are_refused_by_name(
    proxy: FaultProxy, change: Callable[[FaultProxy], Awaitable[None]], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        change(proxy)


async def test_a_name_is_taken_once(proxy: FaultProxy) -> None:
    proxy.add("a", Latency(latency=0.0), "up")
    with pytest.raises(ValueError, match="accepted: one that no toxic has yet"):
        proxy.add("a", Latency(latency=0.0), "down")
    proxy.remove("a")
    with pytest.raises(KeyError):
        proxy.remove("a")
