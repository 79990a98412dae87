"""Many streams at once: who goes where, what refusals teach, and how a lost recogniser is replaced.

Real gRPC servers that recognise the numbers in the samples, as in `test_reopened_streams`; how many
streams a live Riva takes, and what it answers beyond, is for the first live one to show.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, aclosing

import grpc
import pytest

from app.asr import AsrError, RivaASRClient
from tests.app.asr.conftest import client_of
from tests.app.asr.leftovers import channels_of, tasks_of_client
from tests.app.asr.session.breaks.test_reopened_streams import (
    CHUNKS,
    Reader,
    Turns,
    check,
    client_of_all,
    hear,
)
from tests.app.asr.sound import Microphone, of, tone
from tests.support.recognisers.fake_riva import FakeRiva, Stream, final, serving

SESSIONS = 50


class Room:
    """A recogniser that takes so many streams and refuses the rest."""

    def __init__(self, streams: int) -> None:
        self._room = streams
        self.refused = 0

    async def __call__(self, stream: Stream) -> None:
        if self._room == 0:
            self.refused += 1
            await stream.fail(grpc.StatusCode.RESOURCE_EXHAUSTED, "no free sequence slot")
        self._room -= 1
        try:
            await Reader()(stream)
        finally:
            self._room += 1


class Crowd:
    """Answers streams that came again only when no further one comes by itself."""

    def __init__(self) -> None:
        self.is_counting = False
        self.came = self.unanswered = self.most = 0

    async def __call__(self, stream: Stream) -> None:
        if self.is_counting:
            self.came += 1
            self.unanswered += 1
            self.most = max(self.most, self.unanswered)
            await self._nobody_comes()
            self.unanswered -= 1
        await Reader()(stream)

    async def _nobody_comes(self) -> None:
        came = 0
        while came < self.came:
            came = self.came
            await asyncio.sleep(0.1)


async def test_fifty_streams_that_lose_their_recogniser_come_to_the_next_a_fifth_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Nobody gets a turn because time has passed: who is not answered keeps its place.
    monkeypatch.setattr("app.asr.pool.retry_budget.SETTLED_S", 60.0)
    crowd = Crowd()
    first, second = FakeRiva(script=Reader()), FakeRiva(script=crowd)
    microphones = [Microphone() for _ in range(SESSIONS)]
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serving(second))
        dying = await stack.enter_async_context(AsyncExitStack())
        await dying.enter_async_context(serving(first))
        client = await stack.enter_async_context(client_of_all(first, second))
        listeners = [asyncio.create_task(hear(client, m.listen())) for m in microphones]
        for microphone in microphones:
            for chunk in CHUNKS[: len(CHUNKS) // 2]:
                microphone.speak(chunk)
        for riva in (first, second):
            for number in range(SESSIONS // 2):
                await (await riva.stream(number)).saw_audio(1)
        crowd.is_counting = True
        await dying.aclose()
        for microphone in microphones:
            for chunk in CHUNKS[len(CHUNKS) // 2 :]:
                microphone.speak(chunk)
            microphone.stop()
        for heard in await asyncio.gather(*listeners):
            check(heard)
        assert crowd.came == SESSIONS // 2
        assert 3 <= crowd.most <= SESSIONS // 5
        health = client.retries()
        assert (health.in_flight, health.waiting) == (0, 0)
        assert await tasks_of_client() == set()


async def test_an_endpoint_that_refuses_shows_its_slots_and_the_others_get_the_rest() -> None:
    small, large = Room(4), Room(100)
    servers = FakeRiva(script=small), FakeRiva(script=large)
    microphones = [Microphone() for _ in range(12)]
    async with (
        serving(servers[0]),
        serving(servers[1]),
        client_of_all(*servers, endpoint_streams=20) as client,
    ):
        assert client.slots() == 40
        listeners = [asyncio.create_task(hear(client, m.listen())) for m in microphones]
        for microphone in microphones:
            microphone.speak(b"".join(CHUNKS[:2]))
        await servers[1].stream(7)
        assert small.refused == 2
        assert [endpoint.slots for endpoint in client.endpoints()] == [4, 20]
        assert [endpoint.consecutive_errors for endpoint in client.endpoints()] == [0, 0]
        assert client.slots() == 24
        for microphone in microphones:
            for chunk in CHUNKS[2:]:
                microphone.speak(chunk)
            microphone.stop()
        for heard in await asyncio.gather(*listeners):
            check(heard)
        assert small.refused == 2


async def greet(stream: Stream) -> None:
    await stream.receive()
    await stream.say(final("hello"))
    await stream.receive_all()


async def open_streams(client: RivaASRClient, stack: AsyncExitStack, count: int) -> None:
    """Streams that are open until the stack is left."""
    for _ in range(count):
        microphone = Microphone()
        microphone.speak(tone(0.02))
        transcripts = client.stream_transcribe(microphone.listen())
        await stack.enter_async_context(aclosing(transcripts))
        await anext(transcripts)


async def test_streams_go_where_the_largest_share_of_slots_is_free_and_last_where_none_is() -> None:
    servers = FakeRiva(script=greet), FakeRiva(script=greet)
    async with AsyncExitStack() as stack:
        for riva in servers:
            await stack.enter_async_context(serving(riva))
        client = await stack.enter_async_context(client_of_all(*servers, endpoint_streams=6))
        for slots, expected in ((2, (1, 3)), (1, (1, 6))):
            client._default.routes.current.endpoints[0].capacity.refused(slots, time.monotonic())
            opened = sum(len(riva.streams) for riva in servers)
            await open_streams(client, stack, sum(expected) - opened)
            assert tuple(len(riva.streams) for riva in servers) == expected
        assert client.slots() == 7


async def test_a_recogniser_that_refuses_everybody_has_one_slot_and_is_not_ejected() -> None:
    riva = FakeRiva(script=Room(0))
    async with serving(riva), client_of(riva, reopen_delay_ms=1, outage_limit_s=0.2) as client:
        assert client.slots() is None
        for _ in range(3):
            with pytest.raises(AsrError, match="RESOURCE_EXHAUSTED"):
                await hear(client, of(CHUNKS[:1]))
        assert client.slots() == 1
        assert client.endpoints()[0].ejected_for == 0


async def test_a_stream_that_is_refused_when_it_had_worked_says_nothing_about_slots() -> None:
    script = Turns(Reader(2, "RESOURCE_EXHAUSTED"), Reader())
    async with serving(FakeRiva(script=script)) as riva, client_of_all(riva) as client:
        check(await hear(client))
        assert client.slots() is None


async def test_recognisers_that_are_unready_or_ejected_have_no_slots() -> None:
    gone, well = FakeRiva(port=1), FakeRiva(script=Reader())
    async with (
        serving(well),
        client_of_all(gone, well, endpoint_streams=10, max_retries=0) as client,
    ):
        assert client.slots() == 20
        await client.ready()
        assert client.slots() == 10
    async with client_of_all(gone, endpoint_streams=10) as client:
        await client.ready()
        assert client.slots() == 0


async def test_a_probe_ends_the_ejection_of_a_recogniser_that_came_back() -> None:
    riva, other = FakeRiva(script=Reader()), FakeRiva(script=Reader())
    async with serving(riva):
        pass  # it has a port, and is gone
    async with serving(other), client_of_all(riva, other, max_retries=0) as client:
        for _ in range(10):
            check(await hear(client))
        assert client.endpoints()[0].ejected_for > 0
        await client.ready()
        assert client.endpoints()[0].ejected_for > 0
        async with serving(riva, at=f"127.0.0.1:{riva.port}"):
            # gRPC waits before it connects again, and tells nobody when it does.
            while not (await client.ready()).endpoints[0].ready:  # noqa: ASYNC110 - see above
                await asyncio.sleep(0.05)
            assert client.endpoints()[0].ejected_for == 0
            assert client.endpoints()[0].ejections == 1
            # The connection for streams waits longer than that for probes: it failed more often.
            for channel in channels_of(client):
                await asyncio.wait_for(channel.channel.channel_ready(), 20)
            for _ in range(4):
                check(await hear(client))
            assert riva.streams


async def test_a_recogniser_of_unknown_size_counts_as_large_as_the_largest_that_is_known() -> None:
    servers = FakeRiva(script=greet), FakeRiva(script=greet)
    async with AsyncExitStack() as stack:
        for riva in servers:
            await stack.enter_async_context(serving(riva))
        client = await stack.enter_async_context(client_of_all(*servers))
        client._default.routes.current.endpoints[0].capacity.refused(4, time.monotonic())
        await open_streams(client, stack, 6)
        assert tuple(len(riva.streams) for riva in servers) == (3, 3)
