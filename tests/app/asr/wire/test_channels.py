"""Many streams at once: the pool of connections, its bound, and a server with a lower one."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING

import grpc
import pytest

from app.asr import AsrError
from app.asr.wire.channels import ChannelPool, channel_options
from app.asr.wire.credentials import Credentials
from tests.app.asr.conftest import client_of, settings_for
from tests.app.asr.sound import Microphone, of, tone
from tests.support.recognisers.fake_riva import FakeRiva, Stream, final, serving

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from app.asr import RivaASRClient, Transcript


async def greet(stream: Stream) -> None:
    await stream.receive()
    await stream.say(final("hello"))
    await stream.receive_all()


async def open_stream(client: RivaASRClient, stack: AsyncExitStack) -> AsyncGenerator[Transcript]:
    microphone = Microphone()
    microphone.speak(tone(0.02))
    transcripts = await stack.enter_async_context(
        aclosing(client.stream_transcribe(microphone.listen()))
    )
    assert (await anext(transcripts)).text == "hello"
    return transcripts


def peers(riva: FakeRiva) -> set[str]:
    return {stream.peer for stream in riva.streams}


async def test_a_full_connection_leads_to_the_next_one() -> None:
    async with (
        serving(FakeRiva(script=greet)) as riva,
        client_of(riva, channels=3, max_streams_per_channel=2) as client,
        AsyncExitStack() as stack,
    ):
        await open_stream(client, stack)
        await open_stream(client, stack)
        assert len(peers(riva)) == 1
        for _ in range(4):
            await open_stream(client, stack)
        assert len(peers(riva)) == 3


async def test_a_place_is_given_back_when_its_stream_ends() -> None:
    async with (
        serving(FakeRiva(script=greet)) as riva,
        client_of(riva, channels=1, max_streams_per_channel=1) as client,
    ):
        for _ in range(5):
            assert [t.text async for t in client.stream_transcribe(of([tone(0.1)]))] == ["hello"]
        assert len(peers(riva)) == 1


async def test_beyond_the_last_place_a_caller_gets_an_error_in_time() -> None:
    async with (
        serving(FakeRiva(script=greet)) as riva,
        client_of(riva, channels=2, max_streams_per_channel=1, timeout_ms=500) as client,
        AsyncExitStack() as stack,
    ):
        running = await open_stream(client, stack)
        await open_stream(client, stack)
        with pytest.raises(AsrError) as caught:
            await open_stream(client, stack)
        assert (caught.value.code, caught.value.retryable) == ("STREAM_LIMIT", True)
        # Health is asked over a connection of its own.
        assert (await client.ready()).ready
        await running.aclose()
        await open_stream(client, stack)


async def test_a_waiting_caller_gets_the_place_that_becomes_free() -> None:
    async with (
        serving(FakeRiva(script=greet)) as riva,
        client_of(riva, channels=1, max_streams_per_channel=1) as client,
        AsyncExitStack() as stack,
    ):
        running = await open_stream(client, stack)
        waiting = asyncio.create_task(open_stream(client, stack))
        await asyncio.sleep(0)
        await running.aclose()
        await asyncio.wait_for(waiting, 20)


async def test_a_stream_beyond_the_servers_own_limit_ends_in_a_deadline_and_not_in_a_hang() -> None:
    async with (
        serving(FakeRiva(script=greet), options=[("grpc.max_concurrent_streams", 1)]) as riva,
        client_of(riva, timeout_ms=500) as client,
        AsyncExitStack() as stack,
    ):
        running = await open_stream(client, stack)
        with pytest.raises(AsrError) as caught:
            await open_stream(client, stack)
        assert (caught.value.code, caught.value.retryable) == ("DEADLINE_EXCEEDED", True)
        await running.aclose()
        await open_stream(client, stack)


async def test_cancelling_whoever_waits_for_a_place_loses_no_place() -> None:
    async with (
        serving(FakeRiva(script=greet)) as riva,
        client_of(riva, channels=1, max_streams_per_channel=1) as client,
        AsyncExitStack() as stack,
    ):
        running = await open_stream(client, stack)
        waiting = asyncio.create_task(open_stream(client, stack))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await running.aclose()
        await open_stream(client, stack)


def test_the_settings_of_a_connection_reach_grpc() -> None:
    options = dict(
        channel_options(
            settings_for(FakeRiva(port=1), max_message_bytes=70_000, keepalive_time_s=60.0)
        )
    )
    assert options["grpc.max_receive_message_length"] == 4 * 1024 * 1024 - 1
    assert options["grpc.max_send_message_length"] == 70_000
    assert options["grpc.keepalive_time_ms"] == 60_000
    assert options["grpc.keepalive_timeout_ms"] == 20_000
    quiet = dict(channel_options(settings_for(FakeRiva(port=1), keepalive_time_s=0)))
    assert "grpc.keepalive_time_ms" not in quiet


@pytest.mark.parametrize(
    ("ssl", "name", "expected"),
    [
        (True, "riva.internal", "riva.internal"),
        (True, None, None),
        (False, "riva.internal", None),
        (False, None, None),
    ],
)
def test_another_name_is_expected_of_a_certificate_alone(
    *, ssl: bool, name: str | None, expected: str | None
) -> None:
    settings = settings_for(FakeRiva(port=1)).model_copy(
        update={"ssl": ssl, "ssl_server_name": name}
    )
    options = dict(channel_options(settings))
    assert options.get("grpc.ssl_target_name_override") == expected
    assert ("grpc.ssl_target_name_override" in options) == (expected is not None)


async def test_a_closed_pool_has_closed_each_connection_and_opens_no_other() -> None:
    settings = settings_for(FakeRiva(port=1))
    pool = ChannelPool(settings, Credentials(settings))
    streams = (await pool.acquire()).channel
    async with pool.control() as control, pool.control() as same:
        assert same is control is not streams
    await pool.aclose()
    for channel in (streams, control):
        assert channel.channel.get_state() is grpc.ChannelConnectivity.SHUTDOWN
    with pytest.raises(AsrError, match="CLIENT_CLOSED"):
        await pool.acquire()
    with pytest.raises(AsrError, match="CLIENT_CLOSED"):
        async with pool.control():
            pass
    await pool.aclose()
