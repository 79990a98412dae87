"""A session for audio that speaks for itself: an iterator that also asks for finals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.asr import SessionOptions
from app.asr.session.feeding import feeding

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from app.asr import Cursor, RecognitionSession, RivaASRClient, StreamEvent


class Caller:
    """Whoever speaks in a session, and has it in hand while it runs."""

    session: RecognitionSession

    def finalise(self) -> None:
        self.session.finalise()

    @property
    def cursor(self) -> Cursor | None:
        return self.session.cursor


async def events_of(
    client: RivaASRClient, audio: AsyncIterator[bytes], caller: Caller, rate: int = 16_000
) -> AsyncGenerator[StreamEvent]:
    """What happens in the session that the audio is sent to."""
    caller.session = client.session(SessionOptions(rate))
    async with caller.session as session, feeding(session, audio):
        async for event in session:
            yield event
