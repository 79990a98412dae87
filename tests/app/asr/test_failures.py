"""A stream that goes wrong: which error comes out, when, and what is left behind (nothing).

Deadlines are real but short; nothing here asserts how long anything took. That a live Riva words
its errors like the table is not proved: the texts are from public threads and manuals.
"""

from __future__ import annotations

import asyncio
import gc
from contextlib import aclosing
from typing import TYPE_CHECKING

import grpc
import pytest

from app.asr import AsrError, Fault
from app.asr.errors import RULES, from_status
from tests.app.asr.conftest import client_of
from tests.app.asr.leftovers import channels_of, tasks_of_client
from tests.app.asr.sound import Microphone, of, tone
from tests.support.recognisers.fake_riva import (
    FakeRiva,
    Stream,
    final,
    hear_for_ever,
    interim,
    serving,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from app.asr import RivaASRClient, Transcript

TABLE = [
    (
        "INVALID_ARGUMENT",
        "request for sequence 42 must specify the START flag on the first request of the sequence",
        "STREAM_IDLE",
        True,
        Fault.SERVICE,
    ),
    (
        "INVALID_ARGUMENT",
        "Error: Unavailable model requested given these parameters: language_code=xx; type=online;",
        "MODEL_UNAVAILABLE",
        False,
        Fault.CALLER,
    ),
    ("NOT_FOUND", "Model not found for language", "MODEL_UNAVAILABLE", False, Fault.CALLER),
    (
        "RESOURCE_EXHAUSTED",
        "Received message larger than max (5242887 vs. 4194304)",
        "MESSAGE_TOO_LARGE",
        False,
        Fault.CALLER,
    ),
    ("RESOURCE_EXHAUSTED", "Bandwidth exhausted", "RESOURCE_EXHAUSTED", True, Fault.SERVICE),
    ("UNKNOWN", "TRTIS response timeout", "DEADLINE_EXCEEDED", True, Fault.SERVICE),
    ("UNKNOWN", "Exception calling application", "UNKNOWN", False, Fault.SERVICE),
    ("UNAVAILABLE", "Socket closed", "UNAVAILABLE", True, Fault.SERVICE),
    (
        "UNAVAILABLE",
        "failed to connect; last error: Ssl handshake failed: CERTIFICATE_VERIFY_FAILED",
        "TLS_FAILED",
        False,
        Fault.SETUP,
    ),
    ("DEADLINE_EXCEEDED", "Deadline Exceeded", "DEADLINE_EXCEEDED", True, Fault.SERVICE),
    ("INTERNAL", "Received RST_STREAM with error code 2", "INTERNAL", True, Fault.SERVICE),
    ("ABORTED", "", "ABORTED", True, Fault.SERVICE),
    ("CANCELLED", "", "CANCELLED", True, Fault.SERVICE),
    ("UNAUTHENTICATED", "bad token", "UNAUTHENTICATED", False, Fault.SETUP),
    ("PERMISSION_DENIED", "", "PERMISSION_DENIED", False, Fault.SETUP),
    ("UNIMPLEMENTED", "Method not found!", "UNIMPLEMENTED", False, Fault.SETUP),
    ("INVALID_ARGUMENT", "sample rate", "INVALID_ARGUMENT", False, Fault.CALLER),
    ("OUT_OF_RANGE", "", "OUT_OF_RANGE", False, Fault.CALLER),
    ("DATA_LOSS", "", "DATA_LOSS", False, Fault.SERVICE),
]


@pytest.mark.parametrize(("status", "text", "code", "retryable", "fault"), TABLE)
async def test_each_end_of_a_call_has_its_code_and_a_message_without_the_servers_words(
    status: str, text: str, code: str, retryable: bool, fault: Fault
) -> None:
    hidden = f"{text} at riva-7.internal:50051"

    async def script(stream: Stream) -> None:
        await stream.receive()
        await stream.fail(grpc.StatusCode[status], hidden)

    async with (
        serving(FakeRiva(script=script)) as riva,
        client_of(riva, outage_limit_s=0.5) as client,
    ):
        with pytest.raises(AsrError) as caught:
            await hear(client, of([tone(0.1)] * 3))
    error = caught.value
    assert (error.code, error.retryable, error.fault) == (code, retryable, fault)
    assert "riva-7" not in str(error)
    assert hidden in error.detail


def test_every_status_that_grpc_knows_has_a_rule() -> None:
    for status in grpc.StatusCode:
        assert from_status(status.name, "", doing="stream").message.endswith(".")
    assert RULES[-1].text is None
    assert not RULES[-1].statuses


async def hear(client: RivaASRClient, audio: AsyncIterator[bytes]) -> list[str]:
    return [t.text async for t in client.stream_transcribe(audio)]


async def collect(transcripts: AsyncIterator[Transcript], heard: list[str]) -> None:
    """Keeps what was heard also where the iteration fails."""
    async for transcript in transcripts:
        heard.append(transcript.text)  # noqa: PERF401 - an extend would lose all when it fails


async def test_what_was_said_before_the_stream_broke_is_heard_first() -> None:
    async def script(stream: Stream) -> None:
        await stream.receive_all()
        await stream.say(interim("al"))
        await stream.say(final("all of this"))
        await stream.fail(grpc.StatusCode.UNAVAILABLE, "gone")

    heard: list[str] = []
    async with serving(FakeRiva(script=script)) as riva, client_of(riva) as client:
        with pytest.raises(AsrError):
            await collect(client.stream_transcribe(of([tone(0.1)])), heard)
    assert heard == ["al", "all of this"]


async def test_a_server_that_ends_well_before_the_audio_does_is_an_error_to_retry() -> None:
    async def script(stream: Stream) -> None:
        await stream.receive()
        await stream.say(final("only this"))

    microphone = Microphone()
    microphone.speak(tone(0.1))
    heard: list[str] = []
    async with serving(FakeRiva(script=script)) as riva, client_of(riva) as client:
        with pytest.raises(AsrError) as caught:
            await collect(client.stream_transcribe(microphone.listen()), heard)
    assert heard == ["only this"]
    assert (caught.value.code, caught.value.retryable) == ("STREAM_ENDED_EARLY", True)


async def test_a_server_that_takes_no_audio_ends_in_a_deadline_and_holds_the_caller_back() -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 3200
            yield tone(0.1)

    async def script(stream: Stream) -> None:
        await stalled.wait()
        await stream.receive()

    stalled = asyncio.Event()
    async with (
        # gRPC widens a window while data flows fast; without that it keeps HTTP/2's 64 KiB.
        serving(FakeRiva(script=script), options=[("grpc.http2.bdp_probe", 0)]) as riva,
        client_of(riva, timeout_ms=500) as client,
    ):
        with pytest.raises(AsrError) as caught:
            await hear(client, endless())
        stalled.set()
        await asyncio.wait_for(riva.streams[0].ended.wait(), 20)
    assert (caught.value.code, caught.value.retryable) == ("DEADLINE_EXCEEDED", True)
    # The window, the write under way and gRPC's own write buffer; a queue of ours would take
    # without end.
    assert taken < 300_000


async def test_a_server_that_keeps_its_finals_to_itself_ends_in_a_deadline() -> None:
    async def script(stream: Stream) -> None:
        await stream.receive_all()
        await stream.say(final("the first"))
        await asyncio.Event().wait()

    heard: list[str] = []
    async with (
        serving(FakeRiva(script=script)) as riva,
        client_of(riva, final_timeout_ms=500) as client,
    ):
        with pytest.raises(AsrError) as caught:
            await collect(client.stream_transcribe(of([tone(0.1)])), heard)
        await asyncio.wait_for(riva.streams[0].ended.wait(), 20)
        assert riva.streams[0].cancelled
    assert heard == ["the first"]
    assert caught.value.code == "DEADLINE_EXCEEDED"
    assert "wait for finals" in caught.value.detail


async def test_a_caller_who_is_slow_to_read_is_not_mistaken_for_a_silent_server() -> None:
    async def script(stream: Stream) -> None:
        await stream.receive_all()
        await stream.say(final("one"))
        await stream.say(final("two"))

    async with (
        serving(FakeRiva(script=script)) as riva,
        client_of(riva, final_timeout_ms=400) as client,
    ):
        heard = []
        async for transcript in client.stream_transcribe(of([tone(0.1)])):
            heard.append(transcript.text)
            if len(heard) == 1:
                await asyncio.sleep(0.8)  # twice the deadline
    assert heard == ["one", "two"]


async def test_nobody_listening_is_unavailable_after_the_retries() -> None:
    async with client_of(FakeRiva(port=1), max_retries=2) as client:
        with pytest.raises(AsrError) as caught:
            await hear(client, of([tone(0.1)]))
    assert (caught.value.code, caught.value.retryable) == ("UNAVAILABLE", True)


async def test_a_passing_error_is_tried_again_within_the_budget() -> None:
    riva = FakeRiva(failures_before_success=2)
    async with serving(riva), client_of(riva, max_retries=2) as client:
        assert [m.name for m in await client.models()] == ["parakeet-streaming"]
        assert riva.config_calls == 3
    riva = FakeRiva(failures_before_success=2)
    async with serving(riva), client_of(riva, max_retries=1) as client:
        with pytest.raises(AsrError, match="cannot be reached"):
            await client.models()
        assert riva.config_calls == 2


async def test_a_lasting_error_is_not_tried_again() -> None:
    async def script(stream: Stream) -> None:
        await stream.fail(grpc.StatusCode.INVALID_ARGUMENT, "no")

    async with serving(FakeRiva(script=script)) as riva, client_of(riva) as client:
        with pytest.raises(AsrError):
            await hear(client, of([tone(0.1)]))
        assert len(riva.streams) == 1


async def test_an_error_of_the_callers_audio_comes_out_as_it_is_and_ends_the_call() -> None:
    async def broken(riva: FakeRiva, reason: Exception) -> AsyncIterator[bytes]:
        yield tone(0.1)
        # A call that is cancelled before the server has it would never be seen there.
        await riva.stream()
        raise reason

    for error in (RuntimeError("the microphone broke"), TimeoutError("no frame")):
        async with serving(FakeRiva()) as riva, client_of(riva) as client:
            with pytest.raises(type(error), match=str(error)):
                await hear(client, broken(riva, error))
            await asyncio.wait_for(riva.streams[0].ended.wait(), 20)


async def test_audio_that_is_cancelled_ends_the_stream_instead_of_hanging_it() -> None:
    async def cancelled() -> AsyncIterator[bytes]:
        yield tone(0.1)
        raise asyncio.CancelledError

    async with serving(FakeRiva()) as riva, client_of(riva) as client:
        with pytest.raises(AsrError) as caught:
            await hear(client, cancelled())
    assert caught.value.code == "CANCELLED"


async def test_a_cancelled_listener_leaves_no_task_and_the_server_sees_it() -> None:
    microphone = Microphone()
    async with serving(FakeRiva(script=hear_for_ever)) as riva, client_of(riva) as client:
        before = asyncio.all_tasks()
        listener = asyncio.create_task(hear(client, microphone.listen()))
        microphone.speak(tone(0.1))
        stream = await riva.stream()
        await stream.saw_audio(1)
        # The server may have the audio before the client knows that it was taken.
        await microphone.waits.wait()
        listener.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listener
        assert await tasks_of_client() == set()
        await asyncio.wait_for(stream.ended.wait(), 20)
        assert stream.cancelled
        assert microphone.closed
        assert channels_of(client)[0].calls == 0
        await asyncio.sleep(0)
        # The server in this process starts a task for the next call; everything else is the
        # client's.
        left = [t for t in asyncio.all_tasks() - before if "AioServer" not in repr(t)]
        assert left == []


async def test_closing_the_generator_in_the_middle_ends_the_call() -> None:
    async def script(stream: Stream) -> None:
        await stream.receive()
        await stream.say(final("one"), final("two"))
        await hear_for_ever(stream)

    microphone = Microphone()
    microphone.speak(tone(0.1))
    async with serving(FakeRiva(script=script)) as riva, client_of(riva) as client:
        async with aclosing(client.stream_transcribe(microphone.listen())) as transcripts:
            assert (await anext(transcripts)).text == "one"
        assert await tasks_of_client() == set()
        await asyncio.wait_for(riva.streams[0].ended.wait(), 20)
        assert riva.streams[0].cancelled


async def test_a_generator_that_is_just_dropped_ends_the_call_too() -> None:
    async def script(stream: Stream) -> None:
        await stream.receive()
        await stream.say(final("one"))
        await hear_for_ever(stream)

    microphone = Microphone()
    microphone.speak(tone(0.1))
    async with serving(FakeRiva(script=script)) as riva, client_of(riva) as client:
        transcripts = client.stream_transcribe(microphone.listen())
        await anext(transcripts)
        del transcripts
        gc.collect(1)  # a full one visits all that the tests share
        await asyncio.wait_for(riva.streams[0].ended.wait(), 20)
        assert riva.streams[0].cancelled
        assert await tasks_of_client() == set()


async def test_closing_the_client_ends_its_streams_and_refuses_new_ones() -> None:
    microphone = Microphone()
    async with serving(FakeRiva()) as riva, client_of(riva) as client:
        listener = asyncio.create_task(hear(client, microphone.listen()))
        await riva.stream()
        await client.aclose()
        with pytest.raises(AsrError) as caught:
            await asyncio.wait_for(listener, 20)
        assert caught.value.code == "CANCELLED"
        for call in (hear(client, of([])), client.models()):
            with pytest.raises(AsrError) as caught:
                await call
            assert caught.value.code == "CLIENT_CLOSED"
        assert await tasks_of_client() == set()


async def test_many_streams_dropped_at_different_moments_leave_nothing() -> None:
    async def script(stream: Stream) -> None:
        while await stream.receive() is not None:
            await stream.say(interim("so far"))

    async def drop_after(client: RivaASRClient, results: int) -> None:
        microphone = Microphone()
        async with aclosing(client.stream_transcribe(microphone.listen())) as transcripts:
            for _ in range(results):
                microphone.speak(tone(0.02))
                await anext(transcripts)

    async with serving(FakeRiva(script=script)) as riva, client_of(riva) as client:
        await asyncio.gather(*(drop_after(client, n % 5) for n in range(60)))
        assert await tasks_of_client() == set()
        await asyncio.wait_for(asyncio.gather(*(s.ended.wait() for s in riva.streams)), 10)
        assert all(channel.calls == 0 for channel in channels_of(client))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"sample_rate": 7999}, "sample_rate is 7999"),
        ({"sample_rate": 48001}, "sample_rate is 48001"),
        ({"language": "English!"}, "language is 'English!'"),
        ({"hotwords": "Perch"}, "hotwords is 'Perch'"),
        ({"hotwords": ["Perch", " "]}, "hotwords is"),
        ({"hotwords": ["Perch"], "hotword_boost": 101.0}, "hotword_boost is 101.0"),
        ({"custom_configuration": {"": "x"}}, "custom_configuration is"),
    ],
)
async def test_an_argument_that_cannot_be_used_is_named_before_any_call(
    options: dict[str, object], named: str
) -> None:
    async with serving(FakeRiva()) as riva, client_of(riva) as client:
        with pytest.raises(AsrError) as caught:
            [t async for t in client.stream_transcribe(of([]), **options)]  # type: ignore[arg-type]  # wrong on purpose
        assert riva.streams == []
    assert caught.value.code == "INVALID_ARGUMENT"
    assert caught.value.fault is Fault.CALLER
    assert named in caught.value.message
    assert "accepted: " in caught.value.message
