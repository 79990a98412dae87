"""What both realtime dialects are written in: JSON events with a type and an id."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

from app.contract import ContractError, ErrorCode
from app.contract.limits import MAX_CONTROL_BYTES, MAX_ECHO_CHARS, MAX_NAME_CHARS
from app.gateway.dialects.json_objects import encoded, object_of

APPEND: Final = "input_audio_buffer.append"
COMMIT: Final = "input_audio_buffer.commit"
CLEAR: Final = "input_audio_buffer.clear"

Event = Mapping[str, Any]
"""A JSON object of a client's."""


class EventError(ContractError):
    """An event that cannot be taken; the connection goes on.

    Args:
        name: Of the field, as OpenAI's `param` has it.
        value: What it holds.
        accepted: What it may hold.
        own_code: What OpenAI calls the error, where it has a name for it.
    """

    def __init__(
        self, name: str, value: object, accepted: str, own_code: str = "invalid_value"
    ) -> None:
        super().__init__(
            ErrorCode.INVALID_MESSAGE, field=name, value=shown(value), accepted=accepted
        )
        self.name = name
        self.own_code = own_code


def event_of(message: str | bytes) -> Event:
    """Parse a client's event.

    Raises:
        ContractError: `invalid_json`; `message_too_big`: it is longer than a message without audio
            may be.
    """
    event = object_of(message)
    if event.get("type") != APPEND:
        if len(message) > MAX_CONTROL_BYTES:
            raise ContractError(ErrorCode.MESSAGE_TOO_BIG, limit=MAX_CONTROL_BYTES)
        _check_numbers(event)
    return event


def _check_numbers(event: Event) -> None:
    """Refuse numbers such as 1e400, which no answer could repeat."""
    try:
        encoded(event)
    except ValueError as error:
        raise ContractError(ErrorCode.INVALID_JSON) from error


def id_of(event: Event) -> str | None:
    """Return the client's own id of an event, which its error repeats."""
    own = event.get("event_id")
    return own[:MAX_NAME_CHARS] if isinstance(own, str) else None


def audio_of(event: Event) -> bytes:
    """Return the audio of an append.

    Raises:
        EventError: It is no base64.
    """
    audio = event.get("audio")
    accepted = "base64 text (RFC 4648, section 4)"
    if not isinstance(audio, str):
        raise EventError("audio", audio, accepted)
    try:
        return base64.b64decode(audio, validate=True)
    except (ValueError, binascii.Error):
        raise EventError("audio", audio, accepted) from None


def event(kind: str, **fields: object) -> str:
    """Return an event of ours, with an id of its own."""
    return encoded({"type": kind, "event_id": f"event_{uuid4().hex}", **fields})


def new_id(kind: str) -> str:
    """Return an id that no other has."""
    return f"{kind}_{uuid4().hex}"


def shown(value: object) -> str:
    """Return a client's own value as an error repeats it."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        text = str(value)
    return text if len(text) <= MAX_ECHO_CHARS else f"{text[: MAX_ECHO_CHARS - 3]}..."


def milliseconds(seconds: float) -> int:
    """Return whole milliseconds."""
    return round(seconds * 1000)
