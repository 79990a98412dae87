"""A session that goes on over another connection, at the same gateway or another one.

The recogniser follows a script. That no word of real speech is lost or said twice is shown by the
chaos suite; here it is what the messages say, to the digit.
"""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from websockets.asyncio.client import connect

from app.emulator import Emulator, Script, ScriptedResult, ScriptedWord, StreamScript
from tests.app.gateway.session.words import A, Words, both, of_type
from tests.support.gateways.running import (
    SILENCE_100MS,
    Running,
    client,
    last_words,
    running_gateway,
    said,
    said_until,
    send,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = "a resume key of this environment 1"


def final(word: str, start: float, end: float, at: float) -> ScriptedResult:
    words = (ScriptedWord(word=word, start=start, end=end),)
    return ScriptedResult(at=at, text=word, is_final=True, words=words)


FIRST = StreamScript(results=(final("one", 0.1, 0.4, 0.5), final("two", 0.6, 0.9, 1.0)))
SECOND = StreamScript(results=(final("three", 0.5, 0.8, 0.9),))


@asynccontextmanager
async def two_gateways(emulator: Emulator, **changes: object) -> AsyncIterator[tuple[Running, ...]]:
    async with (
        running_gateway(emulator, None, app_resume_keys=KEY, **changes) as one,
        running_gateway(emulator, None, app_resume_keys=KEY, **changes) as other,
    ):
        yield one, other


@both
async def test_a_session_goes_on_at_another_gateway_with_its_id_its_numbers_and_its_times(
    emulator: Emulator, dialect: Words
) -> None:
    emulator.set_script(Script(streams=(FIRST, SECOND)))
    async with two_gateways(emulator) as (one, other):
        async with client(one, dialect.path) as socket:
            await dialect.begin(socket, resumable=True)
            started = (await said_until(socket, dialect.started))[-1]
            await socket.send(SILENCE_100MS * 12)
            heard = await said_until(socket, "transcription")
            heard += await said_until(socket, "transcription")
            socket.transport.abort()
        points = [message["resume"] for message in of_type(heard, "transcription")]
        assert 0 <= points[0]["position"] <= points[1]["position"] <= 1.2
        async with client(other, dialect.path) as socket:
            await dialect.begin(socket, resumable=True, resume=points[1]["token"])
            resumed = (await said_until(socket, dialect.started))[-1]
            assert resumed["resumed"] == {"position": points[1]["position"], "segment_id": 2}
            assert resumed["session_id"] == started["session_id"]
            await socket.send(SILENCE_100MS * 10)
            await send(socket, dialect.stop)
            heard = await said_until(socket, dialect.stopped)
    (three,) = of_type(heard, "transcription")
    assert (three["segment_id"], three["text"]) == (2, "three")
    offset = points[1]["position"]
    if dialect is A:
        assert three["words"][0]["start"] == pytest.approx(offset + 0.5, abs=1e-3)
        assert heard[-1]["audio_seconds"] == pytest.approx(offset + 1.0, abs=1e-3)
        assert heard[-1]["segments"] == 3
    else:
        assert three["start"] == pytest.approx(offset + 0.5, abs=1e-3)
        assert heard[-1]["total_duration"] == pytest.approx(offset + 1.0, abs=1e-3)
        assert heard[-1]["total_segments"] == 3
        # What was said before the break, the other gateway never knew.
        assert heard[-1]["final_transcript"] == "three"


@both
async def test_who_does_not_ask_hears_nothing_of_it(gateway: Running, dialect: Words) -> None:
    async with connect(gateway.url + dialect.path) as socket:
        hello = await said(socket)
        assert hello["resume"]["window_s"] == 120
        assert hello["resume"]["heartbeat_s"] == 5
        await dialect.begin(socket)
        await socket.send(SILENCE_100MS * 10)
        await send(socket, dialect.stop)
        heard = await said_until(socket, dialect.stopped)
    kinds = {message["type"] for message in heard}
    assert kinds == {dialect.started, "partial", "transcription", dialect.stopped}
    assert heard[0]["resumed"] is None
    finals = of_type(heard, "transcription")
    assert len(finals) == 2
    assert all(message["resume"] is None for message in finals)


@both
async def test_the_rate_of_the_audio_may_change_since_positions_are_seconds(
    emulator: Emulator, dialect: Words
) -> None:
    emulator.set_script(Script(streams=(FIRST, SECOND)))
    async with running_gateway(emulator) as gateway, client(gateway, dialect.path) as socket:
        await dialect.begin(socket, resumable=True, sample_rate=44_100)
        await socket.send(bytes(2 * 44_100))
        heard = await said_until(socket, "transcription")
        point = heard[-1]["resume"]
        async with client(gateway, dialect.path) as again:
            await dialect.begin(again, resumable=True, sample_rate=8000, resume=point["token"])
            await again.send(bytes(2 * 8000))
            await send(again, dialect.stop)
            heard = await said_until(again, dialect.stopped)
    assert heard[0]["resumed"] == {"position": point["position"], "segment_id": 1}
    (three,) = of_type(heard, "transcription")
    assert three["segment_id"] == 1
    duration = heard[-1][dialect.duration]
    assert duration == pytest.approx(point["position"] + 1.0, abs=1e-3)


async def test_who_comes_back_while_the_old_connection_lives_goes_on_in_its_slot_and_that_one_ends(
    emulator: Emulator,
) -> None:
    emulator.set_script(Script(streams=(FIRST, SECOND)))
    async with (
        running_gateway(emulator, ws_max_concurrent_sessions=1) as gateway,
        client(gateway, "/?wait=60") as old,
        client(gateway, "/?wait=60") as new,
        client(gateway, "/?wait=60") as stranger,
    ):
        await A.begin(old, resumable=True)
        await old.send(SILENCE_100MS * 6)
        point = (await said_until(old, "transcription"))[-1]["resume"]
        await A.begin(stranger)
        assert (await said(stranger))["place"] == 1
        # All slots are in use and somebody waits: the session has its slot already.
        await A.begin(new, resumable=True, resume=point["token"])
        assert (await said(new))["resumed"] is not None
        error, code = await last_words(old)
        assert (error["code"], error["retryable"], code) == ("superseded", False, 1008)
        assert gateway.gateway.admission.sessions == 1
        await new.send(SILENCE_100MS * 10)
        await send(new, "stop_transcription")
        heard = await said_until(new, "session_stopped")
        assert (await said(stranger))["type"] == "session_started"
    assert [message["segment_id"] for message in of_type(heard, "transcription")] == [1]
    assert gateway.gateway.admission.sessions == 0
    assert not gateway.gateway.succession._bearers


async def test_a_token_used_again_and_again_has_one_live_session_and_counts_each_time(
    emulator: Emulator,
) -> None:
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(
            running_gateway(emulator, ws_client_resumes_per_minute=3)
        )
        lines = [await stack.enter_async_context(client(gateway)) for _ in range(6)]
        await A.begin(lines[0], resumable=True)
        await lines[0].send(SILENCE_100MS * 6)
        point = (await said_until(lines[0], "transcription"))[-1]["resume"]
        for line in lines[1:4]:
            await A.begin(line, resumable=True, resume=point["token"])
            assert (await said(line))["type"] == "session_started"
            assert gateway.gateway.admission.sessions == 1
        for line in lines[4:]:
            await A.begin(line, resumable=True, resume=point["token"])
            error = await said(line)
            assert (error["code"], error["retryable"]) == ("too_many_resumes", True)
            assert 0 < error["retry_after"] <= 20
        for line in lines[:3]:
            assert (await last_words(line))[0].get("code") in {"superseded", None}
        # Who was refused ended nobody.
        await send(lines[3], "ping")
        assert (await said_until(lines[3], "pong"))[-1]["type"] == "pong"


async def test_the_token_of_a_client_with_another_bearer_token_is_refused_and_ends_nobody(
    emulator: Emulator,
) -> None:
    ann, ben = ({"Authorization": f"Bearer {name}-token-0123456789"} for name in ("ann", "ben"))
    tokens = "ann-token-0123456789,ben-token-0123456789"
    async with (
        two_gateways(emulator, app_auth_tokens=tokens) as gateways,
        client(gateways[0], additional_headers=ann) as hers,
    ):
        await A.begin(hers, resumable=True, heartbeat=60)
        started, beat = await said(hers), await said(hers)
        for gateway in gateways:
            async with client(gateway, additional_headers=ben) as his:
                await A.begin(his, resume=beat["resume"]["token"])
                error = await said(his)
                assert (error["code"], error["retryable"]) == ("resume_rejected", False)
                assert "was given to another client" in error["error"]
        await send(hers, "ping")
        assert (await said(hers))["type"] == "pong"
        async with client(gateways[1], additional_headers=ann) as again:
            await A.begin(again, resume=beat["resume"]["token"])
            assert (await said(again))["session_id"] == started["session_id"]


async def test_without_bearer_tokens_another_address_goes_on_as_a_new_session_and_ends_nobody(
    emulator: Emulator,
) -> None:
    emulator.set_script(Script(streams=(FIRST, SECOND, SECOND)))
    async with (
        running_gateway(emulator, ws_client_new_sessions_per_minute=1) as gateway,
        client(gateway) as old,
        client(gateway, local_addr=("127.0.0.9", 0)) as moved,
        client(gateway, local_addr=("127.0.0.9", 0)) as again,
    ):
        await A.begin(old, resumable=True)
        started = await said(old)
        await old.send(SILENCE_100MS * 6)
        point = (await said_until(old, "transcription"))[-1]["resume"]
        await A.begin(moved, resumable=True, resume=point["token"])
        resumed = await said(moved)
        assert resumed["resumed"] == {"position": point["position"], "segment_id": 1}
        assert resumed["session_id"] != started["session_id"]
        # It counts where it comes from, and as a new one.
        await A.begin(again, resume=point["token"])
        assert (await said(again))["code"] == "too_many_new_sessions"
        await send(old, "ping")
        assert (await said_until(old, "pong"))[-1]["type"] == "pong"


@both
@pytest.mark.parametrize("token", ["nonsense", "x" * 1024])
async def test_a_token_that_is_none_is_refused_and_a_start_without_it_begins_anew(
    gateway: Running, dialect: Words, token: str
) -> None:
    async with client(gateway, dialect.path) as socket:
        await dialect.begin(socket, resumable=True, resume=token)
        error = await said(socket)
        assert (error["code"], error["retryable"]) == ("resume_rejected", False)
        assert token not in error["error"]
        assert gateway.gateway.admission.sessions == 0
        await dialect.begin(socket, resumable=True)
        assert (await said(socket))["resumed"] is None


async def test_a_token_of_another_environment_is_refused(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, app_resume_keys=KEY) as one,
        running_gateway(emulator, app_resume_keys=KEY.replace("1", "2")) as stranger,
        connect(one.url) as socket,
        client(stranger) as other,
    ):
        hello = await said(socket)
        await A.begin(other, resume=hello["resume"]["token"])
        error = await said(other)
    assert error["code"] == "resume_rejected"
    assert "not issued by a gateway of this environment" in error["error"]


