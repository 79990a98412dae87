"""Audio that an iterator gives, pushed into a session."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from app.asr.errors import from_status
from app.asr.session.call import stop_tasks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from app.asr.session.session import RecognitionSession


@asynccontextmanager
async def feeding(session: RecognitionSession, audio: AsyncIterator[bytes]) -> AsyncIterator[None]:
    """Feed a session for as long as the block runs; what the iterator raises ends its events.

    Args:
        session: has been entered.
        audio: asked for its next chunk when the session wants it; it is not closed.
    """
    task = asyncio.create_task(_feed(session, audio), name="asr-feed")
    try:
        yield
    finally:
        await stop_tasks((task,))


async def _feed(session: RecognitionSession, audio: AsyncIterator[bytes]) -> None:
    try:
        await session.room()
        async for chunk in audio:
            if not await session.send(chunk):
                return
            await session.room()
        session.end()
    except asyncio.CancelledError:
        # Ours when the events are over, and then nobody reads this; else the iterator was.
        session.end(
            failure=from_status("CANCELLED", "the audio iterator was cancelled", doing="stream")
        )
        raise
    except Exception as error:  # noqa: BLE001 - handed on to whoever reads the events
        session.end(failure=error)
