"""Parsing of control messages, with errors that name field and value."""

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import from_json

from . import dialect_a, dialect_b
from .codes import ErrorCode
from .failures import ContractError
from .fields import ClientMessage, Finalize
from .limits import MAX_ECHO_CHARS, PATH_B
from .tokens import TokenRequest


class Dialect(StrEnum):
    """The two message vocabularies."""

    A = "a"
    B = "b"


def dialect_of(path: str) -> Dialect:
    """Return the dialect spoken at a WebSocket path."""
    return Dialect.B if path.rstrip("/") == PATH_B else Dialect.A


CLIENT_MESSAGES: Final[Mapping[Dialect, Mapping[str, type[ClientMessage]]]] = {
    Dialect.A: {
        "start_transcription": dialect_a.StartTranscription,
        "finalize": Finalize,
        "stop_transcription": dialect_a.StopTranscription,
        "ping": dialect_a.Ping,
        "get_metrics": dialect_a.GetMetrics,
    },
    Dialect.B: {
        "start_recording": dialect_b.StartRecording,
        "finalize": Finalize,
        "stop_recording": dialect_b.StopRecording,
        "end": dialect_b.End,
        "configure": dialect_b.Configure,
        "config": dialect_b.Config,
        "ping": dialect_b.PingB,
    },
}


def parse_client_message(dialect: Dialect, text: str) -> ClientMessage:
    """Parse one text message.

    Args:
        dialect: Vocabulary of the connection.
        text: The message as received.

    Raises:
        ContractError: `invalid_json`, `unknown_message_type` or `invalid_message`.
    """
    try:
        payload = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise ContractError(ErrorCode.INVALID_JSON) from error
    if not isinstance(payload, dict):
        raise ContractError(ErrorCode.INVALID_JSON)
    kind = payload.get("type")
    model = CLIENT_MESSAGES[dialect].get(kind) if isinstance(kind, str) else None
    if model is None:
        shown = kind if isinstance(kind, str) else _shown(kind) if "type" in payload else None
        raise ContractError(ErrorCode.UNKNOWN_MESSAGE_TYPE, type=_cut(str(shown)))
    try:
        return model.model_validate(payload)
    except ValidationError as error:
        raise _invalid(model, error) from error


def parse_token_request(body: bytes) -> TokenRequest:
    """Parse the body of a request for a single-use token; an empty one asks for the defaults.

    Raises:
        ContractError: `bad_request`: it is no JSON object, or names field, value and what is
            accepted.
    """
    try:
        payload = from_json(body, allow_inf_nan=False) if body else {}
    except ValueError:
        payload = None
    if not isinstance(payload, dict):
        raise _bad_request("the body is no JSON object; accepted: one, or no body")
    try:
        return TokenRequest.model_validate(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        if first["type"] == "extra_forbidden":
            known = ", ".join(TokenRequest.model_fields)
            shown = _cut(str(first["loc"][0]))
            raise _bad_request(f"{shown} is no key here; accepted: {known}") from error
        field, accepted = _field_and_accepted(TokenRequest, first["loc"])
        shown = _shown(first["input"])
        raise _bad_request(f"{field} is {shown}; accepted: {accepted}") from error


def _bad_request(detail: str) -> ContractError:
    return ContractError(ErrorCode.BAD_REQUEST, detail=detail)


def _invalid(model: type[ClientMessage], error: ValidationError) -> ContractError:
    first = error.errors(include_url=False, include_context=False)[0]
    field, accepted = _field_and_accepted(model, first["loc"])
    return ContractError(
        ErrorCode.INVALID_MESSAGE, field=field, value=_shown(first["input"]), accepted=accepted
    )


def _field_and_accepted(model: type[ClientMessage], loc: Sequence[int | str]) -> tuple[str, str]:
    """Walk the message's JSON schema along an error's location.

    The location also names union members that were tried; these are no fields and are left out.
    """
    schema = _schema(model)
    node: Mapping[str, Any] = schema
    path = ""
    accepted = "a message as documented"
    for step in loc:
        child = _child(schema, node, step)
        if child is None:
            continue
        node = child
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
        accepted = next(
            (v["accepted"] for v in _variants(schema, node) if "accepted" in v), accepted
        )
        accepted = node.get("accepted", accepted)
    return path, accepted


def _child(
    schema: Mapping[str, Any], node: Mapping[str, Any], step: int | str
) -> Mapping[str, Any] | None:
    for variant in _variants(schema, node):
        if isinstance(step, int):
            if "items" in variant:
                items: Mapping[str, Any] = variant["items"]
                return items
        elif step in variant.get("properties", {}):
            found: Mapping[str, Any] = variant["properties"][step]
            return found
    return None


def _variants(schema: Mapping[str, Any], node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return what a node may be: itself, or the members of its union, references resolved."""
    members: list[Mapping[str, Any]] = [node, *node.get("anyOf", [])]
    return [
        schema["$defs"][member["$ref"].rpartition("/")[2]] if "$ref" in member else member
        for member in members
    ]


@cache
def _schema(model: type[ClientMessage]) -> Mapping[str, Any]:
    return model.model_json_schema()


def _shown(value: object) -> str:
    try:
        return _cut(json.dumps(value, ensure_ascii=False, default=str, allow_nan=False))
    except ValueError:
        # As 1e400 is read; how it was written is not known here.
        return "a number beyond 1.8e308"


def _cut(text: str) -> str:
    return text if len(text) <= MAX_ECHO_CHARS else text[: MAX_ECHO_CHARS - 3] + "..."
