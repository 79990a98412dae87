"""A small asynchronous client of the gateway's contract.

Example:
    async with connect("ws://127.0.0.1:8080/ws") as gateway:
        await gateway.start(StartTranscription(sample_rate=16000))
        async for piece in microphone():
            await gateway.send(piece)
        await gateway.finish()
        async for event in gateway.events():
            if isinstance(event, Transcription):
                print(event.text)

Usually one task sends while another reads; for whole recordings `transcribe` does that.
"""

from app.client.audio import PcmAudio, read_audio
from app.client.connection import Connection, connect
from app.client.deadlines import Deadlines
from app.client.errors import (
    BusyError,
    ClientError,
    ConnectFailedError,
    ConnectionLostError,
    DeadlineError,
    ForbiddenError,
    GatewayError,
    ProtocolError,
    RefusedError,
    TooManyRequestsError,
    UnauthorizedError,
)
from app.client.inbox import Event
from app.client.transcribing import Outcome, stream, transcribe
from app.contract.dialect_a import (
    Metrics,
    Partial,
    SessionStarted,
    SessionStopped,
    StartTranscription,
    Transcription,
    WarningA,
)

__all__ = [
    "BusyError",
    "ClientError",
    "ConnectFailedError",
    "Connection",
    "ConnectionLostError",
    "DeadlineError",
    "Deadlines",
    "Event",
    "ForbiddenError",
    "GatewayError",
    "Metrics",
    "Outcome",
    "Partial",
    "PcmAudio",
    "ProtocolError",
    "RefusedError",
    "SessionStarted",
    "SessionStopped",
    "StartTranscription",
    "TooManyRequestsError",
    "Transcription",
    "UnauthorizedError",
    "WarningA",
    "connect",
    "read_audio",
    "stream",
    "transcribe",
]