async def test_the_token_of_a_hello_begins_at_0_and_counts_as_a_new_session(
    emulator: Emulator,
) -> None:
    async with (
        running_gateway(emulator, ws_new_sessions_per_minute=1) as gateway,
        connect(gateway.url) as early,
        connect(gateway.url) as late,
    ):
        offer = (await said(early))["resume"]
        await said(late)
        await A.begin(early, resumable=True, resume=offer["token"])
        started = await said(early)
        assert started["resumed"] == {"position": 0.0, "segment_id": 0}
        await early.send(SILENCE_100MS * 6)
        point = (await said_until(early, "transcription"))[-1]["resume"]
        # Whoever connects has one of these: it opens no door.
        await A.begin(late, resumable=True, resume=offer["token"])
        assert (await said(late))["code"] == "too_many_new_sessions"
        # One that was admitted already has paid.
        await A.begin(late, resumable=True, resume=point["token"])
        assert (await said(late))["type"] == "session_started"


async def test_a_session_without_a_final_yet_is_resumed_by_its_first_heartbeat(
    emulator: Emulator,
) -> None:
    emulator.set_script(Script(streams=(FIRST,)))
    async with two_gateways(emulator, ws_new_sessions_per_minute=1) as (one, other):
        async with client(one) as socket:
            await A.begin(socket, resumable=True, heartbeat=60)
            started = await said(socket)
            beat = await said(socket)
            assert beat["type"] == "heartbeat"
            socket.transport.abort()
        async with client(other) as socket:
            await A.begin(socket, resumable=True, resume=beat["resume"]["token"])
            resumed = await said(socket)
    assert resumed["session_id"] == started["session_id"]
    assert resumed["resumed"] == {"position": 0.0, "segment_id": 0}


