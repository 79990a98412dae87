"""What a client hears of its session beside results: heartbeats, finalize, places, warnings, loss.

The recogniser is a real gRPC server that follows a script; when a real one gives its finals after a
finalize is not proved here.
"""

import pytest

from app.emulator import (
    After,
    Emulator,
    Fail,
    Script,
    ScriptedResult,
    StreamScript,
)
from app.gateway.admission.clients import Visitor
from app.gateway.settings.gateway import RecognitionMode
from tests.app.gateway.session.results import ONE, final
from tests.app.gateway.session.words import A, Words, both, of_type
from tests.support.gateways.running import (
    SILENCE_100MS,
    Running,
    client,
    eventually,
    last_words,
    running_emulator,
    running_gateway,
    said,
    said_until,
    send,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@both
async def test_a_heartbeat_says_how_far_the_session_is(gateway: Running, dialect: Words) -> None:
    async with client(gateway, dialect.path) as socket:
        await dialect.begin(socket, heartbeat=0.5)
        first = (await said_until(socket, "heartbeat"))[-1]
        await socket.send(SILENCE_100MS * 4)
        second = (await said_until(socket, "heartbeat"))[-1]
        await send(socket, dialect.stop)
        rest = await said_until(socket, dialect.stopped)
    assert (first["audio_received"], first["audio_recognised"], first["queued"]) == (0, 0, 0)
    assert first["realtime_factor"] is None
    assert (second["audio_received"], second["audio_recognised"], second["queued"]) == (0.4, 0.4, 0)
    # 0.4 s of audio in about half a second or, on a busy machine, in more.
    assert 0 < second["realtime_factor"] < 1
    # Who did not say that it can resume gets no point.
    assert first["resume"] is second["resume"] is None
    assert rest[-1][dialect.duration] == 0.4


async def test_heartbeats_of_a_resumed_session_count_from_its_beginning(gateway: Running) -> None:
    async with client(gateway) as socket:
        await A.begin(socket, resumable=True)
        await socket.send(SILENCE_100MS * 6)
        point = (await said_until(socket, "transcription"))[-1]["resume"]
        async with client(gateway) as again:
            await A.begin(again, resumable=True, heartbeat=0.5, resume=point["token"])
            beat = (await said_until(again, "heartbeat"))[-1]
            assert beat["audio_received"] == pytest.approx(point["position"], abs=1e-3)
            assert beat["audio_recognised"] == beat["audio_received"]
            assert beat["resume"]["position"] == point["position"]
            await again.send(SILENCE_100MS * 2)
            beat = (await said_until(again, "heartbeat"))[-1]
            assert beat["audio_received"] == pytest.approx(point["position"] + 0.2, abs=1e-3)


async def test_heartbeats_end_with_the_session_and_begin_with_the_next(gateway: Running) -> None:
    async with client(gateway) as socket:
        for _ in range(3):
            await A.begin(socket, heartbeat=60)
            assert (await said_until(socket, "heartbeat"))[-1]["realtime_factor"] is None
            await send(socket, "stop_transcription")
            await said_until(socket, "session_stopped")
        await send(socket, "ping")
        assert (await said(socket))["type"] == "pong"


async def test_a_client_that_does_not_read_gets_no_pile_of_heartbeats(emulator: Emulator) -> None:
    talkative = StreamScript(
        results=tuple(ScriptedResult(at=0.01, text="blah " * 20_000) for _ in range(50)),
        repeat_every=0.1,
    )
    emulator.set_script(Script(streams=(talkative,)))
    async with (
        running_gateway(emulator, ws_send_timeout_s=1.5) as gateway,
        client(gateway, max_queue=1) as socket,
    ):
        await A.begin(socket, heartbeat=0.5)
        await socket.send(SILENCE_100MS * 10)
        await eventually(lambda: not gateway.gateway.sessions)
        heard = await said_until(socket, "error")
    # A slow recogniser's first results may come after the second heartbeat. What was sent last is
    # a result that found no room; three heartbeats became due while it waited.
    assert [message["type"] for message in heard[-2:]] == ["partial", "error"]
    assert heard[-1]["code"] == "slow_reader"


@both
async def test_finalize_makes_final_what_was_sent_and_the_session_goes_on(
    emulator: Emulator, dialect: Words
) -> None:
    owed = StreamScript(results=(final("one", 0.1, 0.4, 3600),))
    later = StreamScript(results=(final("two", 0.2, 0.5, 0.6),))
    emulator.set_script(Script(streams=(owed, later)))
    async with running_gateway(emulator) as gateway, client(gateway, dialect.path) as socket:
        await dialect.begin(socket, resumable=True, heartbeat=60)
        await socket.send(SILENCE_100MS * 6)
        await send(socket, "finalize")
        heard = await said_until(socket, "finalized")
        (one,) = of_type(heard, "transcription")
        assert (one["text"], one["segment_id"], one["forced"]) == ("one", 0, True)
        assert heard[-1]["position"] == 0.6
        await socket.send(SILENCE_100MS * 10)
        (two,) = of_type(await said_until(socket, "transcription"), "transcription")
        assert (two["text"], two["segment_id"], two["forced"]) == ("two", 1, False)
        await send(socket, dialect.stop)
        stopped = (await said_until(socket, dialect.stopped))[-1]
    assert stopped[dialect.duration] == 1.6


@both
async def test_every_finalize_is_answered_once_also_when_a_stop_comes_first(
    gateway: Running, dialect: Words
) -> None:
    async with client(gateway, dialect.path) as socket:
        await dialect.begin(socket)
        for _ in range(3):
            await send(socket, "finalize")
        await socket.send(SILENCE_100MS)
        await send(socket, "finalize")
        await send(socket, dialect.stop)
        heard = await said_until(socket, dialect.stopped)
    positions = [message["position"] for message in of_type(heard, "finalized")]
    assert positions == [0.0, 0.0, 0.0, 0.1]


@both
async def test_finalize_without_a_session_is_an_error_that_changes_nothing(
    gateway: Running, dialect: Words
) -> None:
    async with client(gateway, dialect.path) as socket:
        await send(socket, "finalize")
        assert (await said(socket))["code"] == "no_active_session"
        await dialect.begin(socket)
        assert (await said(socket))["type"] == dialect.started


@both
async def test_a_start_that_waits_is_told_its_place_and_can_be_taken_back(
    emulator: Emulator, dialect: Words
) -> None:
    async with (
        running_gateway(emulator, ws_max_concurrent_sessions=1) as gateway,
        client(gateway, "/?wait=60") as running,
        client(gateway, f"{dialect.path}?wait=60") as waiting,
    ):
        await A.begin(running)
        await said_until(running, "session_started")
        await dialect.begin(waiting)
        queued = await said(waiting)
        assert (queued["type"], queued["place"]) == ("queued", 1)
        await waiting.send(SILENCE_100MS)
        assert (await said(waiting))["code"] == "audio_before_start"
        await dialect.begin(waiting)
        assert (await said(waiting))["code"] == "session_active"
        await send(waiting, "finalize")
        assert (await said(waiting))["code"] == "no_active_session"
        await send(waiting, dialect.stop)
        stopped = await said(waiting)
        assert (stopped["type"], stopped[dialect.duration]) == (dialect.stopped, 0)
        assert gateway.gateway.admission.waiting == 0
        await running.close()
        await eventually(lambda: gateway.gateway.admission.sessions == 0)
        await dialect.begin(waiting)
        assert (await said(waiting))["type"] == dialect.started


async def test_a_start_that_waits_in_vain_is_refused_and_the_connection_stays_open(
    emulator: Emulator,
) -> None:
    async with (
        running_gateway(
            emulator, ws_max_concurrent_sessions=1, ws_idle_timeout_s=0.9, ws_warning_s=0
        ) as gateway,
        client(gateway, "/?wait=1") as waiting,
    ):
        gateway.gateway.admission.queue(Visitor(b"somebody who stays"))
        await A.begin(waiting)
        heard = await said_until(waiting, "error")
        assert [message["type"] for message in heard] == ["queued", "error"]
        # Its silence was ours: the idle time is shorter than the wait.
        assert heard[-1]["code"] == "too_many_sessions"
        await send(waiting, "ping")
        assert (await said(waiting))["type"] == "pong"


async def test_who_waits_when_the_gateway_goes_or_is_switched_off_is_told_at_once(
    emulator: Emulator,
) -> None:
    async with (
        running_gateway(emulator, ws_max_concurrent_sessions=1) as gateway,
        client(gateway, "/?wait=60") as running,
        client(gateway, "/?wait=60") as waiting,
    ):
        await A.begin(running)
        await said_until(running, "session_started")
        await A.begin(waiting)
        await said_until(waiting, "queued")
        gateway.gateway.switch_recognition(RecognitionMode.OFF)
        refusal, code = await last_words(waiting)
        assert (refusal["code"], code) == ("recognition_off", 1013)
        assert (await said_until(running, "error"))[-1]["code"] == "recognition_off"
        await eventually(lambda: gateway.gateway.admission.sessions == 0)
        gateway.gateway.switch_recognition(RecognitionMode.ON)
        async with (
            client(gateway, "/?wait=60") as first,
            client(gateway, "/?wait=60") as second,
        ):
            await A.begin(first)
            await said_until(first, "session_started")
            await A.begin(second)
            await said_until(second, "queued")
            gateway.gateway.begin_drain()
            error, code = await last_words(second)
            assert (error["code"], code) == ("going_away", 1001)


@both
async def test_a_session_that_is_switched_off_gets_its_finals_first(
    gateway: Running, dialect: Words
) -> None:
    async with client(gateway) as idle, client(gateway, dialect.path) as socket:
        await dialect.begin(socket)
        await socket.send(SILENCE_100MS * 10)
        await said_until(socket, "transcription")
        gateway.gateway.switch_recognition(RecognitionMode.OFF)
        heard = await said_until(socket, "error")
        _, code = await last_words(socket)
        await send(idle, "ping")
        assert (await said(idle))["type"] == "pong"
        gateway.gateway.switch_recognition(RecognitionMode.ON)
    assert [message["type"] for message in heard[-3:]] == [
        "transcription",
        dialect.stopped,
        "error",
    ]
    assert (heard[-1]["code"], heard[-1]["retryable"], code) == ("recognition_off", True, 1013)
    assert heard[-1]["lost"] is None


async def test_a_session_that_moves_to_another_recogniser_is_told(emulator: Emulator) -> None:
    async with running_emulator() as other:
        place = f"{other.host}:{other.grpc_port}/{other.http_port}"
        async with (
            running_gateway(emulator, riva={"fallback_endpoints": place}) as gateway,
            client(gateway) as idle,
            client(gateway) as socket,
        ):
            await A.begin(socket)
            await said_until(socket, "session_started")
            for mode in (RecognitionMode.FALLBACK, RecognitionMode.ON):
                gateway.gateway.switch_recognition(mode)
                warning = (await said_until(socket, "warning"))[-1]
                assert warning["code"] == "recognition_moved"
            gateway.gateway.switch_recognition(RecognitionMode.ON)
            await send(socket, "ping")
            assert (await said_until(socket, "pong"))[0]["type"] == "pong"
            await send(idle, "ping")
            assert (await said(idle))["type"] == "pong"


async def test_a_lost_recogniser_is_a_warning_and_so_is_its_return(emulator: Emulator) -> None:
    breaks = Fail(do="fail", after=After(results=1), status="UNAVAILABLE", message="gone")
    emulator.set_script(
        Script(
            streams=(
                StreamScript(results=(ONE,), fault=breaks),
                StreamScript(results=(final("two", 0.3, 0.5, 0.6),)),
            )
        )
    )
    async with running_gateway(emulator) as gateway, client(gateway) as socket:
        await A.begin(socket)
        await socket.send(SILENCE_100MS * 15)
        heard = await said_until(socket, "transcription")
        heard += await said_until(socket, "transcription")
        await send(socket, "stop_transcription")
        heard += await said_until(socket, "session_stopped")
    warnings = of_type(heard, "warning")
    assert [message["code"] for message in warnings] == ["recogniser_lost", "recogniser_back"]
    assert [message["text"] for message in of_type(heard, "transcription")] == ["one", "two"]
