"""An asynchronous client of the gateway's contract.

Example:
    async with connect("ws://127.0.0.1:8080/ws") as gateway:
        await gateway.start(StartTranscription(sample_rate=16000))
        async for piece in microphone():
            await gateway.send(piece)
        await gateway.finish()
        async for event in gateway.events():
            if isinstance(event, Transcription):
                print(event.text)

Usually one task sends while another reads; for whole recordings `transcribe` does that. When a
connection breaks, the session goes on over another one and no word is lost; the event `Reconnected`
says so. Where it cannot, `lost` of the error says which audio is in no final.
"""

from ..contract.dialect_a import (
    Metrics,
    Partial,
    SessionStarted,
    SessionStopped,
    StartTranscription,
    Transcription,
    WarningA,
)
from ..contract.fields import AudioSpan, Finalized, Heartbeat, Queued
from .audio import PcmAudio, read_audio
from .connecting import AnyConnection, connect
from .connection import Connection, TokenSource, lacks_authority
from .deadlines import Deadlines
from .errors import (
    AudioFileError,
    BusyError,
    CertificateError,
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
from .events import Event, Reconnected
from .resume import ReconnectRules, ResumableConnection
from .transcribing import Outcome, stream, transcribe

__all__ = [
    "AnyConnection",
    "AudioFileError",
    "AudioSpan",
    "BusyError",
    "CertificateError",
    "ClientError",
    "ConnectFailedError",
    "Connection",
    "ConnectionLostError",
    "DeadlineError",
    "Deadlines",
    "Event",
    "Finalized",
    "ForbiddenError",
    "GatewayError",
    "Heartbeat",
    "Metrics",
    "Outcome",
    "Partial",
    "PcmAudio",
    "ProtocolError",
    "Queued",
    "ReconnectRules",
    "Reconnected",
    "RefusedError",
    "ResumableConnection",
    "SessionStarted",
    "SessionStopped",
    "StartTranscription",
    "TokenSource",
    "TooManyRequestsError",
    "Transcription",
    "UnauthorizedError",
    "WarningA",
    "connect",
    "lacks_authority",
    "read_audio",
    "stream",
    "transcribe",
]
