"""Speech recognition by a Riva or NIM server: the only place on the gateway's side with gRPC."""

from app.asr.client import RivaASRClient
from app.asr.errors import AsrError, ErrorCode, Fault
from app.asr.events import (
    Cursor,
    EndpointHealth,
    Endpointing,
    FileTranscript,
    Finalised,
    Hotwords,
    Interrupted,
    LastWord,
    Model,
    Readiness,
    Resumed,
    RetryHealth,
    Route,
    StreamEvent,
    Transcript,
    Word,
)
from app.asr.files.audio import FileAudio
from app.asr.pool.resolver import Resolver
from app.asr.session.control import StreamControl
from app.asr.settings import RivaSettings
from app.settings import Problem, SettingsError

__all__ = [
    "AsrError",
    "Cursor",
    "EndpointHealth",
    "Endpointing",
    "ErrorCode",
    "Fault",
    "FileAudio",
    "FileTranscript",
    "Finalised",
    "Hotwords",
    "Interrupted",
    "LastWord",
    "Model",
    "Problem",
    "Readiness",
    "Resolver",
    "Resumed",
    "RetryHealth",
    "RivaASRClient",
    "RivaSettings",
    "Route",
    "SettingsError",
    "StreamControl",
    "StreamEvent",
    "Transcript",
    "Word",
]
