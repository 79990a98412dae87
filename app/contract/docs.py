"""Writes docs/contract.md and docs/contract.schema.json from the message types."""

import inspect
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter

from . import dialect_a as a
from . import dialect_b as b
from .codes import CLOSE_MEANINGS, WARNINGS, ErrorCode
from .errors import ERRORS
from .fields import ErrorBody, Finalize, Finalized, Heartbeat, Queued, ServerMessage
from .prose import HTTP, INTRODUCTION
from .tokens import TokenAnswer, TokenRequest

_CLIENT_A: Final = (
    a.StartTranscription,
    Finalize,
    a.StopTranscription,
    a.Ping,
    a.GetMetrics,
)
_SERVER_A: Final = (
    a.Connection,
    a.SessionStarted,
    a.Partial,
    a.Transcription,
    a.SessionStopped,
    a.Pong,
    a.Metrics,
    a.ErrorA,
    a.WarningA,
    Heartbeat,
    Finalized,
    Queued,
)
_CLIENT_B: Final = (
    b.StartRecording,
    Finalize,
    b.StopRecording,
    b.Configure,
    b.PingB,
    b.End,
    b.Config,
)
_SERVER_B: Final = (
    b.ConnectionB,
    b.RecordingStarted,
    b.Configured,
    b.PartialB,
    b.TranscriptionB,
    b.RecordingStopped,
    b.PongB,
    b.ErrorB,
    b.WarningB,
    Heartbeat,
    Finalized,
    Queued,
)

HTTP_ONLY: Final = frozenset(
    {
        ErrorCode.FORBIDDEN_ORIGIN,
        ErrorCode.INSUFFICIENT_SCOPE,
        ErrorCode.IDENTITY_UNAVAILABLE,
        ErrorCode.TOO_MANY_CONNECTIONS,
        ErrorCode.BAD_REQUEST,
        ErrorCode.NOT_FOUND,
        ErrorCode.MODEL_NOT_FOUND,
        ErrorCode.METHOD_NOT_ALLOWED,
        ErrorCode.UPLOAD_TOO_BIG,
        ErrorCode.UNSUPPORTED_AUDIO,
        ErrorCode.UPLOAD_TOO_SLOW,
        ErrorCode.TOO_MANY_UPLOADS,
        ErrorCode.TOO_MANY_CLIENT_UPLOADS,
        ErrorCode.TOO_MANY_TOKENS,
    }
)


def contract_page(late_audio_s: float) -> str:
    """Return docs/contract.md.

    Args:
        late_audio_s: For how long audio is still expected after a session.
    """
    return "\n".join(
        [
            INTRODUCTION.replace("{late:g}", f"{late_audio_s:g}"),
            *_model(TokenRequest),
            *_model(TokenAnswer),
            *_dialect("Dialect A", _CLIENT_A, _SERVER_A),
            *_dialect("Dialect B", _CLIENT_B, _SERVER_B),
            "## Objects inside messages\n",
            *(line for model in _inner_models() for line in _model(model)),
            *_errors(),
            *_warnings(),
            *_close_codes(),
            HTTP,
        ]
    )


def contract_schema() -> str:
    """Return docs/contract.schema.json."""
    adapters: dict[str, TypeAdapter[Any]] = {
        "client_a": TypeAdapter(a.ClientMessageA),
        "server_a": TypeAdapter(a.ServerMessageA),
        "client_b": TypeAdapter(b.ClientMessageB),
        "server_b": TypeAdapter(b.ServerMessageB),
        "http_error": TypeAdapter(ErrorBody),
        "token_request": TypeAdapter(TokenRequest),
        "token_answer": TypeAdapter(TokenAnswer),
    }
    named, shared = TypeAdapter.json_schemas(
        [(name, "validation", adapter) for name, adapter in adapters.items()],
        title="Perch wire contract",
    )
    schemas = {name: schema for (name, _), schema in named.items()}
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **shared,
        "$defs": {**shared["$defs"], **schemas},
    }
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _dialect(
    title: str, client: Sequence[type[BaseModel]], server: Sequence[type[BaseModel]]
) -> Iterator[str]:
    yield f"## {title}\n"
    yield f"### {title}: what a client sends\n"
    for model in client:
        yield from _model(model)
    yield f"### {title}: what the gateway sends\n"
    for model in server:
        yield from _model(model)


