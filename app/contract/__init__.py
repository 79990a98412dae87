"""The WebSocket and HTTP contract: message types of both dialects, error and close codes, limits.

What the gateway, its clients and the documents share; it knows none of them. Messages are pydantic
models: `dialect_a` and `dialect_b`, on common `fields`; `parse_client_message` makes one of a text,
or raises a `ContractError`. `tokens` is what single-use tokens are asked for with. `ERRORS` says
for each code what a client can rely on.
"""

from . import dialect_a, dialect_b, limits
from .codes import CLOSE_MEANINGS, WARNINGS, CloseCode, ErrorCode, WarningCode
from .dialect_a import ClientMessageA, ServerMessageA
from .dialect_b import ClientMessageB, ServerMessageB
from .errors import ERRORS, ErrorSpec
from .failures import ContractError
from .fields import ClientMessage, ErrorBody, ServerMessage, WordTiming
from .parsing import (
    CLIENT_MESSAGES,
    Dialect,
    dialect_of,
    parse_client_message,
    parse_token_request,
)
from .tokens import TokenAnswer, TokenRequest

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
    "TokenAnswer",
    "TokenRequest",
    "WarningCode",
    "WordTiming",
    "dialect_a",
    "dialect_b",
    "dialect_of",
    "limits",
    "parse_client_message",
    "parse_token_request",
]
