"""The words of both dialects, for tests of what they have in common."""

from typing import Any, NamedTuple

import pytest
from websockets.asyncio.client import ClientConnection

from tests.support.gateways.running import PATH_B, send


class Words(NamedTuple):
    """What one dialect calls things."""

    path: str
    start: str
    started: str
    stop: str
    stopped: str
    duration: str

    async def begin(self, socket: ClientConnection, **options: object) -> None:
        """Ask for a session."""
        if self.path == "/":
            await send(socket, self.start, **options)
        else:
            await send(socket, self.start, config=options)


A = Words(
    "/",
    "start_transcription",
    "session_started",
    "stop_transcription",
    "session_stopped",
    "audio_seconds",
)
B = Words(
    PATH_B,
    "start_recording",
    "recording_started",
    "stop_recording",
    "recording_stopped",
    "total_duration",
)
both = pytest.mark.parametrize("dialect", [A, B], ids=["a", "b"])


def of_type(heard: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Return the messages of one type."""
    return [message for message in heard if message["type"] == kind]
