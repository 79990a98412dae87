"""Recordings through a gateway, and what came of each."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from app.client import (
    ClientError,
    Outcome,
    PcmAudio,
    StartTranscription,
    read_audio,
    transcribe,
)
from ops.console.options import revealed
from ops.qa.corpus import Clip
from ops.qa.speech import speech_span
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
    token: SecretStr | None = None
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
        final_s: From the end of speech, where that is known, to the last final; None also where
            audio was not sent in real time.
    """

    clip: Clip
    heard: str | None
    errors: Errors
    outcome: Outcome | None = None
    failure: str | None = None
    final_s: float | None = None


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


OTHER_SOUND: Final = frozenset({"noise", "music"})
"""Tags of clips whose speech cannot be found by loudness."""


def _span(clip: Clip, audio: PcmAudio) -> tuple[float, float] | None:
    """Return where speech begins and ends in a clip; None where nobody knows."""
    if clip.speech_spans:
        return clip.speech_spans[0][0], clip.speech_spans[-1][1]
    if not clip.text or OTHER_SOUND.intersection(clip.tags):
        return None
    return speech_span(audio)


def final_latency(outcome: Outcome, speech_end_s: float | None) -> float | None:
    """Return the seconds from the end of speech to the last final.

    Where a final came before the end was asked for, it is counted from the sending of its last
    word's end, as nobody noted when speech's end was sent.

    Args:
        outcome: Of a session in real time.
        speech_end_s: Where speech ends in the recording.
    """
    if outcome.last_final_s is not None and speech_end_s is not None:
        return outcome.last_final_s + max(0.0, outcome.audio_s - speech_end_s)
    return outcome.final_lags_s[-1] if outcome.final_lags_s else None


async def _one(folder: Path, clip: Clip, target: Target) -> Result:
    try:
        audio = await asyncio.to_thread(read_audio, folder / clip.file)
        span = await asyncio.to_thread(_span, clip, audio) if target.realtime else None
        outcome = await transcribe(
            target.url,
            audio,
            token=revealed(target.token),
            ca=target.ca,
            options=target.options,
            realtime=target.realtime,
            chunk_s=target.chunk_s,
            speech_start_s=None if span is None else span[0],
        )
    except (ClientError, OSError, ValueError, ssl.SSLError) as error:
        failure = str(error) or type(error).__name__
        return Result(clip=clip, heard=None, errors=count_errors(clip.text, ""), failure=failure)
    return Result(
        clip=clip,
        heard=outcome.text,
        errors=count_errors(clip.text, outcome.text),
        outcome=outcome,
        final_s=(
            final_latency(outcome, None if span is None else span[1]) if target.realtime else None
        ),
    )
