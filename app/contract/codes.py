"""Codes by which programs tell errors, warnings and closes apart, and what the latter two mean."""

from enum import IntEnum, StrEnum
from typing import Final


class CloseCode(IntEnum):
    """WebSocket close codes the gateway uses (RFC 6455 section 7.4, IANA registry)."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    INVALID_DATA = 1007
    POLICY = 1008
    TOO_BIG = 1009
    INTERNAL = 1011
    RESTART = 1012
    TRY_LATER = 1013


CLOSE_MEANINGS: Final[dict[CloseCode, str]] = {
    CloseCode.NORMAL: "The client closed, or everything asked for was answered.",
    CloseCode.GOING_AWAY: "The gateway is going away; the session was finalised. Connect again.",
    CloseCode.PROTOCOL_ERROR: "The bytes were not a WebSocket conversation (RFC 6455).",
    CloseCode.INVALID_DATA: "A text message was not UTF-8.",
    CloseCode.POLICY: "A limit was exceeded, or the session goes on over another connection; the "
    "error message before the close says which.",
    CloseCode.TOO_BIG: "A message was larger than the limit announced in the hello.",
    CloseCode.INTERNAL: "The gateway or the recogniser failed, or pings were not answered.",
    CloseCode.RESTART: "The gateway went away with the session not finalised. Connect again.",
    CloseCode.TRY_LATER: "The recogniser is overloaded or out of reach, or there is no room for a "
    "message. Try again later.",
}


class ErrorCode(StrEnum):
    """Machine-readable reason of an `error` message or of an HTTP error body."""

    INVALID_JSON = "invalid_json"
    UNKNOWN_MESSAGE_TYPE = "unknown_message_type"
    INVALID_MESSAGE = "invalid_message"
    SESSION_ACTIVE = "session_active"
    NO_ACTIVE_SESSION = "no_active_session"
    AUDIO_BEFORE_START = "audio_before_start"
    ASR_UNAVAILABLE = "asr_unavailable"
    ASR_REJECTED = "asr_rejected"
    ASR_FAILED = "asr_failed"
    ASR_OVERLOADED = "asr_overloaded"
    ASR_STALLED = "asr_stalled"
    INVALID_UTF8 = "invalid_utf8"
    PROTOCOL_ERROR = "protocol_error"
    MESSAGE_TOO_BIG = "message_too_big"
    MESSAGE_TIMEOUT = "message_timeout"
    BUFFERS_FULL = "buffers_full"
    RATE_LIMITED = "rate_limited"
    IDLE_TIMEOUT = "idle_timeout"
    SESSION_TOO_LONG = "session_too_long"
    SLOW_READER = "slow_reader"
    GOING_AWAY = "going_away"
    DRAIN_DEADLINE = "drain_deadline"
    INTERNAL_ERROR = "internal_error"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN_ORIGIN = "forbidden_origin"
    INSUFFICIENT_SCOPE = "insufficient_scope"
    IDENTITY_UNAVAILABLE = "identity_unavailable"
    MISDIRECTED_REQUEST = "misdirected_request"
    TOO_MANY_CONNECTIONS = "too_many_connections"
    TOO_MANY_SESSIONS = "too_many_sessions"
    DRAINING = "draining"
    BAD_REQUEST = "bad_request"
    NOT_FOUND = "not_found"
    MODEL_NOT_FOUND = "model_not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    UPGRADE_REQUIRED = "upgrade_required"
    HEADERS_TOO_LARGE = "headers_too_large"
    UPLOAD_TOO_BIG = "upload_too_big"
    UNSUPPORTED_AUDIO = "unsupported_audio"
    RESUME_REJECTED = "resume_rejected"
    RECOGNITION_OFF = "recognition_off"
    TOO_MANY_CLIENT_SESSIONS = "too_many_client_sessions"
    TOO_MANY_CLIENT_CONNECTIONS = "too_many_client_connections"
    TOO_MANY_NEW_SESSIONS = "too_many_new_sessions"
    TOO_MANY_RESUMES = "too_many_resumes"
    SUPERSEDED = "superseded"
    WAITING_ROOM_FULL = "waiting_room_full"
    UPLOAD_TOO_SLOW = "upload_too_slow"
    TOO_MANY_UPLOADS = "too_many_uploads"
    TOO_MANY_CLIENT_UPLOADS = "too_many_client_uploads"
    TOO_MANY_TOKENS = "too_many_tokens"
    MODEL_NOT_ALLOWED = "model_not_allowed"


class WarningCode(StrEnum):
    """Machine-readable reason of a `warning` message. A warning never ends anything by itself."""

    HALF_SAMPLE = "half_sample"
    NOT_SAMPLES = "not_samples"
    SESSION_ENDING = "session_ending"
    IDLE = "idle"
    GOING_AWAY = "going_away"
    UNKNOWN_MESSAGE_TYPE = "unknown_message_type"
    RECOGNISER_LOST = "recogniser_lost"
    RECOGNISER_BACK = "recogniser_back"
    RECOGNITION_MOVED = "recognition_moved"


WARNINGS: Final[dict[WarningCode, str]] = {
    WarningCode.HALF_SAMPLE: "The audio ended inside a sample; {count} bytes were left over",
    WarningCode.NOT_SAMPLES: "The audio seems to be {what} and is {outcome}; "
    "send {encoding} samples at {rate} Hz as binary messages",
    WarningCode.SESSION_ENDING: "The session ends in {seconds:g} s: its maximum is {maximum:g} s",
    WarningCode.IDLE: "Nothing was received for a while; the connection is closed in {seconds:g} s",
    WarningCode.GOING_AWAY: "The gateway is going away; the session ends within {seconds:g} s",
    WarningCode.UNKNOWN_MESSAGE_TYPE: "Unknown message type: {type}",
    WarningCode.RECOGNISER_LOST: "The recogniser was lost; the audio is kept until it is back",
    WarningCode.RECOGNISER_BACK: "The recogniser is back after {outage:g} s; kept audio is heard",
    WarningCode.RECOGNITION_MOVED: "Another recogniser goes on with the session",
}
