"""Sessions that outlive their connection, with a gateway that breaks at every point.

Does not prove that a real gateway can go on from its own tokens; `test_resume_for_real.py` does.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from app.client import (
    Deadlines,
    Event,
    GatewayError,
    PcmAudio,
    Queued,
    Reconnected,
    ResumableConnection,
    StartTranscription,
    Transcription,
    stream,
    transcribe,
)
from app.contract import ErrorCode
from tests.app.client.resume.sessions import (
    SPEECH,
    connected,
    finals,
    read,
    say,
    say_all,
    speak_through,
)
from tests.support.gateways.breaking import (
    RATE,
    SEGMENT_BYTES,
    SEGMENT_S,
    At,
    Fault,
    breaking,
    texts_of,
)


async def test_without_a_break_nothing_is_told_and_one_connection_does() -> None:
    async with breaking([]) as gateway:
        events, _ = await speak_through(gateway)
        assert len(gateway.served) == 1
    assert not any(isinstance(event, Reconnected) for event in events)
    assert gateway.served[0].start == {
        "type": "start_transcription",
        "enable_partials": True,
        "hotwords": [],
        "encoding": "pcm16",
        "channels": 1,
        "resumable": True,
    }


@pytest.mark.parametrize(
    "fault",
    [
        Fault(at=At.STARTED),
        Fault(at=At.AUDIO, count=1),
        Fault(at=At.AUDIO, count=3 * SEGMENT_BYTES + 2),
        Fault(at=At.FINAL, count=1),
        Fault(at=At.FINAL, count=4),
        Fault(at=At.UNSAID, count=1),
        Fault(at=At.UNSAID, count=4),
        Fault(at=At.STOP),
        Fault(at=At.STOPPED),
    ],
    ids=lambda fault: f"{fault.at}-{fault.count}",
)
@pytest.mark.parametrize(
    "error", [None, ErrorCode.GOING_AWAY, ErrorCode.ASR_FAILED, ErrorCode.DRAIN_DEADLINE]
)
async def test_wherever_a_connection_breaks_every_final_comes_once_and_the_audio_goes_on_there(
    fault: Fault, error: ErrorCode | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.client.resume.policy.Backoff.wait", lambda *_: 0.001)
    async with breaking([replace(fault, error=error)]) as gateway:
        events, _ = await speak_through(gateway)
        first, second = gateway.served
    assert first.start is not None
    assert second.start is not None
    assert second.start["sample_rate"] == RATE, "another gateway may have another default"
    healed = next(event for event in events if isinstance(event, Reconnected))
    place = round(second.position * RATE) * 2
    assert bytes(second.audio) == SPEECH[place:]
    assert healed.position == second.position
    assert healed.segment_id == len(finals(events[: events.index(healed)]))
    assert healed.outage_s > 0


async def test_a_break_before_the_start_is_answered_starts_anew() -> None:
    async with breaking([Fault(at=At.START)]) as gateway:
        events, _ = await speak_through(gateway)
        assert gateway.served[1].start is not None
        assert "resume" not in gateway.served[1].start
    assert not any(isinstance(event, Reconnected) for event in events), "no session was broken"


async def test_finals_that_named_no_point_to_go_on_from_are_said_again_and_shown_once() -> None:
    async with breaking([Fault(at=At.FINAL, count=4, points=False)]) as gateway:
        events, _ = await speak_through(gateway)
        assert gateway.served[1].position == 0.0
    healed = next(event for event in events if isinstance(event, Reconnected))
    assert healed.segment_id == 0
    assert len(finals(events[: events.index(healed)])) == 4


async def test_several_breaks_with_refusals_between_them() -> None:
    faults = [
        Fault(at=At.AUDIO, count=1500),
        Fault(at=At.REFUSED),
        Fault(at=At.HELLO),
        Fault(at=At.START),
        Fault(offer=False),
        Fault(at=At.FINAL, count=2),
        Fault(at=At.UNSAID, count=3),
        Fault(at=At.STOPPED),
    ]
    async with breaking(faults) as gateway:
        events, _ = await speak_through(gateway)
    assert sum(isinstance(event, Reconnected) for event in events) == 4


async def test_a_gateway_that_goes_away_is_left_before_it_closes() -> None:
    async with (
        breaking([Fault(leaving_after=2 * SEGMENT_BYTES)]) as gateway,
        connected(gateway) as connection,
    ):
        await connection.start()
        listening = asyncio.create_task(read(connection))
        await say(connection, SPEECH[: 4 * SEGMENT_BYTES])
        async with asyncio.timeout(20):
            # Nothing more is sent, and the old gateway closes nothing.
            await gateway.served[0].left.wait()
        await say(connection, SPEECH[4 * SEGMENT_BYTES :])
        await connection.finish()
        events = await listening
    assert finals(events) == texts_of(SPEECH)
    assert [e.reason for e in events if isinstance(e, Reconnected)] == ["the gateway goes away"]
    assert any(event.type == "warning" for event in events), "as it always was"


async def test_what_nobody_has_read_when_a_gateway_is_left_is_read_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.client.resume.connection.MAX_UNREAD_EVENTS", 1)
    async with (
        breaking([Fault(leaving_after=3 * SEGMENT_BYTES)]) as gateway,
        connected(gateway) as connection,
    ):
        await connection.start()
        await say(connection)
        async with asyncio.timeout(20):
            while len(gateway.served) < 2:  # noqa: ASYNC110 - it counts, and tells nobody
                await asyncio.sleep(0.01)
        listening = asyncio.create_task(read(connection))
        await connection.finish()
        events = await listening
    assert finals(events) == texts_of(SPEECH)
    assert any(event.type == "warning" for event in events)


async def test_while_no_other_gateway_takes_it_the_leaving_one_goes_on() -> None:
    faults = [Fault(leaving_after=SEGMENT_BYTES), *[Fault(at=At.REFUSED)] * 3]
    async with (
        breaking(faults, then=lambda: Fault(at=At.REFUSED)) as gateway,
        connected(gateway) as connection,
    ):
        await connection.start()
        await say(connection)
        stopped = await connection.finish()
        events = await read(connection)
    assert finals(events) == texts_of(SPEECH)
    assert stopped.segments == len(texts_of(SPEECH))


async def test_audio_given_during_a_break_is_kept_and_send_does_not_wait_for_its_end() -> None:
    gate = asyncio.Event()

    def shut() -> Fault:
        return Fault() if gate.is_set() else Fault(at=At.REFUSED)

    async with (
        breaking([Fault(at=At.AUDIO, count=1)], then=shut) as gateway,
        connected(gateway) as connection,
    ):
        await connection.start()
        async with asyncio.timeout(20):
            await say(connection)
        assert not connection.reconnects
        gate.set()
        await connection.finish()
        assert finals(await read(connection)) == texts_of(SPEECH)
        assert len(connection.reconnects) == 1


async def test_a_full_store_holds_a_fast_sender_back_until_finals_make_room() -> None:
    async with breaking([Fault(at=At.FINAL, count=3)]) as gateway:
        await speak_through(gateway, keep_s=1.5 * SEGMENT_S)


async def test_a_finalize_cuts_where_the_audio_stands_and_the_session_goes_on() -> None:
    part = SEGMENT_BYTES + 200
    async with breaking([]) as gateway, connected(gateway) as connection:
        await connection.start()
        await say(connection, SPEECH[:part])
        answer = await connection.finalize()
        assert answer.position == pytest.approx(part / RATE / 2)
        await say(connection, SPEECH[part:])
        await connection.finish()
        events = await read(connection)
    assert finals(events) == texts_of(SPEECH[:part]) + texts_of(SPEECH[part:])
    assert [e.forced for e in events if isinstance(e, Transcription)][:3] == [False, True, False]


async def test_a_finalize_under_way_is_asked_again_over_the_next_connection() -> None:
    part = SEGMENT_BYTES + 200
    async with breaking([Fault(at=At.FINALIZE)]) as gateway, connected(gateway) as connection:
        await connection.start()
        await say(connection, SPEECH[:part])
        assert (await connection.finalize()).position == pytest.approx(part / RATE / 2)
        await say(connection, SPEECH[part:])
        await connection.finish()
        assert finals(await read(connection)) == texts_of(SPEECH[:part]) + texts_of(SPEECH[part:])
        assert len(connection.reconnects) == 1


async def test_a_finalize_that_a_gateway_does_not_know_is_refused_to_who_asked() -> None:
    async with breaking([Fault(finalizes=False)]) as gateway, connected(gateway) as connection:
        await connection.start()
        with pytest.raises(GatewayError, match="Unknown") as refused:
            await connection.finalize()
        assert refused.value.code == ErrorCode.UNKNOWN_MESSAGE_TYPE
        await say_all(connection)
        assert finals(await read(connection)) == texts_of(SPEECH)


async def test_the_backlog_is_what_was_given_and_had_not_arrived_at_the_last_heartbeat() -> None:
    async with breaking([]) as gateway, connected(gateway) as connection:
        assert (connection.backlog_s, connection.realtime_factor) == (None, None)
        await connection.start()
        assert (connection.backlog_s, connection.realtime_factor) == (None, None)
        await connection.send(SPEECH[: SEGMENT_BYTES + 160])
        await connection.finalize()
        assert connection.backlog_s == pytest.approx(0.0)
        assert connection.realtime_factor == 1.0
        await connection.finish()


async def test_a_place_in_the_waiting_room_is_told_while_the_start_waits() -> None:
    told: list[Event] = []
    async with breaking([Fault(queued=2)]) as gateway:
        outcome = await transcribe(
            gateway.url,
            PcmAudio(data=SPEECH, sample_rate=RATE),
            realtime=False,
            wait=30,
            on_event=told.append,
        )
        assert gateway.requests[0].path == "/ws?wait=30"
    assert [event.place for event in told if isinstance(event, Queued)] == [2, 1]
    assert outcome.text.split() == texts_of(SPEECH)


async def test_who_goes_on_with_a_session_asks_for_a_place_in_the_waiting_room() -> None:
    faults = [Fault(at=At.FINAL, count=1), Fault(queued=1)]
    async with breaking(faults) as gateway:
        events, _ = await speak_through(gateway)
        assert [request.path for request in gateway.requests] == ["/ws", "/ws?wait=60"]
    kinds = [event.type for event in events]
    assert kinds.index("queued") < kinds.index("reconnected")


async def test_an_outcome_tells_of_the_breaks_in_it() -> None:
    async with breaking([Fault(at=At.FINAL, count=3)]) as gateway, connected(gateway) as link:
        outcome = await stream(link, PcmAudio(data=SPEECH, sample_rate=RATE), realtime=False)
        assert outcome.text.split() == texts_of(SPEECH)
        assert outcome.reconnects == link.reconnects
        assert len(outcome.reconnects) == 1


async def test_sessions_follow_one_another_and_a_break_between_them_is_made_good() -> None:
    faults = [Fault(after_stop=True), Fault(after_stop=True)]
    async with breaking(faults) as gateway, connected(gateway) as connection:
        for number in range(1, 4):
            await connection.start(StartTranscription(sample_rate=RATE))
            await say_all(connection)
            assert finals(await read(connection)) == texts_of(SPEECH)
            assert len(gateway.served) == number
            if number < 3:
                await gateway.served[-1].left.wait()


@pytest.mark.parametrize("act", [ResumableConnection.ping, ResumableConnection.metrics])
async def test_a_question_during_a_break_is_asked_of_the_next_gateway(
    act: Callable[[ResumableConnection], object],
) -> None:
    async with breaking([Fault(at=At.PING)]) as gateway, connected(gateway) as connection:
        await connection.start()
        async with asyncio.timeout(20):
            assert await act(connection)  # type: ignore[misc] # both are coroutines
        await connection.finish()


async def test_where_no_segment_ends_a_final_is_asked_for_before_the_store_is_full() -> None:
    keep_s = 2 * SEGMENT_S
    async with (
        breaking([Fault(unending=True)]) as gateway,
        connected(gateway, keep_s=keep_s, deadlines=Deadlines(send=5)) as connection,
    ):
        await connection.start()
        await say_all(connection)
        events = await read(connection)
    forced = [event for event in events if isinstance(event, Transcription) and event.forced]
    assert len(forced) > len(SPEECH) / SEGMENT_BYTES / 2


async def test_a_gateway_that_falls_silent_is_left_after_a_ping_without_an_answer() -> None:
    async with breaking([Fault(deaf_after=2 * SEGMENT_BYTES)]) as gateway:
        events, _ = await speak_through(gateway, deadlines=Deadlines(silent=0.3, close=0.1))
    assert sum(isinstance(event, Reconnected) for event in events) == 1
