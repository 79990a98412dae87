"""Switching between the recognisers and those to fall back to, while streams run.

Real gRPC servers that recognise the numbers in the samples, as in `test_reopened_streams`. What a
real recogniser hears the second time is shown in `test_reopened_speech`.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from app.asr import Resumed, Route, Transcript
from tests.app.asr.conftest import client_of
from tests.app.asr.leftovers import tasks_of_client
from tests.app.asr.session.breaks.test_reopened_streams import ALL, CHUNKS, Reader, check, hear
from tests.app.asr.sound import Microphone, of
from tests.support.recognisers.fake_riva import FakeRiva, Stream, final, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from app.asr import RivaASRClient


@asynccontextmanager
async def both(
    primary: FakeRiva,
    fallback: FakeRiva,
    **changes: Any,  # noqa: ANN401 - any setting
) -> AsyncIterator[RivaASRClient]:
    async with (
        serving(primary),
        serving(fallback),
        client_of(
            primary,
            fallback_endpoints=f"127.0.0.1:{fallback.port}/0",
            **{"reopen_delay_ms": 1, **changes},
        ) as client,
    ):
        yield client


async def test_running_streams_move_at_once_and_back_again_and_lose_no_word() -> None:
    primary, fallback = FakeRiva(script=Reader()), FakeRiva(script=Reader())
    async with both(primary, fallback) as client:
        microphones = [Microphone() for _ in range(8)]
        listeners = [asyncio.create_task(hear(client, m.listen())) for m in microphones]

        async def speak(first: int, last: int) -> None:
            for microphone in microphones:
                for chunk in CHUNKS[first:last]:
                    microphone.speak(chunk)

        third = len(CHUNKS) // 3
        await speak(0, third)
        for number in range(8):
            await (await primary.stream(number)).saw_audio(1)
        client.route(Route.FALLBACK)
        for number in range(8):
            await (await fallback.stream(number)).saw_audio(1)
        await asyncio.gather(*(stream.ended.wait() for stream in primary.streams))
        await speak(third, 2 * third)
        client.route(Route.PRIMARY)
        for number in range(8, 16):
            await primary.stream(number)
        await speak(2 * third, len(CHUNKS))
        for microphone in microphones:
            microphone.stop()
        for heard in await asyncio.gather(*listeners):
            check(heard)
        assert (len(primary.streams), len(fallback.streams)) == (16, 8)
        for endpoint in client.endpoints():
            assert (endpoint.streams, endpoint.consecutive_errors) == (0, 0)
        assert await tasks_of_client() == set()


async def test_new_calls_go_where_the_route_says() -> None:
    primary, fallback = FakeRiva(script=Reader()), FakeRiva(script=Reader())
    fallback.models = {"another": {"type": "online"}}
    async with both(primary, fallback) as client:
        assert (client.has_fallback, client.current_route) == (True, Route.PRIMARY)
        client.route(Route.FALLBACK)
        check(await hear(client))
        assert (client.current_route, len(primary.streams)) == (Route.FALLBACK, 0)
        assert [model.name for model in await client.models()] == ["another"]
        assert [model.name for model in (await client.ready()).models] == ["another"]
        client.route(Route.PRIMARY)
        check(await hear(client))
        assert (len(primary.streams), len(fallback.streams)) == (1, 1)
        names = [endpoint.name for endpoint in client.endpoints()]
        assert names == ["riva-1", "riva-fallback-1"]


async def test_a_stream_that_is_being_opened_when_the_route_changes_ends_up_on_the_new_one() -> (
    None
):
    async def hold(_: Stream) -> None:
        await asyncio.Event().wait()

    primary, fallback = FakeRiva(script=hold), FakeRiva(script=Reader())
    async with both(primary, fallback) as client:
        listener = asyncio.create_task(hear(client))
        await asyncio.sleep(0)  # it has begun, and cannot have connected
        client.route(Route.FALLBACK)
        check(await listener)
        assert client.endpoints()[0].streams == 0


async def test_a_route_that_changes_between_a_break_and_the_next_call_is_followed_at_once() -> None:
    async def mute(_: Stream) -> None:
        await asyncio.Event().wait()

    first = Reader(2)

    async def once(stream: Stream) -> None:
        await (first if len(primary.streams) == 1 else mute)(stream)

    primary, fallback = FakeRiva(script=once), FakeRiva(script=Reader())
    async with both(primary, fallback, final_timeout_ms=60_000) as client:
        heard = []

        async def listen() -> None:
            async for event in client.stream_events(of(CHUNKS)):
                if isinstance(event, Resumed):
                    client.route(Route.FALLBACK)
                elif isinstance(event, Transcript):
                    heard.append(event)

        await asyncio.wait_for(listen(), 20)
        check(heard)
        assert (len(primary.streams), len(fallback.streams)) == (2, 1)


class Vague:
    """Says something without saying about which audio; once it may, what each word is.

    Args:
        to_the_end: hears all audio first.
    """

    def __init__(self, *, to_the_end: bool) -> None:
        self.may_go_on = asyncio.Event()
        self._to_the_end = to_the_end

    async def __call__(self, stream: Stream) -> None:
        if self._to_the_end:
            await stream.receive_all()
        else:
            await stream.receive()
        await stream.say(final("about something"))
        await self.may_go_on.wait()
        if self._to_the_end:
            await Reader().say(stream, 0)
        else:
            await Reader()(stream)


@pytest.mark.parametrize("ended", [False, True], ids=["speaking", "ended"])
async def test_a_stream_that_cannot_hear_its_audio_again_moves_at_its_next_final(
    *, ended: bool
) -> None:
    vague = Vague(to_the_end=ended)
    primary, fallback = FakeRiva(script=vague), FakeRiva(script=Reader())
    microphone = Microphone()
    async with both(primary, fallback) as client:
        heard = []
        said = asyncio.Event()

        async def listen() -> None:
            async for transcript in client.stream_transcribe(microphone.listen()):
                heard.append(transcript.text)
                said.set()

        listener = asyncio.create_task(listen())
        for chunk in CHUNKS:
            microphone.speak(chunk)
        if ended:
            microphone.stop()
        await asyncio.wait_for(said.wait(), 20)
        client.route(Route.FALLBACK)
        vague.may_go_on.set()
        await asyncio.wait_for(fallback.stream(), 20)
        microphone.stop()
        await asyncio.wait_for(listener, 20)
        await asyncio.wait_for(primary.streams[0].ended.wait(), 20)
        assert (len(primary.streams), len(fallback.streams)) == (1, 1)
    assert heard == ["about something", *ALL]


async def test_a_route_that_is_not_there_is_refused_by_name() -> None:
    async with serving(FakeRiva()) as riva, client_of(riva) as client:
        assert not client.has_fallback
        with pytest.raises(ValueError, match="RIVA_FALLBACK_ENDPOINTS"):
            client.route(Route.FALLBACK)
        assert client.current_route is Route.PRIMARY


async def test_streaming_over_the_fallback_asks_nothing_of_the_primary() -> None:
    fallback = FakeRiva(script=Reader())
    async with (
        serving(fallback),
        client_of(
            FakeRiva(port=1), fallback_endpoints=f"127.0.0.1:{fallback.port}/0", max_retries=0
        ) as client,
    ):
        client.route(Route.FALLBACK)
        check(await hear(client))
        assert (await client.ready()).ready
        assert client.endpoints()[0].consecutive_errors == 0


async def test_slots_are_those_of_the_route_in_use_and_unknown_where_nobody_said() -> None:
    primary, fallback = FakeRiva(), FakeRiva()
    async with both(primary, fallback) as client:
        assert client.slots() is None
    endpoints = "127.0.0.1:1,127.0.0.1:2"
    async with both(primary, fallback, endpoint_streams=30, endpoints=endpoints) as client:
        assert client.slots() == 60
        client.route(Route.FALLBACK)
        assert client.slots() == 30
