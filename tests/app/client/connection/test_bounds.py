"""One connection against a scripted server: every wait has its end, and every queue its bound."""

import asyncio

import pytest

from app.client import (
    Connection,
    ConnectionLostError,
    DeadlineError,
    Deadlines,
)
from app.client.connection.connection import MAX_UNREAD_EVENTS
from tests.app.client.connection.scripted_connection import connect, texts
from tests.support.gateways import scripted as play
from tests.support.gateways.scripted import Peer, scripted


async def test_every_wait_for_an_answer_has_a_deadline() -> None:
    async def deaf(peer: Peer) -> None:
        await peer.begin()
        await peer.hear("never")

    waits = Deadlines(finish=0.1, answer=0.1, event=0.1)
    async with scripted(deaf) as gateway, connect(gateway.url, deadlines=waits) as connection:
        await connection.start()
        with pytest.raises(DeadlineError, match=r"no event came within 0\.1 s"):
            await texts(connection.events())
        with pytest.raises(DeadlineError, match=r"Pong within 0\.1 s"):
            await connection.ping()
        with pytest.raises(DeadlineError, match=r"Metrics within 0\.1 s"):
            await connection.metrics()
        with pytest.raises(DeadlineError, match=r"SessionStopped within 0\.1 s"):
            await connection.finish()


async def test_each_result_gives_the_end_its_time_again() -> None:
    async def slow(peer: Peer) -> None:
        await peer.begin()
        await peer.hear("stop_transcription")
        for number in range(8):
            await asyncio.sleep(0.1)
            await peer.say(play.final(number, "One."))
        await peer.say(play.stopped(8))

    waits = Deadlines(finish=0.5)
    async with scripted(slow) as gateway, connect(gateway.url, deadlines=waits) as connection:
        await connection.start()
        assert (await connection.finish()).segments == 8


async def test_a_beating_gateway_behind_a_stuck_recogniser_is_not_waited_for() -> None:
    async def stuck(peer: Peer) -> None:
        await peer.begin()
        await peer.hear("stop_transcription")
        while True:
            await peer.say(play.heartbeat(received=1.0, recognised=0.5))
            await asyncio.sleep(0.02)

    waits = Deadlines(finish=0.2)
    async with scripted(stuck) as gateway, connect(gateway.url, deadlines=waits) as connection:
        await connection.start()
        with pytest.raises(
            DeadlineError, match=r"SessionStopped within 0\.2 s of its last progress"
        ):
            await connection.finish()
        assert connection.heartbeat is not None
        assert connection.backlog_s == 0.0, "nothing was sent"


async def test_a_gateway_that_takes_no_audio_holds_the_sender_back_and_then_fails_it() -> None:
    release = asyncio.Event()

    async def stuck(peer: Peer) -> None:
        await peer.begin()
        peer.socket.transport.pause_reading()
        await release.wait()

    waits = Deadlines(send=0.3, close=0.1)
    async with scripted(stuck) as gateway, connect(gateway.url, deadlines=waits) as connection:
        await connection.start()
        with pytest.raises(DeadlineError, match=r"took no data for 0\.3 s"):
            await connection.send(b"\0" * 64 * 2**20)
        release.set()


async def test_events_nobody_reads_fill_a_bounded_queue_and_hold_the_gateway_back() -> None:
    flood = 20_000
    said = 0

    async def talk(peer: Peer) -> None:
        nonlocal said
        await peer.begin()
        for number in range(flood):
            await peer.say(play.final(number, "word " * 200))
            said += 1

    waits = Deadlines(finish=0.1, close=0.5)
    async with scripted(talk) as gateway, connect(gateway.url, deadlines=waits) as connection:
        await connection.start()
        async with asyncio.timeout(30):
            # Nobody is told when a queue is full, so it is looked at.
            while connection._inbox.events.unread < MAX_UNREAD_EVENTS:  # noqa: ASYNC110 - see above
                await asyncio.sleep(0.01)
        with pytest.raises(DeadlineError, match=f"; {MAX_UNREAD_EVENTS} events were not read"):
            await connection.finish()
    assert said < flood


async def test_a_reader_that_gives_up_waiting_loses_no_event() -> None:
    speak = asyncio.Event()

    async def late(peer: Peer) -> None:
        await peer.begin()
        await speak.wait()
        await peer.say(play.final(0, "Late."))
        await peer.hear("stop_transcription")
        await peer.say(play.stopped(1))

    waits = Deadlines(event=0.05)
    async with scripted(late) as gateway, connect(gateway.url, deadlines=waits) as connection:
        await connection.start()
        with pytest.raises(DeadlineError):
            await anext(connection.events())
        speak.set()
        await connection.finish()
        assert await texts(connection.events()) == ["Late."]


async def test_closing_ends_the_reader_and_wakes_who_waits() -> None:
    async def deaf(peer: Peer) -> None:
        await peer.begin()
        await peer.hear("never")

    async with scripted(deaf) as gateway:
        connection = await Connection.open(gateway.url)
        await connection.start()
        waiting = asyncio.create_task(texts(connection.events()))
        await asyncio.sleep(0)
        await connection.aclose()
        await connection.aclose()
        with pytest.raises(ConnectionLostError, match="this client closed"):
            await waiting
        names = {task.get_name() for task in asyncio.all_tasks()}
    assert "perch-client-reader" not in names


@pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan")])
def test_a_deadline_that_is_no_time_is_refused_by_name(value: float) -> None:
    with pytest.raises(ValueError, match=r"start is .*; accepted: a number of seconds"):
        Deadlines(start=value)
