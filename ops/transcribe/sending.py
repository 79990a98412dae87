"""Sends sound that a blocking reader gives, as it comes and as the gateway takes it."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import CancelledError
from contextlib import aclosing, suppress
from typing import Final

from app.client import AnyConnection, Event, StartTranscription
from app.recordings import OpenRecording

BLOCK_SECONDS = 0.1
_SAMPLE_BYTES: Final = 2
WAITING_BLOCKS = 50
"""Sound of 5 s may wait between the reader and the gateway; then the reader waits too."""


def daemon(work: Callable[[], None]) -> None:
    """Run something in a thread for which nobody waits: Ctrl-C must not wait for a silent pipe."""
    threading.Thread(target=work, name="read sound", daemon=True).start()


async def blocks_of(blocks: Generator[bytes]) -> AsyncGenerator[bytes]:
    """Yield what a blocking generator gives, without blocking the loop or reading far ahead.

    Whoever leaves early closes this one; the reader is then closed too, by its own thread.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[bytes | Exception | None] = asyncio.Queue(WAITING_BLOCKS)
    left = threading.Event()

    def pump() -> None:
        # The loop may be gone while a pipe still speaks; then nobody is left to be told.
        with suppress(RuntimeError, CancelledError):
            ended: Exception | None = None
            try:
                for block in blocks:
                    asyncio.run_coroutine_threadsafe(queue.put(block), loop).result()
                    if left.is_set():
                        break
            except Exception as error:  # noqa: BLE001 - whatever it was, who waits is told
                ended = error
            finally:
                blocks.close()
            asyncio.run_coroutine_threadsafe(queue.put(ended), loop).result()

    daemon(pump)
    try:
        while (item := await queue.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item
    finally:
        left.set()
        while not queue.empty():
            queue.get_nowait()  # whoever waits to put goes on, and sees that nobody listens


def sound_of(recording: OpenRecording) -> Generator[bytes]:
    """Yield a recording's sound, and let go of it in the thread that reads it."""
    with recording:
        yield from recording.blocks(BLOCK_SECONDS)


async def send_live(  # noqa: PLR0913 - the last ones have defaults
    connection: AnyConnection,
    recording: OpenRecording,
    options: StartTranscription,
    on_event: Callable[[Event], None],
    *,
    on_started: Callable[[], None] = lambda: None,
    speed: float | None = None,
) -> float:
    """Send a recording's sound as it is read, and let go of it; return its length in seconds.

    Args:
        connection: Open, with no session running.
        recording: Its header was read.
        options: Of the start; the rate is the recording's.
        on_event: Called with every event as it comes, on the event loop: it must return at once.
        on_started: Called once the session runs.
        speed: How much faster than it was spoken it is sent at most; None as fast as it is taken.

    Raises:
        ClientError: The gateway refused or failed, or the connection broke for good.
        RecordingError: The recording cannot be decoded, or not any further.
        OSError: It cannot be read on.
    """
    wanted = options.model_copy(update={"sample_rate": recording.sample_rate})

    async def listen() -> None:
        async for event in connection.events():
            on_event(event)

    async def speak() -> float:
        loop = asyncio.get_running_loop()
        begun, sent, bytes_per_s = loop.time(), 0, recording.sample_rate * _SAMPLE_BYTES
        async with aclosing(blocks_of(sound_of(recording))) as blocks:
            async for block in blocks:
                await connection.send(block)
                sent += len(block)
                if speed is not None:
                    due = begun + sent / bytes_per_s / speed
                    await asyncio.sleep(due - loop.time())
        return (await connection.finish()).audio_seconds

    speaking: asyncio.Task[float] | None = None
    try:
        async with asyncio.TaskGroup() as group:
            # In this order: the start lets go of what was there before it.
            starting = group.create_task(connection.start(wanted), name="start")
            group.create_task(listen(), name="listen")
            await starting
            on_started()
            speaking = group.create_task(speak(), name="speak")
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    finally:
        if speaking is None:
            recording.close()
    return speaking.result()
