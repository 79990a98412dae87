"""The WebSocket and HTTP contract: message types of both dialects, error and close codes, limits.

A leaf package: it imports nothing else of this repository, so that gateway, client and documents
can share it.
"""

from . import dialect_a, dialect_b, limits
from .dialect_a import ClientMessageA, ServerMessageA
from .dialect_b import ClientMessageB, ServerMessageB
from .errors import (
    CLOSE_MEANINGS,
    ERRORS,
    WARNINGS,
    CloseCode,
    ErrorCode,
    ErrorSpec,
    WarningCode,
)
from .failures import ContractError
from .fields import ClientMessage, ErrorBody, ServerMessage, WordTiming
from .parsing import CLIENT_MESSAGES, Dialect, dialect_of, parse_client_message

__all__ = [
    "CLIENT_MESSAGES",
    "CLOSE_MEANINGS",
    "ERRORS",
    "WARNINGS",
    "ClientMessage",
    "ClientMessageA",
    "ClientMessageB",
    "CloseCode",
    "ContractError",
    "Dialect",
    "ErrorBody",
    "ErrorCode",
    "ErrorSpec",
    "ServerMessage",
    "ServerMessageA",
    "ServerMessageB",
    "WarningCode",
    "WordTiming",
    "dialect_a",
    "dialect_b",
    "dialect_of",
    "limits",
    "parse_client_message",
]
