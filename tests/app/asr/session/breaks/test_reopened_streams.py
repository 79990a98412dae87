"""Streams that break, over real gRPC: what is opened again, where, and what the caller gets.

The servers recognise nothing but the number that stands in each sample, so a word that is lost,
said twice or moved in time shows at once. That a real recogniser hears the same the second time is
shown in `test_reopened_speech`.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.asr import AsrError, RivaASRClient
from tests.app.asr.conftest import client_of, settings_for
from tests.app.asr.leftovers import tasks_of_client
from tests.app.asr.sound import Microphone, of, tone
from tests.support.recognisers.fake_riva import FakeRiva, Stream, final, hear_all, serving, word

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from app.asr import Transcript

RATE = 16_000
BLOCK = 4000  # samples a word is long: 0.25 s
WORDS = 12
SPEECH = tone(WORDS * BLOCK / RATE)
CHUNKS = [SPEECH[at : at + 2000] for at in range(0, len(SPEECH), 2000)]
ALL = [f"w{number}" for number in range(WORDS)]


class Reader:
    """Hears a word in each whole block of numbered samples.

    Args:
        finals: after so many finals the stream fails; None never.
        status: with what it fails.
    """

    def __init__(self, finals: int | None = None, status: str = "UNAVAILABLE") -> None:
        self._left = finals
        self._status = grpc.StatusCode[status]

    async def __call__(self, stream: Stream) -> None:
        said = 0
        while (await stream.receive()) is not None:
            said = await self.say(stream, said)
            if self._left is not None and said >= self._left:
                await stream.fail(self._status, "gone")

    async def say(self, stream: Stream, said: int) -> int:
        """Say every word that came whole behind the `said` first ones; return how many that is."""
        samples = np.frombuffer(stream.audio, "<u2")
        first = -(-int(samples[0]) // BLOCK)
        while (first + said + 1) * BLOCK - int(samples[0]) <= len(samples):
            if self._left is not None and said >= self._left:
                break
            start = (first + said) * BLOCK - int(samples[0])
            begin, end = start * 1000 // RATE, (start + BLOCK) * 1000 // RATE
            await stream.say(
                final(
                    f"w{first + said}",
                    word(f"w{first + said}", begin, end),
                    audio_processed=end / 1000,
                )
            )
            said += 1
        return said


class Turns:
    """A script for each stream, in the order of opening; the last one stays."""

    def __init__(self, *scripts: Reader) -> None:
        self._scripts = list(scripts)

    async def __call__(self, stream: Stream) -> None:
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        await script(stream)


@asynccontextmanager
async def client_of_all(*servers: FakeRiva, **changes: Any) -> AsyncIterator[RivaASRClient]:  # noqa: ANN401 - any setting
    endpoints = ",".join(f"127.0.0.1:{riva.port}" for riva in servers)
    values = {"reopen_delay_ms": 1, "endpoints": endpoints, **changes}
    client = RivaASRClient(settings_for(servers[0], **values))
    try:
        yield client
    finally:
        await client.aclose()


async def hear(
    client: RivaASRClient, audio: AsyncIterator[bytes] | None = None
) -> list[Transcript]:
    return [t async for t in client.stream_transcribe(of(CHUNKS) if audio is None else audio)]


def check(heard: list[Transcript]) -> None:
    """Every word once, at its time, in segments that are numbered without a gap."""
    assert [t.text for t in heard] == ALL
    assert [t.segment_id for t in heard] == list(range(WORDS))
    for number, transcript in enumerate(heard):
        assert transcript.words[0].start == pytest.approx(number * BLOCK / RATE, abs=0.002)
        assert transcript.audio_processed == pytest.approx((number + 1) * BLOCK / RATE, abs=0.002)


async def test_a_stream_that_breaks_goes_on_elsewhere_with_every_word_once() -> None:
    async with (
        serving(FakeRiva(script=Reader(3))) as first,
        serving(FakeRiva(script=Reader())) as second,
        client_of_all(first, second) as client,
    ):
        check(await hear(client))
        assert (len(first.streams), len(second.streams)) == (1, 1)
        assert all(endpoint.streams == 0 for endpoint in client.endpoints())


@given(
    # A first word is one that was said: between these words is no pause to begin in.
    deaths=st.lists(st.integers(min_value=2, max_value=4), max_size=4),
    size=st.sampled_from([333, 1000, 4001, 9000, 200_000]),
    status=st.sampled_from(["UNAVAILABLE", "INTERNAL", "ABORTED", "RESOURCE_EXHAUSTED"]),
)
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_however_often_a_stream_breaks_and_however_it_is_cut_no_word_is_lost_or_doubled(
    deaths: list[int], size: int, status: str
) -> None:
    script = Turns(*(Reader(finals, status) for finals in deaths), Reader())
    chunks = [SPEECH[at : at + size] for at in range(0, len(SPEECH), size)]
    async with (
        serving(FakeRiva(script=script)) as riva,
        client_of_all(riva, chunk_size_bytes=4000) as client,
    ):
        check(await hear(client, of(chunks)))


async def test_a_break_after_the_end_of_the_audio_replays_and_ends_it_again() -> None:
    async def heard_and_gone(stream: Stream) -> None:
        await stream.receive_all()
        await stream.fail(grpc.StatusCode.UNAVAILABLE, "gone")

    async with (
        serving(FakeRiva(script=heard_and_gone)) as first,
        serving(FakeRiva(script=Reader())) as second,
        client_of_all(first, second) as client,
    ):
        check(await hear(client))
        assert second.streams[0].audio == SPEECH


async def test_a_break_after_the_last_final_costs_no_further_stream() -> None:
    async def all_and_gone(stream: Stream) -> None:
        await Reader()(stream)
        await stream.fail(grpc.StatusCode.UNAVAILABLE, "gone")

    async with serving(FakeRiva(script=all_and_gone)) as riva, client_of_all(riva) as client:
        check(await hear(client))
        assert len(riva.streams) == 1


async def test_a_lasting_error_in_the_middle_is_not_tried_again() -> None:
    async def refuse(stream: Stream) -> None:
        # Once it has all the audio: a write that meets the end may cost the server's own status,
        # which grpc.aio then keeps back behind results that nobody can read any more.
        while (await stream.receive()) is not None:
            pass
        await stream.say(final("w0", word("w0", 0, BLOCK * 1000 // RATE)))
        await stream.fail(grpc.StatusCode.INVALID_ARGUMENT, "gone")

    async with (
        serving(FakeRiva(script=refuse)) as first,
        serving(FakeRiva(script=Reader())) as second,
        client_of_all(first, second) as client,
    ):
        with pytest.raises(AsrError, match="INVALID_ARGUMENT"):
            await hear(client)
        assert second.streams == []
        assert client.endpoints()[0].consecutive_errors == 0


async def test_a_stream_that_keeps_opening_and_dying_at_once_stops() -> None:
    async def die(stream: Stream) -> None:
        await stream.receive()
        await stream.fail(grpc.StatusCode.INTERNAL, "again")

    async with serving(FakeRiva(script=die)) as riva, client_of_all(riva) as client:
        with pytest.raises(AsrError, match="INTERNAL"):
            await hear(client)
        assert len(riva.streams) == 3


async def test_a_server_that_takes_no_more_audio_is_left_for_another_one() -> None:
    async def deaf(_: Stream) -> None:
        await asyncio.Event().wait()

    async def long_audio() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield bytes(64_000)

    async with (
        serving(FakeRiva(script=deaf), options=[("grpc.http2.bdp_probe", 0)]) as first,
        serving(FakeRiva(script=hear_all)) as second,
        client_of_all(first, second, timeout_ms=300, replay_s=600) as client,
    ):
        assert await hear(client, long_audio()) == []
        assert len(second.streams[0].audio) == 40 * 64_000


async def test_without_any_recogniser_audio_is_taken_to_the_bound_and_the_error_comes_in_time() -> (
    None
):
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 3200
            yield tone(0.1)

    async def leave(stream: Stream) -> None:
        await stream.receive()
        left.set()
        await asyncio.Event().wait()

    left = asyncio.Event()
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(AsyncExitStack())
        riva = await running.enter_async_context(serving(FakeRiva(script=leave)))
        client = await stack.enter_async_context(
            client_of_all(riva, outage_limit_s=0.5, replay_s=20)
        )
        listener = asyncio.create_task(hear(client, endless()))
        await asyncio.wait_for(left.wait(), 20)
        await running.aclose()
        with pytest.raises(AsrError, match="UNAVAILABLE"):
            await asyncio.wait_for(listener, 20)
    assert 19 * RATE * 2 <= taken <= 21 * RATE * 2


async def test_an_error_of_the_callers_audio_during_an_outage_comes_out_as_it_is() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield tone(0.1)
        await gone.wait()
        raise RuntimeError("the microphone broke")

    async def leave(stream: Stream) -> None:
        await stream.receive()
        got.set()
        await asyncio.Event().wait()

    got, gone = asyncio.Event(), asyncio.Event()
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(AsyncExitStack())
        riva = await running.enter_async_context(serving(FakeRiva(script=leave)))
        client = await stack.enter_async_context(client_of_all(riva))
        listener = asyncio.create_task(hear(client, broken()))
        await asyncio.wait_for(got.wait(), 20)
        await running.aclose()
        gone.set()
        with pytest.raises(RuntimeError, match="the microphone broke"):
            await asyncio.wait_for(listener, 20)
        assert await tasks_of_client() == set()


async def test_a_caller_who_leaves_during_an_outage_leaves_nothing_behind() -> None:
    async def one_and_away(stream: Stream) -> None:
        await stream.receive()
        await stream.say(final("one", word("one", 0, 100), audio_processed=0.1))
        await asyncio.Event().wait()

    microphone = Microphone()
    microphone.speak(tone(0.2))
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(AsyncExitStack())
        riva = await running.enter_async_context(serving(FakeRiva(script=one_and_away)))
        client = await stack.enter_async_context(client_of_all(riva))
        transcripts = client.stream_transcribe(microphone.listen())
        async with aclosing(transcripts):
            await anext(transcripts)
            await running.aclose()
            waiting = asyncio.ensure_future(anext(transcripts))
            await asyncio.sleep(0.1)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        assert await tasks_of_client() == set()
        assert microphone.closed
        assert client.endpoints()[0].streams == 0


async def test_a_stream_is_replaced_at_a_final_before_the_servers_limit() -> None:
    said = asyncio.Event()

    async def word_by_word() -> AsyncIterator[bytes]:
        for at in range(0, len(SPEECH), BLOCK * 2):
            yield SPEECH[at : at + BLOCK * 2]
            await said.wait()
            said.clear()

    heard = []
    async with (
        serving(FakeRiva(script=Reader())) as riva,
        client_of_all(riva, max_stream_s=0.0001) as client,
    ):
        async for transcript in client.stream_transcribe(word_by_word()):
            heard.append(transcript)
            said.set()
        assert len(riva.streams) >= WORDS
        assert client.endpoints()[0].consecutive_errors == 0
    check(heard)


async def test_streams_go_where_the_fewest_are() -> None:
    async def greet(stream: Stream) -> None:
        await stream.receive()
        await stream.say(final("hello"))
        await stream.receive_all()

    servers = [FakeRiva(script=greet) for _ in range(3)]
    async with AsyncExitStack() as stack:
        for riva in servers:
            await stack.enter_async_context(serving(riva))
        client = await stack.enter_async_context(client_of_all(*servers))
        for _ in range(9):
            microphone = Microphone()
            microphone.speak(tone(0.02))
            transcripts = client.stream_transcribe(microphone.listen())
            await stack.enter_async_context(aclosing(transcripts))
            await anext(transcripts)
        assert [len(riva.streams) for riva in servers] == [3, 3, 3]
        assert [endpoint.streams for endpoint in client.endpoints()] == [3, 3, 3]


async def test_an_endpoint_that_is_gone_costs_no_stream_is_ejected_and_seen_in_readiness() -> None:
    gone = FakeRiva(port=1)
    async with (
        serving(FakeRiva(script=Reader())) as riva,
        client_of_all(gone, riva, max_retries=0) as client,
    ):
        for _ in range(12):
            check(await hear(client))
        first, second = client.endpoints()
        assert (first.name, second.name) == ("riva-1", "riva-2")
        assert first.ejections == 1
        assert 0 < first.ejected_for <= 30
        assert (second.ejections, second.ejected_for) == (0, 0)
        readiness = await client.ready()
    assert readiness.ready
    assert [endpoint.ready for endpoint in readiness.endpoints] == [False, True]
    assert readiness.endpoints[0].ejected_for > 0
    assert "127.0.0.1" not in repr(readiness.endpoints)


async def test_the_only_endpoint_is_never_ejected() -> None:
    async with client_of(FakeRiva(port=1), max_retries=0) as client:
        for _ in range(8):
            with pytest.raises(AsrError):
                await hear(client)
        assert client.endpoints()[0].ejected_for == 0


async def test_a_server_that_is_back_but_loads_is_waited_for() -> None:
    async def gone_once(stream: Stream) -> None:
        if len(riva.streams) == 1:
            # It lists nothing until it was asked a few times.
            riva.failures_before_success = riva.config_calls + 4
            await Reader(2)(stream)
        else:
            await Reader()(stream)

    async with serving(FakeRiva(script=gone_once)) as riva, client_of_all(riva) as client:
        check(await hear(client))
        assert len(riva.streams) == 2
        assert riva.config_calls == 5


async def test_an_open_segment_beyond_the_bound_is_an_error_and_no_silent_gap() -> None:
    async def mumble(stream: Stream) -> None:
        await stream.receive_all()
        await stream.fail(grpc.StatusCode.UNAVAILABLE, "gone")

    async with (
        serving(FakeRiva(script=mumble)) as riva,
        client_of_all(riva, replay_s=1, enable_partial_results=False) as client,
    ):
        with pytest.raises(AsrError, match="UNAVAILABLE"):
            await hear(client, of(CHUNKS[:24]))
        assert len(riva.streams) == 1
