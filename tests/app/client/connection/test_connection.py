"""One connection against a scripted server: order, ends, errors, refusals, deadlines.

Connections that are made again after a break are in `test_resumption.py`.
Does not prove that a real gateway behaves like the script; `test_with_a_gateway.py` does that.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from time import monotonic

import pytest

from app.client import (
    Connection,
    ConnectionLostError,
    DeadlineError,
    Deadlines,
    GatewayError,
    Partial,
    ProtocolError,
    StartTranscription,
    Transcription,
)
from app.client import connect as connect_anyhow
from app.client.connection.connection import MAX_UNREAD_EVENTS
from app.client.events import Event
from app.contract import CloseCode, ErrorCode
from app.contract.dialect_a import Pong
from tests.support.gateways import scripted as play
from tests.support.gateways.scripted import Peer, scripted


def connect(
    url: str, *, deadlines: Deadlines | None = None
) -> AbstractAsyncContextManager[Connection]:
    return connect_anyhow(url, deadlines=deadlines, resume=False)


async def texts(events: AsyncIterator[Event]) -> list[str]:
    return [event.text async for event in events if isinstance(event, Partial | Transcription)]


async def echo_segments(peer: Peer) -> None:
    """Answer sessions for ever: one interim and two finals, the last after the stop."""
    await peer.say(play.hello())
    while True:
        await peer.hear("start_transcription")
        await peer.say(play.started(), play.interim(0, "good"), play.final(0, "Good morning."))
        await peer.hear("stop_transcription")
        await peer.say(play.final(1, "Last words."), play.stopped(2))


async def test_every_last_final_comes_before_finish_returns_and_can_be_read_after_it() -> None:
    async with scripted(echo_segments) as gateway, connect(gateway.url) as connection:
        assert connection.hello.limits.max_message_bytes == play.MAX_MESSAGE_BYTES
        session = await connection.start()
        assert session.session_id == "s1"
        await connection.send(b"\0\0" * 100)
        assert (await connection.finish()).segments == 2
        assert await texts(connection.events()) == ["good", "Good morning.", "Last words."]


async def test_events_can_be_read_by_one_task_while_another_sends() -> None:
    async with scripted(echo_segments) as gateway, connect(gateway.url) as connection:
        await connection.start()
        reader = asyncio.create_task(texts(connection.events()))
        await connection.send(b"\0\0")
        await connection.finish()
        assert await reader == ["good", "Good morning.", "Last words."]


async def test_sessions_follow_one_another_on_one_connection() -> None:
    async with scripted(echo_segments) as gateway, connect(gateway.url) as connection:
        for _ in range(3):
            await connection.start()
            await connection.finish()
            assert await texts(connection.events()) == ["good", "Good morning.", "Last words."]
            assert await texts(connection.events()) == []


async def test_what_was_not_read_of_a_session_does_not_turn_up_in_the_next() -> None:
    async with scripted(echo_segments) as gateway, connect(gateway.url) as connection:
        await connection.start()
        await connection.finish()
        await connection.start()
        await connection.finish()
        assert len(await texts(connection.events())) == 3


async def test_start_options_travel_as_the_contract_has_them_and_absent_ones_do_not() -> None:
    options = StartTranscription(sample_rate=8000, hotwords=["Perch"], enable_partials=False)
    async with scripted(echo_segments) as gateway, connect(gateway.url) as connection:
        await connection.start(options)
        await connection.finish()
        sent = gateway.peers[0].controls[0]
    assert sent == {
        "type": "start_transcription",
        "sample_rate": 8000,
        "hotwords": ["Perch"],
        "enable_partials": False,
        "encoding": "pcm16",
        "channels": 1,
        "resumable": False,
    }


@pytest.mark.parametrize(("encoding", "sample_bytes"), [("pcm16", 2), ("float32", 4)])
async def test_audio_larger_than_a_message_may_be_is_cut_between_samples(
    encoding: str, sample_bytes: int
) -> None:
    audio = bytes(range(256)) * 10
    options = StartTranscription.model_validate({"encoding": encoding})
    async with scripted(echo_segments) as gateway, connect(gateway.url) as connection:
        await connection.start(options)
        await connection.send(audio)
        await connection.finish()
        frames = gateway.peers[0].frames
    assert b"".join(frames) == audio
    assert all(len(frame) <= play.MAX_MESSAGE_BYTES for frame in frames)
    assert all(len(frame) % sample_bytes == 0 for frame in frames)


async def test_audio_before_a_start_is_a_mistake_of_the_caller_and_not_sent() -> None:
    async with scripted(echo_segments) as gateway, connect(gateway.url) as connection:
        with pytest.raises(RuntimeError, match="no session runs"):
            await connection.send(b"\0\0")
        assert gateway.peers[0].frames == []


async def test_a_refused_start_says_so_and_leaves_the_connection_usable() -> None:
    async def refuse_once(peer: Peer) -> None:
        await peer.say(play.hello())
        await peer.hear("start_transcription")
        await peer.say(play.error(ErrorCode.TOO_MANY_SESSIONS, "All 2 sessions are in use"))
        await peer.hear("start_transcription")
        await peer.say(play.started())
        await peer.hear("stop_transcription")
        await peer.say(play.stopped())

    async with scripted(refuse_once) as gateway, connect(gateway.url) as connection:
        with pytest.raises(GatewayError, match="All 2 sessions are in use") as refused:
            await connection.start()
        assert refused.value.code == ErrorCode.TOO_MANY_SESSIONS
        assert refused.value.retryable
        assert refused.value.retry_after == 5.0
        assert refused.value.close_code is None
        await connection.start()
        await connection.finish()


async def test_an_error_that_ends_nothing_is_raised_in_its_place_and_reading_goes_on() -> None:
    async def stumble(peer: Peer) -> None:
        await peer.begin()
        await peer.say(
            play.final(0, "One."),
            play.error(ErrorCode.INVALID_JSON, "Invalid JSON message"),
            play.final(1, "Two."),
        )
        await peer.hear("stop_transcription")
        await peer.say(play.stopped())

    async with scripted(stumble) as gateway, connect(gateway.url) as connection:
        await connection.start()
        events = connection.events()
        assert (await anext(events)).type == "transcription"
        with pytest.raises(GatewayError, match="Invalid JSON message"):
            await anext(events)
        rest = asyncio.create_task(texts(connection.events()))
        await connection.finish()
        assert await rest == ["Two."]


async def test_a_failure_brings_the_gateways_words_and_the_close_code_after_what_was_heard() -> (
    None
):
    async def fail(peer: Peer) -> None:
        await peer.begin()
        await peer.say(play.final(0, "Heard before."))
        await peer.give_up(ErrorCode.ASR_FAILED, "Riva streaming error: stream broke")

    async with scripted(fail) as gateway, connect(gateway.url) as connection:
        await connection.start()
        events = connection.events()
        first = await anext(events)
        assert first.type == "transcription"
        with pytest.raises(GatewayError, match="stream broke") as failed:
            await anext(events)
        assert failed.value.close_code == CloseCode.INTERNAL
        assert failed.value.retryable
        with pytest.raises(GatewayError, match="stream broke"):
            await connection.finish()
        with pytest.raises(GatewayError, match="stream broke"):
            await connection.ping()


async def test_a_session_that_the_gateway_ends_is_no_good_end() -> None:
    async def go_away(peer: Peer) -> None:
        await peer.begin()
        await peer.say(play.final(0, "Saved."), play.stopped(1))
        await peer.give_up(ErrorCode.GOING_AWAY, "The gateway is going away; connect again")

    async with scripted(go_away) as gateway, connect(gateway.url) as connection:
        await connection.start()
        assert await texts(connection.events()) == ["Saved."]
        for act in (connection.send(b"\0\0"), connection.finish()):
            with pytest.raises(GatewayError, match="going away") as ended:
                await act
            assert ended.value.close_code == CloseCode.GOING_AWAY


async def test_a_connection_that_breaks_without_a_word_is_a_lost_one() -> None:
    async def vanish(peer: Peer) -> None:
        await peer.begin()
        await peer.hear_frame()
        peer.socket.transport.abort()

    async with scripted(vanish) as gateway, connect(gateway.url) as connection:
        await connection.start()
        await connection.send(b"\0\0")
        with pytest.raises(ConnectionLostError) as lost:
            await texts(connection.events())
        assert lost.value.close_code == 1006
        assert lost.value.retryable


async def test_types_the_contract_does_not_know_are_passed_over() -> None:
    async def chat(peer: Peer) -> None:
        await peer.begin()
        await peer.socket.send(json.dumps({"type": "weather", "sky": "blue"}))
        await peer.hear("stop_transcription")
        await peer.say(play.final(0, "Fine."), play.stopped(1))

    async with scripted(chat) as gateway, connect(gateway.url) as connection:
        await connection.start()
        await connection.finish()
        assert await texts(connection.events()) == ["Fine."]


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        ("no json", "no JSON object"),
        ("[1, 2]", "no JSON object"),
        ('{"kind": "partial"}', "no JSON object with a type"),
        ('{"type": "partial", "segment_id": -1}', "malformed message: partial.segment_id"),
    ],
)
async def test_what_is_not_in_the_contract_ends_the_connection_with_the_field_named(
    raw: str, complaint: str
) -> None:
    async def babble(peer: Peer) -> None:
        await peer.begin()
        await peer.hear_frame()
        await peer.socket.send(raw)
        await peer.hear("never")

    async with scripted(babble) as gateway, connect(gateway.url) as connection:
        await connection.start()
        await connection.send(b"\0\0")
        with pytest.raises(ProtocolError, match=complaint):
            await texts(connection.events())


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


async def test_a_ping_tells_how_long_its_answer_took() -> None:
    async def answer(peer: Peer) -> None:
        await peer.say(play.hello())
        await peer.hear("ping")
        await peer.say(Pong(timestamp=play.NOW))
        await peer.socket.wait_closed()

    async with scripted(answer) as gateway, connect(gateway.url) as connection:
        begun = monotonic()
        took = await connection.ping()
        assert 0 < took <= monotonic() - begun


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
