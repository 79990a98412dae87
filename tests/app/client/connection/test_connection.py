"""One connection against a scripted server: order, ends, errors, refusals, deadlines.

Connections that are made again after a break are in `test_resumption.py`.
Does not prove that a real gateway behaves like the script; `test_with_a_gateway.py` does that.
"""

import asyncio
import json
from time import monotonic

import pytest

from app.client import (
    ConnectionLostError,
    GatewayError,
    ProtocolError,
    StartTranscription,
)
from app.contract import CloseCode, ErrorCode
from app.contract.dialect_a import Pong
from tests.app.client.connection.scripted_connection import connect, texts
from tests.support.gateways import scripted as play
from tests.support.gateways.scripted import Peer, scripted


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
