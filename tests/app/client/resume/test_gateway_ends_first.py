"""A gateway that is finalising a session by its own wish when the client asks for the same.

A drain does so. Does not prove when a real gateway does it:
`tests/app/gateway/server/test_drain.py` does.
"""

import asyncio

import pytest

from app.client import GatewayError, Transcription, connect
from app.contract import ErrorCode
from app.contract.fields import Finalized, Heartbeat, ResumePoint
from tests.app.client.resume.sessions import (
    SPEECH,
    connected,
    finals,
    read,
    say,
    session,
    speak_through,
)
from tests.support.gateways.breaking import SEGMENT_BYTES, Fault, breaking, texts_of
from tests.support.gateways.scripted import NOW


async def test_an_end_that_the_gateway_was_about_to_make_is_the_end_where_it_heard_everything() -> (
    None
):
    ending = Fault(own_end_after=len(SPEECH), error=ErrorCode.GOING_AWAY)
    async with breaking([ending]) as gateway:
        await speak_through(gateway)
        assert len(gateway.served) == 1


async def test_what_the_gateway_did_not_take_before_its_own_end_is_heard_by_another_one() -> None:
    ending = Fault(own_end_after=3 * SEGMENT_BYTES, error=ErrorCode.GOING_AWAY)
    async with breaking([ending, ending]) as gateway:
        await speak_through(gateway)
        assert len(gateway.served) > 1


async def test_a_finalize_that_meets_the_gateways_own_end_is_answered_by_another_one() -> None:
    ending = Fault(own_end_after=3 * SEGMENT_BYTES, error=ErrorCode.GOING_AWAY)
    async with breaking([ending]) as gateway, connected(gateway) as connection:
        await connection.start()
        listening = asyncio.create_task(read(connection))
        await say(connection)
        answer = await connection.finalize()
        await connection.finish()
        assert finals(await listening) == texts_of(SPEECH)
    assert answer.position == pytest.approx(len(SPEECH) / 2 / 8000)


async def test_a_plain_connection_hears_the_last_words_and_says_why_it_ended() -> None:
    ending = Fault(own_end_after=3 * SEGMENT_BYTES, error=ErrorCode.GOING_AWAY)
    async with breaking([ending]) as gateway, connect(gateway.url, resume=False) as connection:
        await connection.start()
        await connection.send(SPEECH)
        with pytest.raises(GatewayError) as ended:
            await connection.finish()
        heard = [event async for event in connection.events() if isinstance(event, Transcription)]
    assert ended.value.code == ErrorCode.GOING_AWAY
    assert [final.text for final in heard] == texts_of(SPEECH[: 3 * SEGMENT_BYTES])


def finalized(position: float) -> Finalized:
    return Finalized(timestamp=NOW, position=position)


async def test_the_answer_to_a_finalize_that_was_given_up_is_none_to_the_next_one() -> None:
    running = session()
    running.finalize()
    running.finalize_sent()
    running.forget_finalize()
    second = running.finalize()
    assert running.finalize_due
    running.finalize_sent()
    running.received(finalized(0.5))
    assert not second.done()
    running.received(finalized(1.0))
    assert second.result().position == 1.0


async def test_a_heartbeat_that_came_before_the_finals_of_a_finalize_asks_for_no_other() -> None:
    running = session(keep_s=1.0)

    def beat(position: float) -> Heartbeat:
        point = ResumePoint(position=position, token="t1")
        return Heartbeat(
            timestamp=NOW,
            audio_received=1.0,
            audio_recognised=1.0,
            queued=0.0,
            realtime_factor=1.0,
            resume=point,
        )

    def due() -> bool:
        return running.finalize_due

    running.received(beat(0.0))
    assert due()
    running.finalize_sent()
    running.received(beat(0.0))
    running.received(finalized(1.0))
    assert not due()
    running.received(beat(0.0))
    assert due()