def _model(model: type[BaseModel]) -> Iterator[str]:
    schema = model.model_json_schema()
    properties: dict[str, dict[str, Any]] = schema["properties"]
    kind = properties.get("type", {}).get("const")
    yield f"#### `{kind or model.__name__}`\n"
    yield f"{inspect.cleandoc(model.__doc__ or '')}\n"
    rows = [(name, field) for name, field in properties.items() if name != "type"]
    if not rows:
        return
    from_client = not issubclass(model, ServerMessage)
    yield "| Key | Type | Default | Meaning |" if from_client else "| Key | Type | Meaning |"
    yield "|---|---|---|---|" if from_client else "|---|---|---|"
    for name, field in rows:
        meaning = _meaning(field)
        default = f" {_default(field)} |" if from_client else ""
        yield f"| `{name}` | {_type(field)} |{default} {meaning} |"
    yield ""


def _type(field: Mapping[str, Any]) -> str:
    if "$ref" in field:
        return f"`{field['$ref'].rpartition('/')[2]}`"
    if "const" in field:
        return f"`{json.dumps(field['const'])}`"
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_type(member) for member in field["anyOf"]))
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}"
    if "enum" in field:
        return " or ".join(f"`{json.dumps(value)}`" for value in field["enum"])
    return str(field.get("type", "any"))


def _default(field: Mapping[str, Any]) -> str:
    if field.get("type") == "array" and "default" not in field:
        return "`[]`"
    value = field.get("default")
    return "absent" if value is None else f"`{json.dumps(value)}`"


def _meaning(field: Mapping[str, Any]) -> str:
    members = (field, *field.get("anyOf", ()))
    description = next((m["description"] for m in members if "description" in m), "")
    accepted = next((m["accepted"] for m in members if "accepted" in m), None)
    if accepted is None:
        return str(description)
    return f"{description} Accepted: {accepted}.".strip()


def _inner_models() -> list[type[BaseModel]]:
    found: dict[str, type[BaseModel]] = {}
    for model in (*_CLIENT_A, *_SERVER_A, *_CLIENT_B, *_SERVER_B):
        for name in model.model_json_schema().get("$defs", {}):
            found[name] = _by_name(name)
    return [found[name] for name in sorted(found)]


def _by_name(name: str) -> type[BaseModel]:
    pending: list[type[BaseModel]] = [BaseModel]
    while pending:
        for child in pending.pop().__subclasses__():
            if child.__name__ == name and child.__module__.startswith("app.contract."):
                return child
            pending.append(child)
    raise LookupError(name)


def _errors() -> Iterator[str]:
    yield "## Error codes\n"
    yield "| `code` | `error` | When | Retryable | Close | HTTP | Retry after |"
    yield "|---|---|---|---|---|---|---|"
    for code, spec in ERRORS.items():
        close = "stays open" if spec.close_code is None else str(int(spec.close_code))
        if code in HTTP_ONLY:
            close = "-"
        wait = "-" if spec.retry_after_s is None else f"{spec.retry_after_s:g} s"
        yield (
            f"| `{code.value}` | {spec.sentence} | {spec.when} | "
            f"{'yes' if spec.retryable else 'no'} | {close} | {spec.http_status or '-'} | {wait} |"
        )
    yield (
        "\nErrors of the recogniser (`asr_failed`, `asr_overloaded`) carry the recogniser's own "
        "answer to whether a retry may help.\n"
    )


def _warnings() -> Iterator[str]:
    yield "## Warning codes\n"
    yield "| `code` | `warning` |"
    yield "|---|---|"
    for code, sentence in WARNINGS.items():
        yield f"| `{code.value}` | {sentence} |"
    yield ""


def _close_codes() -> Iterator[str]:
    yield "## Close codes\n"
    yield "| Code | Meaning |"
    yield "|---|---|"
    for code, meaning in CLOSE_MEANINGS.items():
        yield f"| {int(code)} | {meaning} |"
    yield ""
