"""Speech recognition by a Riva or NIM server: the only place that speaks to one, by gRPC.

`RivaASRClient` makes sessions to which audio is sent (`session`, `SessionOptions`), recognises
recordings (`transcribe_file`), lists models and probes whether a stream can be opened. All else is
plain data that goes in or comes out. Nobody outside imports past this package.
"""

from app.asr.client import RivaASRClient
from app.asr.errors import AsrError, ErrorCode, Fault
from app.asr.events import (
    AS_CONFIGURED,
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
    Spelling,
    StreamEvent,
    Transcript,
    Word,
)
from app.asr.files.audio import FileAudio, FileLimits
from app.asr.pool.resolver import Resolver
from app.asr.session.coverage import BEGINNING
from app.asr.session.session import RecognitionSession
from app.asr.settings import DEFAULT_GROUP, RivaSettings
from app.asr.wire.requests import SessionOptions
from app.settings import Problem, SettingsError

__all__ = [
    "AS_CONFIGURED",
    "BEGINNING",
    "DEFAULT_GROUP",
    "AsrError",
    "Cursor",
    "EndpointHealth",
    "Endpointing",
    "ErrorCode",
    "Fault",
    "FileAudio",
    "FileLimits",
    "FileTranscript",
    "Finalised",
    "Hotwords",
    "Interrupted",
    "LastWord",
    "Model",
    "Problem",
    "Readiness",
    "RecognitionSession",
    "Resolver",
    "Resumed",
    "RetryHealth",
    "RivaASRClient",
    "RivaSettings",
    "Route",
    "SessionOptions",
    "SettingsError",
    "Spelling",
    "StreamEvent",
    "Transcript",
    "Word",
]
