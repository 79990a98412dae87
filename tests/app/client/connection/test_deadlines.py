"""The deadlines of a start, a finalize and a handshake, against a scripted server."""

import asyncio
from time import monotonic

import pytest

from app.client import Connection, DeadlineError, Deadlines, connect
from app.contract.fields import Finalized, Queued
from tests.support.gateways import scripted as play
from tests.support.gateways.scripted import NOW, Peer, scripted


async def deaf(peer: Peer) -> None:
    await peer.say(play.hello())
    await peer.hear("never")


@pytest.mark.parametrize("resume", [True, False])
async def test_a_start_that_is_not_answered_fails_by_its_deadline(*, resume: bool) -> None:
    waits = Deadlines(start=0.1)
    async with (
        scripted(deaf) as gateway,
        connect(gateway.url, deadlines=waits, resume=resume) as connection,
    ):
        with pytest.raises(DeadlineError, match=r"SessionStarted within 0\.1 s") as failed:
            await connection.start()
    assert failed.value.retryable


async def test_the_deadline_of_a_start_begins_when_the_wait_is_over() -> None:
    async def crowded(peer: Peer) -> None:
        await peer.say(play.hello())
        await peer.hear("start_transcription")
        await peer.say(Queued(timestamp=NOW, place=1, seconds_left=0.6))
        await asyncio.sleep(0.6)
        await peer.say(play.started())
        await peer.hear("never")

    waits = Deadlines(start=0.3)
    async with scripted(crowded) as gateway, connect(gateway.url, deadlines=waits) as connection:
        await connection.start()


async def test_nor_does_a_wait_in_the_waiting_room_go_on_for_ever() -> None:
    async def crowded(peer: Peer) -> None:
        await peer.say(play.hello())
        await peer.hear("start_transcription")
        await peer.say(Queued(timestamp=NOW, place=1, seconds_left=0.2))
        await peer.hear("never")

    waits = Deadlines(start=0.1)
    begun = monotonic()
    async with scripted(crowded) as gateway, connect(gateway.url, deadlines=waits) as connection:
        with pytest.raises(DeadlineError, match="SessionStarted"):
            await connection.start()
    assert 0.3 <= monotonic() - begun < 5


@pytest.mark.parametrize("resume", [True, False])
async def test_a_finalize_that_is_not_answered_fails_and_another_may_follow(
    *, resume: bool
) -> None:
    async def hard_of_hearing(peer: Peer) -> None:
        await peer.begin()
        await peer.hear("finalize")
        await peer.hear("finalize")
        # A resumable session takes the first for the late answer, a plain connection either.
        await peer.say(*[Finalized(timestamp=NOW, position=2.0)] * 2)
        await peer.hear("never")

    waits = Deadlines(finish=0.2)
    async with (
        scripted(hard_of_hearing) as gateway,
        connect(gateway.url, deadlines=waits, resume=resume) as connection,
    ):
        await connection.start()
        with pytest.raises(DeadlineError, match=r"Finalized within 0\.2 s of its last"):
            await connection.finalize()
        assert (await connection.finalize()).position == 2.0


async def test_a_closing_handshake_that_is_not_answered_ends_by_its_deadline() -> None:
    over = asyncio.Event()

    async def hanging(peer: Peer) -> None:
        await peer.say(play.hello())
        peer.socket.transport.pause_reading()
        await over.wait()

    async with scripted(hanging) as gateway:
        connection = await Connection.open(gateway.url, deadlines=Deadlines(close=0.2))
        begun = monotonic()
        await connection.aclose()
        assert 0.1 <= monotonic() - begun < 2
        over.set()
