"""Heartbeats: how far a session is, at intervals, to clients that ask for it."""

import asyncio
from time import monotonic

from app.gateway.dialects.events import Progress
from app.gateway.session.client_writer import ClientWriter
from app.gateway.session.recognition import Recognition


class Heartbeats:
    """Sends the heartbeats of one session.

    Args:
        recognition: The session.
        writer: Sends them.
    """

    def __init__(self, recognition: Recognition, writer: ClientWriter) -> None:
        self._recognition = recognition
        self._writer = writer
        self._last: tuple[float, float] | None = None

    async def run(self, interval: float) -> None:
        """Send one every so many seconds, for ever."""
        while True:
            await self.send()
            await asyncio.sleep(interval)

    async def send(self) -> None:
        """Send one now, unless the client has not read the last messages."""
        await self._writer.send_if_read(self._progress())

    def _progress(self) -> Progress:
        recognition = self._recognition
        received, recognised = recognition.audio_seconds, recognition.session.recognised
        at, factor = monotonic(), None
        if self._last is not None and at > self._last[0]:
            factor = round((recognised - self._last[1]) / (at - self._last[0]), 3)
        self._last = (at, recognised)
        return Progress(
            received=received,
            recognised=recognised,
            realtime_factor=factor,
            resume=recognition.resume_point(recognition.session.cursor),
        )
