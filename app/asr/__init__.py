"""Speech recognition by a Riva or NIM server: the only place on the gateway's side with gRPC."""

from app.asr.client import RivaASRClient
from app.asr.errors import AsrError, ErrorCode, Fault
from app.asr.events import (
    EndpointHealth,
    Endpointing,
    FileTranscript,
    Hotwords,
    Model,
    Readiness,
    Transcript,
    Word,
)
from app.asr.routes import Route
from app.asr.settings import RivaSettings
from app.asr.settings_problems import Problem, SettingsError

__all__ = [
    "AsrError",
    "EndpointHealth",
    "Endpointing",
    "ErrorCode",
    "Fault",
    "FileTranscript",
    "Hotwords",
    "Model",
    "Problem",
    "Readiness",
    "RivaASRClient",
    "RivaSettings",
    "Route",
    "SettingsError",
    "Transcript",
    "Word",
]
