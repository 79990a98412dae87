"""What an application does with Deepgram's SDK; runs where that is installed, and ours is not.

Writes one JSON object. Arguments: a task, then files of raw samples, 16 kHz.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deepgram import AsyncDeepgramClient, DeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.core.events import EventType
from deepgram.environment import DeepgramClientEnvironment

SECOND = 32_000


def environment() -> DeepgramClientEnvironment:
    """Say where the gateway is; the SDK reads no variable for that."""
    http = os.environ["PERCH_URL"]
    ws = http.replace("http", "ws", 1)
    return DeepgramClientEnvironment(base=http, production=ws, agent=ws, agent_rest=http)


def client() -> AsyncDeepgramClient:
    """Return a client with the key of the environment."""
    return AsyncDeepgramClient(api_key=os.environ["PERCH_TOKEN"], environment=environment())


async def heard(samples: bytes, *, finalizes: bool = False, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - the SDK's own types are not installed here
    """Have samples transcribed live, by the handlers of the SDK."""
    asked = {
        "model": "nova-3",
        "language": "en",
        "encoding": "linear16",
        "sample_rate": "16000",
        "interim_results": "true",
        **options,
    }
    messages: list[Any] = []
    events: list[str] = []
    answered = asyncio.Event()

    async def on_message(message: Any) -> None:  # noqa: ANN401 - likewise
        messages.append(message)
        if getattr(message, "from_finalize", False):
            answered.set()

    async with client().listen.v1.connect(**asked) as connection:
        connection.on(EventType.MESSAGE, on_message)
        connection.on(EventType.ERROR, lambda error: events.append(f"error {error}"))
        connection.on(EventType.CLOSE, lambda _: events.append("close"))
        listening = asyncio.create_task(connection.start_listening())
        await connection.send_keep_alive()
        for start in range(0, len(samples), SECOND // 10):
            await connection.send_media(samples[start : start + SECOND // 10])
        if finalizes:
            await connection.send_finalize()
            await asyncio.wait_for(answered.wait(), 60)
        await connection.send_close_stream()
        await listening
    finals = [one for one in messages if one.type == "Results" and one.is_final]
    words = [word for one in finals for word in one.channel.alternatives[0].words]
    return {
        "text": " ".join(one.channel.alternatives[0].transcript for one in finals),
        "words": [[word.punctuated_word, word.start, word.end] for word in words],
        "ranges": [[one.start, one.start + one.duration] for one in finals],
        "kinds": [type(one).__name__ for one in messages],
        "interims": sum(one.type == "Results" and not one.is_final for one in messages),
        "duration": messages[-1].duration,
        "events": events,
        "request_ids": sorted(
            {one.metadata.request_id for one in finals} | {messages[-1].request_id}
        ),
    }


def bytes_of(recording: str) -> bytes:
    """Return a file."""
    return Path(recording).read_bytes()


async def live(recording: str) -> dict[str, Any]:
    """Have one recording transcribed in the ways there are."""
    samples = bytes_of(recording)
    return {
        "plain": await heard(samples),
        "finalized": await heard(samples, finalizes=True, vad_events="true"),
    }


async def texts(*recordings: str) -> dict[str, str]:
    """Have each recording transcribed."""
    return {
        Path(one).stem: (await heard(bytes_of(one), interim_results="false"))["text"]
        for one in recordings
    }


async def errors(recording: str) -> dict[str, Any]:
    """Do what goes wrong, and tell what the SDK raises."""
    samples = bytes_of(recording)
    found: dict[str, Any] = {}
    refused: dict[str, dict[str, Any]] = {
        "diarize": {"diarize": "true"},
        "model": {"model": "parakeet-of-nobody"},
        "encoding": {"encoding": "amr-nb"},
    }
    for name, options in refused.items():
        try:
            await heard(samples[:SECOND], **options)
        except ApiError as error:
            found[name] = error.status_code
    os.environ["PERCH_TOKEN"] = "wrong"
    try:
        await heard(samples[:SECOND])
    except ApiError as error:
        found["key"] = error.status_code
    return found


def rest(recording: str) -> dict[str, Any]:
    """Have a file transcribed over HTTP."""
    own = DeepgramClient(api_key=os.environ["PERCH_TOKEN"], environment=environment())
    answer = own.listen.v1.media.transcribe_file(
        request=bytes_of(recording), model="nova-3", language="en", utterances=True
    )
    found = answer.results.channels[0].alternatives[0]
    return {
        "text": found.transcript,
        "words": [[word.punctuated_word, word.start, word.end] for word in found.words],
        "utterances": [one.transcript for one in answer.results.utterances],
        "metadata": json.loads(answer.metadata.json()),
    }


if __name__ == "__main__":
    task, *rest_of = sys.argv[1:]
    tasks: dict[str, Callable[..., object]] = {
        "live": lambda *files: asyncio.run(live(*files)),
        "texts": lambda *files: asyncio.run(texts(*files)),
        "errors": lambda *files: asyncio.run(errors(*files)),
        "rest": rest,
    }
    sys.stdout.write(json.dumps(tasks[task](*rest_of)))
