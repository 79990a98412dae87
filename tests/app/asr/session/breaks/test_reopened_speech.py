"""Recognisers killed or left in the middle of real speech: every transcript has every word.

Two emulator processes, eight recordings at once, faster than real time, SIGKILL. Proves the replay
on an engine that hears; punctuation and capitals are left out of the comparison, since they depend
on where a recogniser began to listen. That a NIM's word times are as good is not proved here.
Decodes three minutes of speech.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from contextlib import aclosing
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from app.asr import RivaASRClient, RivaSettings, Route
from ops.qa.wer import count_errors
from tests.support.recognisers.speech import FIXTURES, clips, golden, pcm

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from app.asr import Transcript

pytestmark = [pytest.mark.xdist_group("engine"), pytest.mark.asyncio(loop_scope="module")]

DEADLINE_S = 60.0
CHUNK_S = 0.2
SESSIONS = (
    "accent_gb_f",
    "accent_in_m",
    "accent_in_f",
    "clean_us_f",
    "fast_gb_m",
    "mic48k_us_m",
    "numbers_us_f",
    "tel8k_us_f",
)


class Recogniser:
    """An emulator process that can be killed and started again on the same port."""

    def __init__(self) -> None:
        self.port = 0
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Starts it and waits until it hears."""
        await self.launch()
        assert self._process is not None
        assert self._process.stdout is not None
        async with asyncio.timeout(DEADLINE_S):
            async for line in self._process.stdout:
                event = json.loads(line)
                if event["event"] == "ready":
                    self.port = event["grpc_port"]
                    return
        raise AssertionError("the emulator ended before it was ready")

    async def launch(self) -> None:
        """Starts it without waiting."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "app.emulator", "--grpc-port", str(self.port)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )

    async def kill(self) -> None:
        """Kills it as `kill -9` does."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGKILL)
        await self._process.wait()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def recognisers() -> AsyncIterator[list[Recogniser]]:
    """Two that hear; a test may kill them."""
    running = [Recogniser(), Recogniser()]
    try:
        await asyncio.gather(*(recogniser.start() for recogniser in running))
        yield running
    finally:
        await asyncio.gather(*(recogniser.kill() for recogniser in running))


def client_of(running: list[Recogniser], fallback: Recogniser | None = None) -> RivaASRClient:
    return RivaASRClient(
        RivaSettings(
            _env_file=None,
            endpoints=",".join(f"127.0.0.1:{recogniser.port}" for recogniser in running),
            fallback_endpoints="" if fallback is None else f"127.0.0.1:{fallback.port}",
            http_port=0,
            outage_limit_s=DEADLINE_S,
            timeout_ms=30_000,
            final_timeout_ms=60_000,
        )
    )


class Speakers:
    """Recordings that all pause in their middle until they may go on."""

    def __init__(self) -> None:
        self._waiting = 0
        self.all_wait = asyncio.Event()
        self.go_on = asyncio.Event()

    async def speak(self, data: bytes, rate: int) -> AsyncIterator[bytes]:
        step = round(rate * CHUNK_S) * 2
        middle = len(data) // step // 2 * step
        for at in range(0, len(data), step):
            if at == middle:
                self._waiting += 1
                if self._waiting == len(SESSIONS):
                    self.all_wait.set()
                await self.go_on.wait()
            yield data[at : at + step]


async def hear(client: RivaASRClient, clip_id: str, speakers: Speakers) -> list[Transcript]:
    (clip,) = (clip for clip in clips() if clip.id == clip_id)
    samples, rate = pcm(FIXTURES / clip.file)
    audio = speakers.speak(samples.astype("<i2").tobytes(), rate)
    return [t async for t in client.stream_transcribe(audio, rate) if t.is_final]


def check(clip_id: str, finals: list[Transcript]) -> None:
    """The undisturbed words, in segments numbered without a gap that do not overlap."""
    text = " ".join(final.text for final in finals)
    assert count_errors(golden(clip_id).transcript, text).total == 0, (clip_id, text)
    assert [final.segment_id for final in finals] == list(range(len(finals)))
    words = [word for final in finals for word in final.words]
    assert " ".join(word.word for word in words) == text
    for earlier, later in pairwise(words):
        assert later.start >= earlier.end - 0.02


async def sessions(client: RivaASRClient, strike: Callable[[], Awaitable[None]]) -> None:
    """Runs all recordings, and strikes when each is in its middle."""
    speakers = Speakers()
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as tasks:
        running = {
            clip_id: tasks.create_task(hear(client, clip_id, speakers)) for clip_id in SESSIONS
        }
        await speakers.all_wait.wait()
        await strike()
        speakers.go_on.set()
    for clip_id, finals in running.items():
        check(clip_id, finals.result())


@pytest.mark.slow
async def test_sessions_that_are_sent_to_the_fallback_go_on_there_with_every_word(
    recognisers: list[Recogniser],
) -> None:
    primary, fallback = recognisers
    async with aclosing(client_of([primary], fallback)) as client:

        async def strike() -> None:
            assert [endpoint.streams for endpoint in client.endpoints()] == [8, 0]
            client.route(Route.FALLBACK)

        await sessions(client, strike)
        assert client.current_route is Route.FALLBACK
        assert all(endpoint.streams == 0 for endpoint in client.endpoints())


@pytest.mark.slow
async def test_sessions_of_a_killed_recogniser_go_on_at_another_one_with_every_word(
    recognisers: list[Recogniser],
) -> None:
    async with aclosing(client_of(recognisers)) as client:

        async def strike() -> None:
            assert [endpoint.streams for endpoint in client.endpoints()] == [4, 4]
            await recognisers[0].kill()

        await sessions(client, strike)
        assert all(endpoint.streams == 0 for endpoint in client.endpoints())


@pytest.mark.slow
async def test_sessions_wait_for_their_only_recogniser_and_lose_no_word(
    recognisers: list[Recogniser],
) -> None:
    only = recognisers[1]
    async with aclosing(client_of([only])) as client:

        async def strike() -> None:
            await only.kill()
            await only.launch()

        await sessions(client, strike)
