"""One session of a load: played in real time, and what came of it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from time import monotonic
from typing import TYPE_CHECKING, Final

from app.client import (
    ClientError,
    ConnectionLostError,
    DeadlineError,
    RefusedError,
    StartTranscription,
    connect,
)
from ops.load.plan import Failure, Played
from ops.load.playing import dialect_b
from ops.load.playing.cutting import relaying
from ops.load.playing.pace import Speaker
from ops.load.playing.stage import Heard

if TYPE_CHECKING:
    from app.client import AnyConnection
    from ops.load.plan import Dialect, SpokenClip, Turn
    from ops.load.playing.cutting import Relay
    from ops.load.playing.stage import Stage

CUT_AT: Final = 0.5
"""Where a session's connection is broken: after this part of its clip."""


async def play(stage: Stage, turn: Turn, dialect: Dialect, *, cut: bool) -> Played:
    """Play one session. Whatever goes wrong is part of what is returned.

    Args:
        stage: Where to, and how.
        turn: When it should begin, and with which clip.
        dialect: Of the contract.
        cut: Whether its connection is broken on purpose.
    """
    speaker = Speaker(
        audio=stage.audio[turn.clip], chunk_s=stage.setup.chunk_s, lateness=stage.lateness
    )
    heard = Heard()
    failure: Failure | None = None
    detail = ""
    deadline = speaker.audio.seconds + stage.setup.patience_s
    try:
        async with asyncio.timeout(deadline):
            if dialect == "b":
                await dialect_b.hold(stage, speaker, heard)
            else:
                await _hold(stage, speaker, heard, cut=cut)
    except TimeoutError:
        failure, detail = "timeout", f"not done after {deadline:.0f} s"
    except (ClientError, OSError, ValueError) as error:
        failure, detail = kind_of(error)
    if failure is None and heard.last_final_at is None:
        failure, detail = "unheard", "not one word"
    clip = stage.setup.clips[turn.clip]
    planned = stage.begins + turn.at
    return Played(
        at=turn.at,
        clip=turn.clip,
        clip_s=clip.seconds,
        dialect=dialect,
        cut=cut,
        queue_s=_span(planned, heard.started_at),
        spoke_at=_span(stage.begins, speaker.begun),
        first_interim_s=_after(speaker, clip.speech_start_s, heard.first_interim_at),
        final_s=_final(speaker, clip, heard) if failure is None else None,
        audio_s=speaker.sent_s,
        wall_s=_span(speaker.begun, heard.stopped_at),
        outage_s=max(heard.outages, default=None),
        failure=failure,
        detail=detail,
    )


def kind_of(error: Exception) -> tuple[Failure, str]:
    """Return what kind of failure an error is, and its code or sentence."""
    said = getattr(error, "code", None) or str(error) or type(error).__name__
    if isinstance(error, RefusedError):
        return "refused", f"HTTP {error.status} {said}"
    if isinstance(error, DeadlineError):
        return "timeout", str(said)
    if isinstance(error, ConnectionLostError | OSError):
        return "disconnect", str(said)
    return "error", str(said)


async def _hold(stage: Stage, speaker: Speaker, heard: Heard, *, cut: bool) -> None:
    """Hold a session in dialect A; events are read while it is spoken."""
    setup = stage.setup
    async with AsyncExitStack() as stack:
        relay = await stack.enter_async_context(relaying(setup.url)) if cut else None
        connection = await stack.enter_async_context(
            connect(
                setup.url if relay is None else relay.url,
                token=setup.token,
                ssl_context=stage.context,
                server_hostname=relay.host if relay is not None and stage.context else None,
                headers=setup.headers,
                # A break that nobody made on purpose is to be seen.
                resume=cut,
            )
        )
        try:
            async with asyncio.TaskGroup() as group:
                start = StartTranscription(sample_rate=speaker.audio.sample_rate)
                starting = group.create_task(connection.start(start))
                group.create_task(_listen(connection, heard))
                await starting
                heard.started_at = monotonic()
                group.create_task(_speak(connection, speaker, heard, relay))
        except BaseExceptionGroup as errors:
            # Both fail by the same cause when a connection breaks; the first error stands.
            raise errors.exceptions[0] from None


async def _listen(connection: AnyConnection, heard: Heard) -> None:
    async for event in connection.events():
        heard.event(event)


async def _speak(
    connection: AnyConnection, speaker: Speaker, heard: Heard, relay: Relay | None
) -> None:
    left = [relay] if relay is not None else []

    async def send(piece: bytes) -> None:
        if left and speaker.sent_s >= CUT_AT * speaker.audio.seconds:
            left.pop().cut()
        await connection.send(piece)

    await speaker.speak(send)
    await connection.finish()
    heard.stopped_at = monotonic()


def _span(begun: float | None, ended: float | None) -> float | None:
    return None if begun is None or ended is None else ended - begun


def _after(speaker: Speaker, moment_s: float | None, came: float | None) -> float | None:
    """Return the seconds from when a moment's audio should have gone out to a result.

    None where the result came before that: it was then about something else.
    """
    due = None if moment_s is None else speaker.due(moment_s)
    if due is None or came is None or came < due:
        return None
    return came - due


def _final(speaker: Speaker, clip: SpokenClip, heard: Heard) -> float | None:
    return _after(speaker, clip.speech_end_s, heard.last_final_at)