async def test_a_resumed_session_is_next_in_the_waiting_room(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, ws_max_concurrent_sessions=1) as gateway,
        client(gateway, "/?wait=60") as running,
        client(gateway, "/?wait=60") as new,
        client(gateway, "/?wait=60") as again,
    ):
        await A.begin(running, resumable=True)
        await running.send(SILENCE_100MS * 6)
        point = (await said_until(running, "transcription"))[-1]["resume"]
        # Its session is over; whoever has the slot now is somebody else.
        await send(running, "stop_transcription")
        await said_until(running, "session_stopped")
        await A.begin(running)
        await said(running)
        await A.begin(new)
        first = await said(new)
        assert (first["type"], first["place"]) == ("queued", 1)
        assert 0 < first["seconds_left"] <= 60
        await A.begin(again, resume=point["token"])
        assert (await said(again))["place"] == 1
        assert (await said(new))["place"] == 2
        await running.close()
        assert (await said(again))["type"] == "session_started"
        assert (await said(new))["place"] == 1
        await again.close()
        assert (await said(new))["type"] == "session_started"


async def test_who_can_resume_has_the_newest_point_when_the_gateway_goes(
    emulator: Emulator,
) -> None:
    emulator.set_script(Script(streams=(FIRST, SECOND)))
    grace = {"app_drain_grace_s": 60.0, "app_drain_timeout_s": 60.0}
    async with two_gateways(emulator, **grace) as (one, other), client(one) as leaving:
        await A.begin(leaving, resumable=True, heartbeat=60)
        await leaving.send(SILENCE_100MS * 12)
        await said_until(leaving, "transcription")
        newest = (await said_until(leaving, "transcription"))[-1]["resume"]
        one.gateway.begin_drain()
        warning, beat = await said(leaving), await said(leaving)
        assert (warning["type"], warning["code"]) == ("warning", "going_away")
        assert beat["type"] == "heartbeat"
        assert beat["resume"]["position"] == newest["position"]
        async with client(other) as socket:
            await A.begin(socket, resumable=True, resume=beat["resume"]["token"])
            assert (await said(socket))["resumed"]["segment_id"] == 2
            await leaving.close()
            await socket.send(SILENCE_100MS * 10)
            await send(socket, "stop_transcription")
            heard = await said_until(socket, "session_stopped")
    assert [message["text"] for message in of_type(heard, "transcription")] == ["three"]


