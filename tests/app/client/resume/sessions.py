"""Sessions on a resumable connection, and what they heard."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.client import (
    Deadlines,
    Event,
    Reconnected,
    ReconnectRules,
    ResumableConnection,
    SessionStopped,
    StartTranscription,
    Transcription,
    connect,
)
from app.client.resume import DEFAULT_KEEP_S
from app.client.resume.session import ResumableSession
from app.contract.fields import ResumeOffer
from tests.support.gateways import scripted as play
from tests.support.gateways.breaking import SEGMENT_BYTES, Broken, texts_of

SOON = ReconnectRules(first_s=0.001, longest_s=0.01)
SPEECH = random.Random(4).randbytes(10 * SEGMENT_BYTES + 200)  # noqa: S311 - no secret
STEP = 300


@asynccontextmanager
async def connected(
    gateway: Broken,
    *,
    deadlines: Deadlines | None = None,
    keep_s: float = DEFAULT_KEEP_S,
    rules: ReconnectRules = SOON,
    wait: float | None = None,
) -> AsyncIterator[ResumableConnection]:
    async with connect(
        gateway.url, deadlines=deadlines, keep_s=keep_s, reconnect=rules, wait=wait
    ) as connection:
        yield connection
    names = {task.get_name() for task in asyncio.all_tasks()}
    assert not {name for name in names if name.startswith("perch-client")}


async def say(connection: ResumableConnection, audio: bytes = SPEECH) -> None:
    for start in range(0, len(audio), STEP):
        await connection.send(audio[start : start + STEP])


async def say_all(connection: ResumableConnection) -> SessionStopped:
    await say(connection)
    return await connection.finish()


async def read(connection: ResumableConnection, into: list[Event] | None = None) -> list[Event]:
    heard = [] if into is None else into
    async for event in connection.events():
        heard.append(event)
    return heard


def finals(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Transcription)]


async def speak_through(
    gateway: Broken, *, deadlines: Deadlines | None = None, keep_s: float = DEFAULT_KEEP_S
) -> tuple[list[Event], ResumableConnection]:
    """Run one session from its start to its end; everything heard must be whole and in order."""
    async with connected(gateway, deadlines=deadlines, keep_s=keep_s) as connection:
        await connection.start()
        listening = asyncio.create_task(read(connection))
        await say(connection)
        stopped = await connection.finish()
        events = await listening
    assert finals(events) == texts_of(SPEECH)
    numbers = [event.segment_id for event in events if isinstance(event, Transcription)]
    assert numbers == list(range(len(numbers)))
    assert stopped.segments == len(numbers)
    assert list(connection.reconnects) == [e for e in events if isinstance(e, Reconnected)]
    return events, connection


def session(keep_s: float = DEFAULT_KEEP_S) -> ResumableSession:
    """One that runs, with a second of audio sent."""
    offer = ResumeOffer(token="t0", window_s=60, heartbeat_s=5)
    running = ResumableSession(StartTranscription(), offer, keep_s=keep_s)
    running.received(play.started())
    running.append(bytes(running.buffer.bytes_per_s))
    while running.next_piece(32_000):
        pass
    return running
