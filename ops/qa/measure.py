"""Recordings through a gateway, and what came of each."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.client import ClientError, Outcome, StartTranscription, transcribe
from ops.qa.corpus import Clip
from ops.qa.wer import Errors, count_errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where recordings are sent, and how.

    Attributes:
        url: WebSocket address of the gateway.
        token: Bearer token.
        ca: PEM file of the authority to trust; None for public ones.
        realtime: At the speed of speech; otherwise as fast as the gateway takes it, and then there
            are no latencies.
        chunk_s: Seconds of audio in a message.
        at_once: Sessions that run at the same time.
        options: Start options of every session.
    """

    url: str
    token: str | None = None
    ca: Path | None = None
    realtime: bool = False
    chunk_s: float = 0.1
    at_once: int = 1
    options: StartTranscription | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One clip, heard or failed.

    Attributes:
        clip: What was sent.
        heard: The transcript; None where the session failed.
        errors: Against the clip's text. A failed session counts every word as deleted: words that
            nobody got are errors of the service, whatever the cause.
        outcome: Latencies as the client saw them; None where the session failed.
        failure: Why it failed.
    """

    clip: Clip
    heard: str | None
    errors: Errors
    outcome: Outcome | None = None
    failure: str | None = None


async def measure(
    folder: Path,
    clips: Sequence[Clip],
    target: Target,
    *,
    on_result: Callable[[Result], None] | None = None,
) -> tuple[Result, ...]:
    """Send every clip and compare what was heard with what was said.

    Args:
        folder: Where the recordings lie.
        clips: What to send.
        target: Where to, and how.
        on_result: Called with each result as it comes.

    Returns:
        Results in the order of the clips. A failed session is a result, not an exception.
    """
    places = asyncio.Semaphore(target.at_once)

    async def one(clip: Clip) -> Result:
        async with places:
            result = await _one(folder, clip, target)
        if on_result is not None:
            on_result(result)
        return result

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(clip)) for clip in clips]
    return tuple(task.result() for task in tasks)


async def _one(folder: Path, clip: Clip, target: Target) -> Result:
    try:
        outcome = await transcribe(
            target.url,
            folder / clip.file,
            token=target.token,
            ca=target.ca,
            options=target.options,
            realtime=target.realtime,
            chunk_s=target.chunk_s,
            speech_start_s=clip.speech_start_s,
        )
    except (ClientError, OSError, ValueError, ssl.SSLError) as error:
        failure = str(error) or type(error).__name__
        return Result(clip=clip, heard=None, errors=count_errors(clip.text, ""), failure=failure)
    return Result(
        clip=clip,
        heard=outcome.text,
        errors=count_errors(clip.text, outcome.text),
        outcome=outcome,
    )
