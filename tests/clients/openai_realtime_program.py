"""What an application does with OpenAI's SDK for realtime; runs where that is installed.

Writes one JSON object. Arguments: a task, then recordings (WAV, one channel, 16 bits).
"""

import asyncio
import base64
import json
import sys
import wave
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import openai

TRANSCRIPTION = "conversation.item.input_audio_transcription"
PIECE_S = 0.1
SILENCE_S = 2
"""After the last word, as somebody who has spoken is silent."""
CONNECT: dict[str, Any] = {"extra_query": {"intent": "transcription"}}


async def heard(recording: Path, words: int | None) -> dict[str, object]:
    """Have one recording transcribed, faster than it was spoken.

    Args:
        recording: A file.
        words: How many are in what the server ends by itself; None to commit the whole.
    """
    client = openai.AsyncOpenAI()
    async with client.realtime.connect(**CONNECT) as connection:
        created = await connection.recv()
        with wave.open(str(recording)) as file:
            rate = file.getframerate()
            given: dict[str, Any] = {
                "format": {"type": "audio/pcm", "rate": rate},
                "transcription": {"model": "gpt-4o-transcribe", "language": "en"},
                "turn_detection": None if words is None else {"type": "server_vad"},
            }
            await connection.session.update(
                session={"type": "transcription", "audio": {"input": given}}
            )
            updated = await connection.recv()
            reading = asyncio.create_task(events_to(connection, words))
            while piece := file.readframes(int(rate * PIECE_S)):
                await connection.input_audio_buffer.append(audio=base64.b64encode(piece).decode())
        if words is None:
            await connection.input_audio_buffer.commit()
        else:
            silence = base64.b64encode(bytes(2 * rate * SILENCE_S)).decode()
            await connection.input_audio_buffer.append(audio=silence)
        events = await reading
    return {"hello": created.type, "answer": updated.type, **told(events)}


async def events_to(connection: Any, words: int | None) -> list[Any]:  # noqa: ANN401 - the SDK's, not installed here
    """Return all events until items with so many words are completed; None for one item."""
    events: list[Any] = []
    left = words
    async for event in connection:
        assert event.type != "error", event
        events.append(event)
        if event.type == f"{TRANSCRIPTION}.completed":
            left = 0 if left is None else left - len(event.transcript.split())
            if left <= 0:
                break
    return events


def told(events: list[Any]) -> dict[str, object]:
    """Return what was told of each item, in the order of their ends."""
    deltas: dict[str, str] = {}
    for event in events:
        if event.type == f"{TRANSCRIPTION}.delta":
            deltas[event.item_id] = deltas.get(event.item_id, "") + event.delta
    completed = [event for event in events if event.type == f"{TRANSCRIPTION}.completed"]
    return {
        "items": [[deltas.get(one.item_id, ""), one.transcript] for one in completed],
        "seconds": sum(one.usage.seconds for one in completed),
        "types": sorted({event.type for event in events}),
        "classes": sorted({type(event).__name__ for event in events}),
    }


async def each(recordings: list[tuple[str, int | None]]) -> dict[str, object]:
    """Have recordings transcribed, some at a time."""
    some = asyncio.Semaphore(3)

    async def one(name: str, words: int | None) -> tuple[str, object]:
        async with some:
            return Path(name).stem, await heard(Path(name), words)

    return dict(await asyncio.gather(*(one(*recording) for recording in recordings)))


async def turns(*recordings: str) -> dict[str, object]:
    """Let the server end the utterances, whose words `PATH=COUNT` counts."""
    return await each([(path, int(count)) for path, _, count in map(parted, recordings)])


def parted(argument: str) -> tuple[str, str, str]:
    return argument.rpartition("=")


async def commits(*recordings: str) -> dict[str, object]:
    """End them by a commit."""
    return await each([(path, None) for path in recordings])


async def browser(recording: str) -> dict[str, object]:
    """Do what a page does with a secret that its server asked for."""
    session: Any = {"type": "transcription", "audio": {"input": {"turn_detection": None}}}
    client = openai.AsyncOpenAI()
    made = await client.realtime.client_secrets.create(
        expires_after={"anchor": "created_at", "seconds": 60}, session=session
    )
    page = openai.AsyncOpenAI(api_key=made.value)
    async with page.realtime.connect(**CONNECT) as connection:
        created = await connection.recv()
        await connection.session.update(session={"type": "realtime"})
        refused = await connection.recv()
        with wave.open(recording) as file:
            audio = base64.b64encode(file.readframes(file.getnframes())).decode()
        await connection.input_audio_buffer.append(audio=audio)
        await connection.input_audio_buffer.commit()
        events = await events_to(connection, None)
    return {
        "turn_detection": created.session.audio.input.turn_detection,
        "expires_at": made.expires_at,
        "refused": [type(refused).__name__, refused.error.param, refused.error.message],
        **told(events),
    }


if __name__ == "__main__":
    task, *rest = sys.argv[1:]
    tasks: dict[str, Callable[..., Coroutine[None, None, object]]] = {
        "turns": turns,
        "commits": commits,
        "browser": browser,
    }
    sys.stdout.write(json.dumps(asyncio.run(tasks[task](*rest))))