async def test_who_can_resume_and_stays_through_a_drain_has_no_word_cut_and_goes_on_elsewhere(
    emulator: Emulator,
) -> None:
    owed = StreamScript(results=(*(FIRST.results or ()), final("cut", 1.1, 1.2, 3600)))
    emulator.set_script(Script(streams=(owed, SECOND)))
    async with two_gateways(emulator) as (one, other):
        async with client(one) as socket:
            await A.begin(socket, resumable=True)
            await socket.send(SILENCE_100MS * 12)
            heard = await said_until(socket, "transcription")
            heard += await said_until(socket, "transcription")
            one.gateway.begin_drain()
            heard += await said_until(socket, "error")
            _, code = await last_words(socket)
        finals = of_type(heard, "transcription")
        assert [message["text"] for message in finals] == ["one", "two"]
        point = finals[-1]["resume"]
        assert (heard[-1]["code"], heard[-1]["retryable"], code) == ("drain_deadline", True, 1012)
        assert heard[-1]["lost"]["end"] == 1.2
        async with client(other) as socket:
            await A.begin(socket, resumable=True, resume=point["token"])
            assert (await said(socket))["resumed"] == {
                "position": point["position"],
                "segment_id": 2,
            }


async def test_options_of_resume_are_checked_like_all_others(gateway: Running) -> None:
    async with client(gateway) as socket:
        for key, value in (("heartbeat", 0.4), ("heartbeat", 61), ("resumable", 1), ("resume", "")):
            await socket.send(json.dumps({"type": "start_transcription", key: value}))
            error = await said(socket)
            assert (error["code"], key in error["error"]) == ("invalid_message", True)
