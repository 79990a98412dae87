"""Sessions that go wrong before they begin: no lease stays open, at the server or in a count."""

from __future__ import annotations

import asyncio

import pytest

from app.asr import SessionOptions
from tests.app.asr.conftest import client_of
from tests.app.asr.leftovers import tasks_of_client
from tests.support.recognisers.fake_riva import FakeRiva, serving


async def test_a_session_that_is_left_before_its_events_are_read_ends_its_call() -> None:
    async with serving(FakeRiva()) as riva, client_of(riva) as client:
        async with client.session(SessionOptions()):
            assert client.endpoints()[0].streams == 1
            stream = await riva.stream()  # one that is ended before would never be seen there
        assert client.endpoints()[0].streams == 0
        await asyncio.wait_for(stream.ended.wait(), 20)
        assert await tasks_of_client() == set()


async def test_a_session_that_is_entered_again_is_refused_and_counts_once() -> None:
    async with serving(FakeRiva()) as riva, client_of(riva) as client:
        session = client.session(SessionOptions())
        async with session:
            with pytest.raises(RuntimeError, match="once"):
                await session.__aenter__()
            assert client.endpoints()[0].streams == 1
            await riva.stream()
        with pytest.raises(RuntimeError, match="once"):
            await session.__aenter__()
        assert client.endpoints()[0].streams == 0
        assert len(riva.streams) == 1
